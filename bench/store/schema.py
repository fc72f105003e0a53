"""The results file: its tables, their seals, and what is refused before a table is read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.store.records import Damage, DamagedError, FolderError, StoreError

APPLICATION_ID = 0x6F707462
VERSION = 1
SMALLEST_PAGE = 512
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
GET_SEALS = "SELECT id, sha256 FROM outcomes"
GET_CURVES = "SELECT id, data, sha256 FROM curves JOIN outcomes USING (id) WHERE id IN ({})"


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
            new.unlink(missing_ok=True)
            connection = sqlite3.connect(new, isolation_level=None)
            try:
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
    path.with_name(path.name + "-journal").unlink(missing_ok=True)
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open the store at `path` and make sure that it is one.

    Raises `DamagedError` when it is not a database or not whole, `StoreError` when it is something
    else or from a newer version.
    """
    if not path.is_file():
        raise FolderError(f"{path.parent}: there are no results here ({path.name} is missing)")
    if path.stat().st_size < SMALLEST_PAGE:  # SQLite would take it for a new one
        raise DamagedError(path, [Damage("file", "is cut off: there is nothing left")])
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


def _refuse_foreign_journal(path: Path) -> None:
    """Refuse a journal that no writer of ours left.

    Rolling back one that names a super-journal makes SQLite delete the file of that name, wherever
    it is; https://sqlite.org/fileformat2.html#the_rollback_journal
    """
    journal = path.with_name(path.name + "-journal")
    problem = Damage("journal", "is not one of a run that was cut short")
    if journal.is_symlink():
        raise DamagedError(path, [problem])
    with contextlib.suppress(FileNotFoundError), open(journal, "rb") as file:
        file.seek(max(0, os.path.getsize(journal) - len(SUPER_JOURNAL)))
        if file.read() == SUPER_JOURNAL:
            raise DamagedError(path, [problem])


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
        raise StoreError(f"{path}: a database, but not one of results")
    journal = pragma("journal_mode")
    if found != expected or (application, version, journal) != (APPLICATION_ID, VERSION, "delete"):
        raise DamagedError(path, [Damage("file", "its header or schema was changed")])
