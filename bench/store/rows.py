"""The scalar part of stored outcomes in memory: columns of numbers, found by key.

There may be millions. A row of Python's objects takes 400 bytes, one of these 80.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.store.keys import KIND, SIZE, Keys, digest, text
from bench.store.records import Row

WORDS = ("status", "reason")  # few different ones: each is there once
MAYBE = ("diverged_epoch", "improved")  # or None, which is below all that there are
NONE = -1
# What one number takes, in the words of `array`.
KINDS = {"status": "i", "reason": "i", "improved": "b"}
WIDE = "q"
FEW = 4096  # keys that are looked for in a dictionary, until they are sorted among the others


class Rows:
    """Rows by key, in the order in which keys were first put here."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self._columns = {name: array(KINDS.get(name, WIDE)) for name in Row._fields}
        self._words: list[str] = []
        self._codes: dict[str, int] = {}
        # Of the first keys the order of their bytes; the others by their bytes.
        self._order: NDArray[np.intp] = np.empty(0, np.intp)
        self._recent: dict[bytes, int] = {}

    @classmethod
    def of(cls, rows: Iterable[tuple[str, Row]]) -> Rows:
        """Those of pairs of key and row; where a key repeats, the last row in the first place."""
        made = cls()
        for key, row in rows:
            made._append(digest(key), row)
        order = made._digest_array().argsort(kind="stable")
        found = made._digest_array()[order]
        if not (found[1:] == found[:-1]).any():
            made._order = order
            return made
        del found
        whole = cls()  # a file that was damaged, or made so
        for place, key in enumerate(Keys(made._digest_array())):
            whole.put(key, made._row(place))
        return whole

    def __len__(self) -> int:
        return len(self._columns["id"])

    def __iter__(self) -> Iterator[str]:
        return iter(Keys(self._digest_array().copy()))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._place(key) != NONE

    def __getitem__(self, key: str) -> Row:
        place = self._place(key)
        if place == NONE:
            raise KeyError(key)
        return self._row(place)

    def at(self, place: int) -> tuple[str, Row]:
        """Key and row number `place`, from 0."""
        return text(bytes(self._digests[place * SIZE : (place + 1) * SIZE])), self._row(place)

    def items(self) -> Iterator[tuple[str, Row]]:
        """Keys and rows."""
        return map(self.at, range(len(self)))

    def put(self, key: str, row: Row) -> None:
        """Add a row, or replace that of its key."""
        place = self._place(key)
        if place == NONE:
            found = digest(key)
            self._recent[found] = len(self)
            self._append(found, row)
            if len(self._recent) > max(FEW, len(self._order) // 8):
                self._order = self._digest_array().argsort(kind="stable")
                self._recent.clear()
        else:
            for name, number in self._numbers(row):
                self._columns[name][place] = number

    def places(self, keys: Iterable[str]) -> NDArray[np.int64]:
        """Where the rows of `keys` are, `(n,)`; `NONE` where there is no such key."""
        wanted = Keys.of(keys).digests
        if self._recent:
            self._order = self._digest_array().argsort(kind="stable")
            self._recent.clear()
        if not len(self):
            return np.full(len(wanted), NONE)
        there = self._digest_array()
        found = np.searchsorted(there, wanted, sorter=self._order)
        found = self._order[np.minimum(found, len(there) - 1)]
        return np.where(there[found] == wanted, found, NONE)

    def numbers(self, name: str, places: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """A copy of a column `(N,)`: of `WORDS` places in `words`, of `MAYBE` with `NONE`.

        Of some `places` `(n,)` only those.
        """
        column = np.asarray(self._columns[name])
        return column.copy() if places is None else column[places]

    @property
    def words(self) -> NDArray[np.object_]:
        """The different texts, in the order in which they were met."""
        return np.array(self._words, dtype=object)

    def fingerprint(self) -> bytes:
        """A SHA-256 of all of it."""
        found = hashlib.sha256(self._digests)
        for column in self._columns.values():
            found.update(column)
        found.update(repr(self._words).encode())
        return found.digest()

    def _place(self, key: str) -> int:
        try:
            wanted = digest(key)
        except ValueError:
            return NONE
        if wanted in self._recent:
            return self._recent[wanted]
        if not len(self._order):
            return NONE
        there = self._digest_array()
        one = np.frombuffer(wanted, KIND)
        found = int(np.searchsorted(there[: len(self._order)], one, sorter=self._order)[0])
        if found == len(self._order) or there[self._order[found]] != one[0]:
            return NONE
        return int(self._order[found])

    def _digest_array(self) -> NDArray[np.bytes_]:
        """All keys; nothing can be added as long as somebody has it."""
        return np.frombuffer(self._digests, KIND)

    def _append(self, found: bytes, row: Row) -> None:
        self._digests += found
        for name, number in self._numbers(row):
            self._columns[name].append(number)

    def _numbers(self, row: Row) -> Iterator[tuple[str, int]]:
        """What columns hold of a row."""
        for name, value in row._asdict().items():
            if name in WORDS:
                if value not in self._codes:
                    self._codes[value] = len(self._words)
                    self._words.append(value)
                yield name, self._codes[value]
            else:
                yield name, NONE if value is None else int(value)

    def _row(self, place: int) -> Row:
        fields: dict[str, Any] = {name: column[place] for name, column in self._columns.items()}
        for name in WORDS:
            fields[name] = self._words[fields[name]]
        for name in MAYBE:
            fields[name] = None if fields[name] == NONE else fields[name]
        if fields["improved"] is not None:
            fields["improved"] = bool(fields["improved"])
        return Row(**fields)
