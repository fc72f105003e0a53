"""Finding what is damaged in a results file, and setting it aside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.store import schema
from bench.store.records import Damage, DamagedError, Layout, Row, StoreError, Training
from bench.store.rows import Rows
from bench.store.schema import seal, sealed, translated
from nncore.metrics import TRAIN_LOSS
from nncore.values import NUMBER, TEXT, YES_OR_NO, one_of, record, such, whole

CHUNK_BYTES = 8 << 20
# Facts that nothing else could make up for are stored twice.
AGAIN = {"fingerprint": "fingerprint, again"}

ASIDE = "damaged-"  # in the name of a file that was set aside
KEY = re.compile("[0-9a-f]{64}")

# What a run writes. SQLite keeps any value in any column, and anybody can seal one.
NUMBER_OF_A_ROW = whole(0, 2**63 - 1)
FORMS = {
    "meta": record({"key": TEXT, "value": TEXT}),
    "layouts": record({"metrics": TEXT}),
    "stacks": record(
        {
            "size": whole(1, 2**63 - 1),
            "kernel_seconds": NUMBER,
            "wall_seconds": NUMBER,
            "started": NUMBER,
            "pid": NUMBER_OF_A_ROW,
            "host": TEXT,
            "attempts": NUMBER_OF_A_ROW,
        }
    ),
    "outcomes": record(
        {
            "key": such("a key", lambda value: value in TEXT and bool(KEY.fullmatch(value))),
            "stack": NUMBER_OF_A_ROW,
            "layout": NUMBER_OF_A_ROW,
            "status": one_of("ok", "diverged", "crashed"),
            "reason": TEXT,
            "diverged_epoch": NUMBER_OF_A_ROW,
            "improved": YES_OR_NO,
        },
        optional=("diverged_epoch", "improved"),
    ),
}
BROKEN, STRANGE = "does not match its SHA-256", "holds what no run writes"


@dataclass
class Survey:
    """What is intact in a results file, by row id or key, and what is not."""

    damage: list[Damage] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    layouts: dict[int, Layout] = field(default_factory=dict)
    stacks: dict[int, Training] = field(default_factory=dict)
    trials: Rows = field(default_factory=Rows)


def survey(connection: sqlite3.Connection, path: Path) -> Survey:
    """Check every row of every table against its seal, and the file's structure."""
    found = Survey()
    for problem in _structure(connection, path):
        found.damage.append(Damage("file", problem))
    for row in _rows(connection, "meta", "rowid", found):
        name = f"meta {row['key']!r}"
        if problem := _problem("meta", row):
            found.damage.append(Damage(name, problem))
            continue
        try:
            found.meta[row["key"]] = json.loads(row["value"])
        except (ValueError, RecursionError):
            found.damage.append(Damage(name, STRANGE))
    for name, again in AGAIN.items():
        if again in found.meta:
            found.meta.setdefault(name, found.meta.pop(again))
    _survey_layouts(connection, found)
    _survey_trials(connection, found)
    for row in _rows(connection, "stacks", "id", found):
        if problem := _problem("stacks", row):
            found.damage.append(Damage(f"stack {row['id']}", problem))
        else:
            found.stacks[row["id"]] = Training(**{n: row[n] for n in Training._fields})
    return found


def _survey_layouts(connection: sqlite3.Connection, found: Survey) -> None:
    """Every layout that is intact."""
    for row in _rows(connection, "layouts", "id", found):
        number, epochs = row["id"], row.pop("epochs")
        if problem := _problem("layouts", row, epochs):
            found.damage.append(Damage(f"layout {number}", problem))
        elif (layout := _layout(row["metrics"], epochs)) is None:
            found.damage.append(Damage(f"layout {number}", "is none of a curve"))
        else:
            found.layouts[number] = layout


def twice(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are stored: those in `AGAIN` twice."""
    return {**facts, **{AGAIN[name]: facts[name] for name in AGAIN if name in facts}}


def _problem(table: str, row: dict[str, Any], data: Any = b"") -> str:
    """What is wrong with a row of `table` and its bytes; empty if a run may have written it."""
    if not isinstance(data, bytes) or seal(table, row, data) != row["sha256"]:
        return BROKEN
    content = {name: value for name, value in row.items() if name not in ("id", "sha256")}
    return STRANGE if FORMS[table].faults(content) else ""


def _layout(text: str, epochs: bytes) -> Layout | None:
    """The layout of a row whose seal matches, if curves can have it: a seal keeps no one out.

    Older folders have the names of metrics alone, or no numbers.
    """
    try:
        found = json.loads(text)
        names = found if isinstance(found, dict) else {"metrics": found, "asked": []}
        metrics, asked, numbers = names["metrics"], names["asked"], names.get("numbers", [])
        at = np.frombuffer(epochs, np.int64)
    except (ValueError, KeyError, RecursionError):
        return None
    for texts in (metrics, asked, numbers):
        if not isinstance(texts, list) or not all(isinstance(name, str) for name in texts):
            return None
    crashed = not (metrics or epochs or numbers)
    distinct = all(len(set(texts)) == len(texts) for texts in (metrics, numbers))
    whole = TRAIN_LOSS in metrics and distinct and len(at)
    if not crashed and (not whole or (np.diff(at) <= 0).any() or at[0] < 0):
        return None
    return Layout(tuple(metrics), epochs, tuple(asked), tuple(numbers))


def _survey_trials(connection: sqlite3.Connection, found: Survey) -> None:
    lost: dict[str, list[str]] = {}
    found.trials = Rows.of(_intact_trials(connection, found, lost))
    for problem, keys in lost.items():
        if problem.startswith("needs"):
            found.damage.append(Damage("trials", problem, tuple(keys)))
        else:
            found.damage += [Damage("trial", problem, (key,)) for key in keys]


def _intact_trials(
    connection: sqlite3.Connection, found: Survey, lost: dict[str, list[str]]
) -> Iterator[tuple[str, Row]]:
    """Keys and rows of what is intact; keys of the rest come into `lost`, by what is wrong."""
    largest = max((layout.size for layout in found.layouts.values()), default=0)
    chunk = max(1, min(1000, CHUNK_BYTES // (largest + 1)))
    missed: set[Any] = set()
    for row in _rows(connection, "outcomes", "id", found, chunk, curves=True):
        key, curve, layout = row["key"], row.pop("data"), row["layout"]
        if layout not in found.layouts and layout not in missed:
            # A writer may have put it there since layouts were read.
            missed.add(layout)
            newer = Survey()
            _survey_layouts(connection, newer)
            found.layouts |= newer.layouts
        if row["improved"] in (0, 1):
            row["improved"] = bool(row["improved"])
        problem = _problem("outcomes", row, curve) if isinstance(curve, bytes) else "has no curve"
        if problem:
            pass
        elif layout not in found.layouts:
            problem = f"needs layout {layout}"
        elif len(curve) != found.layouts[layout].size:
            problem = "has a curve of another length"
        if problem:
            lost.setdefault(problem, []).append(str(key))
        else:
            yield key, Row(**{name: row[name] for name in Row._fields})


def _structure(connection: sqlite3.Connection, path: Path) -> Iterator[str]:
    """What SQLite itself finds wrong, and whether the file is as long as it says."""
    try:
        connection.execute("BEGIN")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        actual = os.stat(path).st_size
        if actual != pages * size:
            yield f"has {actual} of {pages * size} bytes"
        for (line,) in connection.execute("PRAGMA integrity_check(5)").fetchall():
            if line != "ok":
                yield "is malformed: " + " ".join(
                    line.removeprefix("*** in database main ***").split()
                )
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE_CODES:
            raise
        yield f"is malformed: {error}"
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("COMMIT")


_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _rows(
    connection: sqlite3.Connection,
    table: str,
    key: str,
    found: Survey,
    chunk: int = 1000,
    curves: bool = False,
) -> Iterator[dict[str, Any]]:
    """Rows of `table` by name, few at a time so that no writer waits; damage is stepped over.

    In the order of `key`; `curves` adds each row's curve as `data`. A broken page ends a scan, so
    what lies behind it is scanned from the other end.
    """
    order = {"up": ("ASC", ">"), "down": ("DESC", "<")}
    names = [*schema.COLUMNS[table], *(["data"] if curves else [])]
    columns = ", ".join([f"{table}.{key}", *names])
    join = " LEFT JOIN curves USING (id)" if curves else ""
    seen: set[int] = set()
    for direction, compare in order.values():
        last: int | None = None
        while True:
            where = "" if last is None else f" WHERE {table}.{key} {compare} {last}"
            query = f"SELECT {columns} FROM {table}{join}{where} ORDER BY {table}.{key} {direction}"
            rows: list[tuple[Any, ...]] = []
            broken = False
            try:
                cursor = connection.execute(f"{query} LIMIT {chunk}")
                for row in cursor:
                    rows.append(row)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
                if code not in _DAMAGE_CODES and not isinstance(error, UnicodeDecodeError):
                    raise
                found.damage.append(Damage("file", f"is malformed in table {table}: {error}"))
                broken = True
            for number, *row in rows:
                if isinstance(number, int) and number not in seen:
                    seen.add(number)
                    yield dict(zip(names, row, strict=True))
            if broken:
                break
            if len(rows) < chunk:
                return
            last = rows[-1][0]


def set_aside(path: Path) -> Path:
    """Move the damaged file at `path` to a name of its own and put its intact rows in its place.

    Returns the new name. The damaged file is kept whole; a kill leaves either file in place. All
    rows that check out are kept, also where the file's header or the page of its schema is lost;
    none where both records of what computed them are.
    """
    aside = _free_name(path)
    new, copy = path.with_name(path.name + ".whole"), path.with_name(path.name + ".rescued")
    schema.create(new)
    try:
        with contextlib.suppress(DamagedError):
            _copy_intact(path, copy, new)
        with translated(path, "write"):
            os.link(path, aside)
            for suffix in schema.SIBLINGS:
                beside = path.with_name(path.name + suffix)
                if os.path.lexists(beside):
                    os.replace(beside, aside.with_name(aside.name + suffix))
            schema.replace(new, path)
    except OSError as error:
        raise StoreError(f"cannot set {path} aside: {error.strerror}") from error
    finally:
        for temporary in (new, copy):
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    return aside


def _free_name(path: Path) -> Path:
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.stem}.{ASIDE}{number}{path.suffix}")):
        number += 1
    return aside


def _copy_intact(path: Path, copy: Path, new: Path) -> None:
    """Put into `new` what is intact at `path`, which is left as it is: a `copy` is looked at."""
    with contextlib.suppress(DamagedError):  # rolls back what a killed writer left
        schema.connect(path, write=False).close()
    schema.rescued(path, copy)
    source = schema.connect(copy, write=False)
    target = schema.connect(new, write=True)
    with contextlib.closing(source), contextlib.closing(target), translated(new, "write"):
        found = survey(source, copy)
        if not AGAIN.keys() <= found.meta.keys():
            return  # nobody knows any more what computed its rows
        target.execute("BEGIN")
        for key, value in twice(found.meta).items():
            target.execute(
                schema.PUT_META, sealed("meta", {"key": key, "value": json.dumps(value)})
            )
        for number, layout in found.layouts.items():
            row = {"id": number, "metrics": layout.names, "epochs": layout.epochs}
            target.execute(schema.PUT_LAYOUT, sealed("layouts", row, layout.epochs))
        for number, training in found.stacks.items():
            row = {"id": number, **training._asdict()}
            target.execute(schema.PUT_STACK, sealed("stacks", row))
        for key, trial in found.trials.items():
            rows: list[tuple[bytes, bytes]] = []
            with contextlib.suppress(sqlite3.DatabaseError):  # a page on the way to it is lost
                rows = source.execute(schema.GET_CURVE, (trial.id,)).fetchall()
            for curve, seal_ in rows:
                row = {"key": key, **trial._asdict(), "sha256": seal_}
                target.execute(schema.PUT_OUTCOME, row).fetchone()
                target.execute(schema.PUT_CURVE, {"id": trial.id, "data": curve})
        target.execute("COMMIT")
