"""Results in one SQLite file: the only module that writes them.

One process writes, a stack or some of them in one transaction, and what a transaction has
acknowledged survives a kill or a power cut (rollback journal, synchronous = EXTRA; never the
write-ahead log, whose reset bug corrupts). SQLite's own checks do not see a flipped bit in a blob,
so every row carries the SHA-256 of its content. Nothing in the file is ever executed: no pickles,
and a schema other than ours is refused before anything is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.store import schema, survey
from bench.store.lock import FolderLock
from bench.store.records import (
    CurveChunk,
    Damage,
    DamagedError,
    FolderError,
    Layout,
    LockedError,
    Record,
    Result,
    Row,
    StoreError,
    Training,
    Trials,
)
from bench.store.rows import NONE
from bench.store.schema import seal, sealed, translated
from nncore.metrics import TRAIN_LOSS
from nncore.text import shown

__all__ = [
    "FILE",
    "FRESH",
    "CurveChunk",
    "Damage",
    "DamagedError",
    "FolderError",
    "LockedError",
    "Record",
    "Result",
    "Store",
    "StoreError",
    "Trials",
    "set_aside",
    "verify",
]

FILE = "trials.sqlite"
FRESH = "trials.fresh.sqlite"
CHUNK_BYTES = 4 << 20
CHUNK_TRIALS = 10_000  # a table's row may be longer than a curve


class Store:
    """The results of one folder; `Store.open` to write, `Store.read` to look.

    `damage` lists what is there but cannot be trusted; nothing else returns it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FolderLock | None) -> None:
        self._lock = lock
        self._attach(path, connection)

    def _attach(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        with translated(path, "read"):
            found = survey.survey(connection, path)
        self.damage = found.damage
        self._trials = found.trials
        self._layouts = found.layouts
        self._layout_ids = {value: key for key, value in found.layouts.items()}
        self._stacks = found.stacks
        self._meta = found.meta

    # Opening and closing

    @classmethod
    def open(cls, folder: str | Path, *, repair: bool = False, fresh: bool = False) -> Store:
        """The store of `folder` for writing, created when there is none.

        `repair` moves a damaged file aside (`trials.damaged-1.sqlite`) and goes on with the trials
        that are intact; `fresh` begins a file beside the one that is there, or goes on with one
        that was begun, until `take_over`. Raises `LockedError` when another process writes there,
        `DamagedError` when something is damaged and `repair` is not set, `FolderError` when the
        folder cannot be written, `StoreError` for the rest.
        """
        path = place(folder, fresh=fresh)
        lock = FolderLock(path.parent)
        lock.acquire()
        try:
            if not path.exists():
                schema.create(path)
            try:
                store = cls(path, schema.connect(path, write=True), lock)
            except DamagedError:
                if fresh:  # of an unfinished one nothing need be kept
                    schema.create(path)
                elif repair:
                    survey.set_aside(path)
                else:
                    raise
                store = cls(path, schema.connect(path, write=True), lock)
            if store.damage and fresh:
                store.empty()
            elif store.damage and repair:
                found = store.damage
                store._connection.close()
                survey.set_aside(path)
                store = cls(path, schema.connect(path, write=True), lock)
                store.damage = found
            elif store.damage:
                store._connection.close()
                raise DamagedError(path, store.damage)
            return store
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, folder: str | Path, *, fresh: bool = False) -> Store:
        """The store of `folder` as it is now, for reading, also while another process writes.

        What is damaged is left out and listed in `damage`; `fresh` reads the file that `open` with
        the same argument would write. Raises `StoreError` when there is no store, `DamagedError`
        when nothing in the file can be read.
        """
        path = place(folder, fresh=fresh)
        return cls(path, schema.connect(path, write=False), None)

    def empty(self) -> None:
        """Begin anew, at once."""
        self._connection.close()
        schema.create(self.path)
        self._attach(self.path, schema.connect(self.path, write=True))

    def take_over(self) -> None:
        """Put what `fresh` began in the place of what the folder held, which is gone then."""
        path = self.path.with_name(FILE)
        if path != self.path:
            self._connection.close()
            try:
                schema.replace(self.path, path)
            except OSError as error:
                raise StoreError(f"cannot write {path}: {error.strerror}") from error
            self._attach(path, schema.connect(path, write=True))

    def close(self) -> None:
        """Close the file and let others write."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Writing

    def add(self, *results: Result) -> None:
        """Store finished stacks; when this returns they are on the disk, all at once.

        Replaces outcomes of the same keys. Raises `StoreError`, with nothing of the stacks stored
        and all earlier ones intact, when the disk is full or cannot be written.
        """
        added: dict[str, Row] = {}
        trained: dict[int, Training] = {}
        with self._transaction() as connection:
            records = [record for result in results for record in result.records]
            layouts = self._layout_ids | self._add_layouts(connection, records)
            for result in results:
                number, training = self._add_stack(connection, result)
                trained[number] = training
                for key, record in zip(result.keys, result.records, strict=True):
                    added[key] = self._add_outcome(connection, key, record, number, layouts)
        self._layout_ids = layouts
        self._layouts |= {number: layout for layout, number in layouts.items()}
        self._stacks |= trained
        for key, row in added.items():
            self._trials.put(key, row)

    def _add_stack(self, connection: sqlite3.Connection, result: Result) -> tuple[int, Training]:
        training = Training(
            size=len(result.keys),
            kernel_seconds=result.kernel_seconds,
            wall_seconds=result.wall_seconds,
            started=result.started,
            pid=result.pid,
            host=result.host,
            attempts=result.attempts,
        )
        stack = sealed("stacks", {"id": None, **training._asdict()})
        number = connection.execute(schema.PUT_STACK, stack).lastrowid
        assert number is not None
        return number, training

    def _add_outcome(
        self,
        connection: sqlite3.Connection,
        key: str,
        record: Record,
        stack: int,
        layouts: Mapping[Layout, int],
    ) -> Row:
        row: dict[str, Any] = {
            "stack": stack,
            "layout": layouts[record.layout],
            "status": record.status,
            "reason": record.reason,
            "diverged_epoch": record.diverged_epoch,
            "improved": record.improved,
        }
        values = sealed("outcomes", {"id": None, "key": key, **row}, record.data)
        (number,) = connection.execute(schema.PUT_OUTCOME, values).fetchone()
        connection.execute(schema.PUT_CURVE, {"id": number, "data": record.data})
        return Row(id=number, **row)

    def set_meta(self, **values: Any) -> None:
        """Store facts about the whole experiment, each anything that JSON can hold."""
        with self._transaction() as connection:
            for key, value in survey.twice(values).items():
                row = {"key": key, "value": json.dumps(value)}
                connection.execute(schema.PUT_META, sealed("meta", row))
        self._meta |= values

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._lock is None:
            raise StoreError(f"{self.path}: open for reading only")
        with translated(self.path, "write"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # Should this fail too, the journal stays and the next opening rolls back.
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _add_layouts(
        self, connection: sqlite3.Connection, records: Sequence[Record]
    ) -> dict[Layout, int]:
        new: dict[Layout, int] = {}
        for layout in {record.layout: None for record in records}:
            if layout not in self._layout_ids:
                row = {"id": None, "metrics": layout.names, "epochs": layout.epochs}
                values = sealed("layouts", row, layout.epochs)
                number = connection.execute(schema.PUT_LAYOUT, values).lastrowid
                assert number is not None
                new[layout] = number
        return new

    # Reading

    def digest(self) -> str:
        """A SHA-256 of everything this object returns: equal for equal results."""
        found = hashlib.sha256()
        with translated(self.path, "read"):
            for number, seal_ in self._connection.execute(schema.GET_SEALS):
                found.update(repr((number, seal_)).encode())
        found.update(self._trials.fingerprint())
        found.update(repr((self._layouts, self._stacks, self.damage)).encode())
        found.update(json.dumps(self._meta, sort_keys=True).encode())
        return found.hexdigest()

    @property
    def meta(self) -> Mapping[str, Any]:
        """Facts about the whole experiment, as `set_meta` stored them."""
        return self._meta

    def __len__(self) -> int:
        return len(self._trials)

    def __contains__(self, key: object) -> bool:
        return key in self._trials

    def statuses(self) -> dict[str, str]:
        """Status by key of every intact trial, in the order of storing."""
        return dict(zip(self._trials, self._words("status"), strict=True))

    def done(self, *, retry_crashed: bool = False) -> set[str]:
        """Keys that need no training; `retry_crashed` leaves the crashed ones out."""
        return {
            key
            for key, status in zip(self._trials, self._words("status"), strict=True)
            if not (retry_crashed and status == "crashed")
        }

    def trials(self, keys: Sequence[str]) -> Trials:
        """The scalar part of the outcomes of `keys` that are stored."""
        places = self._trials.places(keys)
        positions = np.flatnonzero(places != NONE)
        places = places[positions]
        epochs = self._trials.numbers("diverged_epoch", places).tolist()
        improved = self._trials.numbers("improved", places).tolist()
        reasons = {text: shown(text) for text in self._trials.words}
        return Trials(
            positions,
            self._words("status", places).tolist(),
            [reasons[text] for text in self._words("reason", places)],
            [None if epoch == NONE else epoch for epoch in epochs],
            [None if value == NONE else bool(value) for value in improved],
            self._seconds(places),
        )

    def _words(self, name: str, places: NDArray[np.int64] | None = None) -> NDArray[np.object_]:
        """A column of texts of all trials, in the order of storing, or of some."""
        return self._trials.words[self._trials.numbers(name, places)]

    def _seconds(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Each trial's share of its stack's seconds; NaN where nothing is known of the stack."""
        stacks, of = np.unique(self._trials.numbers("stack", places), return_inverse=True)
        known = [self._stacks.get(number) for number in stacks.tolist()]
        each = [s.kernel_seconds / s.size if s else np.nan for s in known]
        return np.array(each, np.float64)[of]

    def curves(
        self, keys: Sequence[str], chunk_bytes: int = CHUNK_BYTES, chunk_trials: int = CHUNK_TRIALS
    ) -> Iterator[CurveChunk]:
        """Curves of the stored trials among `keys`, in their order, about `chunk_bytes` at a time.

        Of `chunk_trials` at most; a chunk ends where the layout changes, too. Crashed trials have
        no curve and are left out. Raises `DamagedError` for a curve that was changed since the
        store was opened.
        """
        places = self._trials.places(keys)
        positions = np.flatnonzero(places != NONE)
        layouts = self._trials.numbers("layout", places[positions])
        empty = [number for number, layout in self._layouts.items() if not layout.size]
        there = ~np.isin(layouts, empty)
        positions, layouts = positions[there], layouts[there]
        starts = [0, *(np.flatnonzero(np.diff(layouts)) + 1).tolist(), len(layouts)]
        for first, end in itertools.pairwise(starts if len(layouts) else ()):
            layout = int(layouts[first])
            each = max(1, min(chunk_trials, -(-chunk_bytes // self._layouts[layout].size)))
            for start in range(first, end, each):
                mine = positions[start : min(start + each, end)]
                yield self._load(mine, places[mine], layout)

    def outcomes(self, keys: Iterable[str]) -> Iterator[tuple[str, Record]]:
        """The stored ones among `keys`, whole, one by one in their order."""
        for place in self._trials.places(keys).tolist():
            if place != NONE:
                yield from self._outcomes([place])

    def _outcomes(self, places: Sequence[int]) -> Iterator[tuple[str, Record]]:
        """Trials, whole, by their places."""
        for place, data in zip(places, self._read(places), strict=True):
            key, row = self._trials.at(place)
            record = self._layouts[row.layout].record(
                data,
                status=row.status,
                reason=row.reason,
                diverged_epoch=row.diverged_epoch,
                improved=row.improved,
            )
            yield key, record

    def layouts(self, keys: Iterable[str]) -> list[Layout]:
        """What the stored trials among `keys` recorded, each layout once."""
        places = self._trials.places(keys)
        found = self._trials.numbers("layout", places[places != NONE])
        return [self._layouts[number] for number in dict.fromkeys(found.tolist())]

    def endings(
        self, keys: Sequence[str]
    ) -> Iterator[tuple[Set[str], NDArray[np.int64], NDArray[np.object_]]]:
        """How the stored ones among `keys` ended, by what they were asked for.

        The identities that some were asked for, the positions of those, and their statuses.
        """
        places = self._trials.places(keys)
        positions = np.flatnonzero(places != NONE)
        layouts = self._trials.numbers("layout", places[positions])
        statuses = self._words("status")[places[positions]]
        for layout in np.unique(layouts).tolist():
            here = layouts == layout
            yield frozenset(self._layouts[layout].asked), positions[here], statuses[here]

    def asked(self, key: str) -> tuple[str, ...]:
        """The identities of the metrics and targets that a stored trial was asked for."""
        return self._layouts[self._trials[key].layout].asked

    def results(self) -> Iterator[Result]:
        """Everything that is stored, stack by stack, as `add` takes it."""
        numbers = self._trials.numbers("stack")
        order = numbers.argsort(kind="stable")
        starts = np.flatnonzero(np.diff(numbers[order]) != 0) + 1
        for places in sorted(np.split(order, starts), key=lambda some: some[:1].tolist()):
            if not len(places):
                continue  # nothing is stored
            pairs = list(self._outcomes(places.tolist()))
            training = self._stacks.get(int(numbers[places[0]]), Training.unknown(len(pairs)))
            yield Result(
                keys=tuple(key for key, _ in pairs),
                records=[record for _, record in pairs],
                kernel_seconds=training.kernel_seconds,
                wall_seconds=training.wall_seconds,
                started=training.started,
                pid=training.pid,
                host=training.host,
                attempts=training.attempts,
            )

    def kernel_seconds(self) -> float:
        """Seconds spent training, over all stacks."""
        return sum(stack.kernel_seconds for stack in self._stacks.values())

    def stacks(self) -> list[Training]:
        """How each stack was trained, in the order of storing."""
        return list(self._stacks.values())

    def _load(
        self, positions: NDArray[np.int64], places: NDArray[np.int64], layout_id: int
    ) -> CurveChunk:
        layout = self._layouts[layout_id]
        epochs = np.frombuffer(layout.epochs, np.int64)
        data = b"".join(self._read(places.tolist()))
        shape = len(layout.metrics), len(epochs)
        curves, numbers = np.split(
            np.frombuffer(data).reshape(len(places), -1), [shape[0] * shape[1]], axis=1
        )
        values = curves.reshape(len(places), *shape)
        # A loss that is not finite is stored as infinity.
        unknown = np.isnan(values[:, layout.metrics.index(TRAIN_LOSS)])
        if unknown.any():
            bad = places[unknown.any(axis=1)].tolist()
            strange = tuple(self._trials.at(place)[0] for place in bad)
            raise DamagedError(self.path, [Damage("curve", "has losses that are none", strange)])
        return CurveChunk(
            positions,
            layout.metrics,
            epochs,
            values,
            layout.asked,
            dict(zip(layout.numbers, numbers.T, strict=True)),
        )

    def _read(self, places: Sequence[int]) -> list[bytes]:
        """Curves of trials, checked again: the file may have changed since it was opened."""
        trials = [self._trials.at(place) for place in places]
        # One by one: the driver keeps every text of SQL, and what SQLite has made of it.
        with translated(self.path, "read"):
            get = self._connection.cursor().execute
            found = [get(schema.GET_CURVE, (row.id,)).fetchone() for _, row in trials]
        curves = []
        for (key, row), (curve, expected) in zip(
            trials, (f or (b"", b"") for f in found), strict=True
        ):
            whole = {"key": key, **row._asdict()}
            if not isinstance(curve, bytes) or seal("outcomes", whole, curve) != expected:
                problem = Damage("curve", "does not match its SHA-256", (key,))
                raise DamagedError(self.path, [problem])
            curves.append(curve)
        return curves


def place(folder: str | Path, *, fresh: bool = False) -> Path:
    """Where the results of `folder` are, or new ones grow that are to replace them."""
    path = Path(folder) / FILE
    return path.with_name(FRESH) if fresh and path.exists() else path


def set_aside(folder: str | Path) -> list[Path]:
    """The damaged files of `folder` that repairs have set aside."""
    return sorted(Path(folder).glob(f"{Path(FILE).stem}.{survey.ASIDE}*"))


def verify(folder: str | Path) -> list[Damage]:
    """What is damaged in the store of `folder`: empty when every byte that matters is intact."""
    try:
        with Store.read(folder) as store:
            return list(store.damage)
    except DamagedError as error:
        return list(error.damage)
