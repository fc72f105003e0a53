"""The results file: its tables, their seals, and what is refused before a table is read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.store.records import Damage, DamagedError, FolderError, StoreError
from nncore.files import open_plain

APPLICATION_ID = 0x6F707462
VERSION = 1
FOREIGN, CHANGED = "a database, but not one of results", "its header or schema was changed"
SMALLEST_PAGE = 512
PAGE = 4096  # bytes
# Of the header, https://sqlite.org/fileformat2.html#the_database_header: what is the same in all
# files of results (sizes, no write-ahead log; schema format; encoding), whose file it is, how many
# pages there are and are free, and for which change that holds.
FIXED = {16: b"\x10\0\1\1\0\x40\x20\x20", 44: b"\0\0\0\4", 56: b"\0\0\0\1"}
OWNER, COUNTS, VALID_FOR = slice(68, 72), slice(28, 40), slice(92, 96)
SIBLINGS = ("-journal", "-wal", "-shm")
SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
# A reader holds its lock for one chunk at a time; a writer waits this long for it.
BUSY_SECONDS = 60.0

TABLES = {
    "meta": "(key TEXT PRIMARY KEY, value TEXT NOT NULL, sha256 BLOB NOT NULL)",
    "layouts": "(id INTEGER PRIMARY KEY, metrics TEXT NOT NULL, epochs BLOB NOT NULL,"
    " sha256 BLOB NOT NULL)",
    "stacks": "(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, kernel_seconds REAL NOT NULL,"
    " wall_seconds REAL NOT NULL, started REAL NOT NULL, pid INTEGER NOT NULL,"
    " host TEXT NOT NULL, attempts INTEGER NOT NULL, sha256 BLOB NOT NULL)",
    "outcomes": "(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, stack INTEGER NOT NULL,"
    " layout INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,"
    " diverged_epoch INTEGER, improved INTEGER, sha256 BLOB NOT NULL)",
    # Apart, so that reading scalars does not page through the curves.
    "curves": "(id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
}
COLUMNS = {
    table: tuple(column.split()[0] for column in columns[1:-1].split(", "))
    for table, columns in TABLES.items()
}


def _put(table: str, verb: str = "INSERT") -> str:
    """The statement that stores a row, given by name; an `id` of None gets a new number."""
    names = COLUMNS[table]
    values = ", ".join(f":{name}" for name in names)
    return f"{verb} INTO {table} ({', '.join(names)}) VALUES ({values})"


PUT_META = _put("meta", "INSERT OR REPLACE")
PUT_LAYOUT = _put("layouts")
PUT_STACK = _put("stacks")
PUT_OUTCOME = (
    _put("outcomes")
    + " ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{n} = excluded.{n}" for n in COLUMNS["outcomes"] if n not in ("id", "key"))
    + " RETURNING id"
)
PUT_CURVE = _put("curves", "INSERT OR REPLACE")
GET_SEALS = "SELECT id, sha256 FROM outcomes ORDER BY id"
GET_CURVE = "SELECT data, sha256 FROM curves JOIN outcomes USING (id) WHERE id = ?"


def seal(table: str, row: Mapping[str, Any], data: bytes = b"") -> bytes:
    """SHA-256 of a row of `table`, given by name, and of its bytes.

    Its scalar fields count in the order of the columns; its number is no part of its content.
    """
    apart = ("id", "epochs", "sha256")  # the epochs of a layout are its bytes
    fields = [row[name] for name in COLUMNS[table] if name not in apart]
    # A damaged row may hold bytes where text belongs: that must not match, nor fail.
    text = json.dumps(fields, default=repr)
    return hashlib.sha256(text.encode() + b"\n" + data).digest()


def sealed(table: str, row: Mapping[str, Any], data: bytes = b"") -> dict[str, Any]:
    """A row with its seal, as the statements above take it."""
    return {**row, "sha256": seal(table, row, data)}


@contextlib.contextmanager
def translated(path: Path, verb: str) -> Iterator[None]:
    """Turn SQLite's errors into `StoreError` and `DamagedError`."""
    try:
        yield
    except UnicodeDecodeError as error:  # in SQLite's own message, which quotes the damage
        raise DamagedError(path, [Damage("file", "its schema was changed")]) from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise DamagedError(path, [Damage("file", str(error))]) from error
        remedy = "; what was stored before is intact" if verb == "write" else ""
        raise StoreError(f"cannot {verb} {path}: {error}{remedy}") from error


def create(path: Path) -> None:
    """Put an empty store at `path`, at once: a kill leaves the old file or the whole new one."""
    new = path.with_name(path.name + ".new")
    with translated(path, "write"):
        try:
            for suffix in ("", *SIBLINGS):
                new.with_name(new.name + suffix).unlink(missing_ok=True)
            connection = sqlite3.connect(new, isolation_level=None)
            try:
                connection.execute(f"PRAGMA page_size = {PAGE}")
                _settings(connection)
                connection.execute("BEGIN")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                for name, columns in TABLES.items():
                    connection.execute(f"CREATE TABLE {name} {columns}")
                connection.execute("COMMIT")
            finally:
                connection.close()
            replace(new, path)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)


def replace(new: Path, path: Path) -> None:
    """Move `new` to `path` for good, power cuts included; a journal of the old file goes first."""
    for suffix in SIBLINGS:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open the store at `path` and make sure that it is one.

    Raises `DamagedError` when it is not a database or not whole, `StoreError` when it is something
    else or from a newer version, `FolderError` when there is no plain file.
    """
    head = _head(path)
    if len(head) < SMALLEST_PAGE:  # SQLite would take it for a new one
        raise DamagedError(path, [Damage("file", "is cut off: there is nothing left")])
    if head.startswith(b"SQLite") and any(head[i : i + len(b)] != b for i, b in FIXED.items()):
        if head[OWNER] != APPLICATION_ID.to_bytes(4, "big"):
            raise StoreError(f"{path}: {FOREIGN}")
        raise DamagedError(path, [Damage("file", CHANGED)])
    _refuse_foreign_journal(path)
    with translated(path, "read"):
        # A reader may have to roll back what a killed writer left, hence not `mode=ro` at first.
        writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        mode = "rw" if writable else "ro"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_SECONDS,
        )
        # Damaged text must come out as a row that does not match its seal, not as an error.
        connection.text_factory = lambda text: text.decode(errors="replace")
        try:
            _check(connection, path)
            if write:
                _settings(connection)
            else:
                connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection


def _head(path: Path) -> bytes:
    try:
        with open_plain(path, links=False) as file:
            return file.read(SMALLEST_PAGE)
    except (FileNotFoundError, NotADirectoryError) as error:
        there = path.parent.is_dir()
        what = f"are no results here ({path.name} is missing)" if there else "is no such folder"
        raise FolderError(f"{path.parent}: there {what}") from error
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}") from error


def _refuse_foreign_journal(path: Path) -> None:
    """Refuse a journal that no writer of ours left.

    Rolling back one that names a super-journal makes SQLite delete the file of that name, wherever
    it is; https://sqlite.org/fileformat2.html#the_rollback_journal. A log it would follow whatever
    the database says.
    """
    problem = Damage("journal", "is not one of a run that was cut short")
    journal, *logs = (path.with_name(path.name + suffix) for suffix in SIBLINGS)
    if any(os.path.lexists(log) for log in logs):
        raise DamagedError(path, [problem])
    try:
        with open_plain(journal, links=False) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - len(SUPER_JOURNAL)))
            if file.read() != SUPER_JOURNAL:
                return
    except FileNotFoundError:
        return
    except OSError:
        pass
    raise DamagedError(path, [problem])


def rescued(path: Path, copy: Path) -> None:
    """Put at `copy` what `path` has, with a first page that is whole: header and schema.

    They are the same in every file of results, and that page holds nothing else. Raises OSError
    and StoreError.
    """
    create(copy)
    first = bytearray(copy.read_bytes()[:PAGE])
    first[COUNTS] = bytes(COUNTS.stop - COUNTS.start)
    first[VALID_FOR] = b"\xff" * 4  # no change there was: the file's own length counts
    with open_plain(path, links=False) as source, open(copy, "wb") as target:
        target.write(first)
        source.seek(PAGE)
        shutil.copyfileobj(source, target)


def _settings(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    connection.execute("PRAGMA synchronous = EXTRA")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that is not exactly ours before any of its tables is touched."""

    def pragma(name: str) -> Any:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    found = dict(
        connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    )
    expected = {name: f"CREATE TABLE {name} {columns}" for name, columns in TABLES.items()}
    application, version = pragma("application_id"), pragma("user_version")
    if application == APPLICATION_ID and version > VERSION and found != expected:
        raise StoreError(f"{path}: written by a newer version (format {version}, not {VERSION})")
    if found != expected and application != APPLICATION_ID:
        raise StoreError(f"{path}: {FOREIGN}")
    journal = pragma("journal_mode")
    if found != expected or (application, version, journal) != (APPLICATION_ID, VERSION, "delete"):
        raise DamagedError(path, [Damage("file", CHANGED)])
