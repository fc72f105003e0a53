"""What is wrong with the columns of a file, all of it, with the keys of a spec that would do."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncore.datasets.roles import Source, written

# A column of so few different texts, and each so often, is a category.
FEW, OFTEN = 50, 2
# Numbers with a decimal comma, and those that may as well have one between thousands.
COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


class Faults:
    """Collects what is wrong with the columns of `source`; `check` raises it."""

    def __init__(self, path: str, source: Source, targets: Sequence[int]) -> None:
        self.path, self.source, self._targets = path, source, targets
        self._others: list[str] = []
        # What is said of the first cell, by column.
        self._categories: dict[int, str] = {}
        self._commas: dict[int, str] = {}
        self._texts: dict[int, str] = {}
        self._missing: dict[int, str] = {}
        self._words = False

    def text(self, column: int, cells: NDArray[np.str_], strange: NDArray[np.bool_]) -> None:
        """A column of numbers has text in it."""
        index = int(np.argmax(strange))
        cell = self.source.cell(index, column)[:60]
        said = f'{self._at(index, column)}: "{cell}" is not a number'
        different = len(set(cells.tolist()))
        few = strange.mean() > 0.5 and different <= FEW and OFTEN * different <= len(cells)
        found = self._categories if few else self._texts
        if self.source.points and _commas(cells[strange].tolist()):
            found = self._commas
        found[column] = said

    def nested(self, column: int, index: int) -> None:
        """A column has a list, a record or a complex number where a cell should be."""
        cell = self.source.cell(index, column)[:60]
        self._texts[column] = f"{self._at(index, column)}: {cell} is no single number or text"

    def missing(self, column: int, gone: NDArray[np.bool_], words: bool = False) -> None:
        """A column has missing values, which nothing is said about; `words` may stand for them."""
        index = int(np.argmax(gone))
        cell = self.source.cell(index, column)
        self._words |= words
        said = f'"{cell}", a missing value' if cell else "empty"
        self._missing[column] = f"{self._at(index, column)}: {said}"

    def infinite(self, column: int, values: NDArray[np.float64]) -> None:
        """A column has a value that is not finite."""
        self._number(column, int(np.argmax(np.isinf(values))), "is not finite")

    def drowning(self, column: int, index: int) -> None:
        """A column has a value far from all others."""
        self._number(column, index, "makes all other values look the same")

    def categories(self, column: int, count: int, most: int) -> None:
        """A column of categories has too many of them."""
        name = written(self.source, [column])
        self._others.append(
            f"categories = {name}: {count:,} different values, at most {most:,}; "
            f"ignore = {name} would do"
        )

    def check(self) -> None:
        """Raise ValueError if anything is wrong."""
        found, source = list(self._others), self.source
        if texts := {**self._categories, **self._texts, **self._commas}:
            remedies = {"categories": self._categories, "ignore": self._texts}
            columns = [(k, [c for c in v if c not in self._targets]) for k, v in remedies.items()]
            would_do = [f"{key} = {written(source, some)}" for key, some in columns if some]
            would_do += ['decimal = ","'] if self._commas else []
            remedy = f"; {', '.join(would_do)} would do" if would_do else ""
            found.append(f"{texts[min(texts)]}{remedy}")
        if gone := {c: said for c, said in self._missing.items() if c not in self._texts}:
            word = ', "label" takes it for what it says' if self._words else ""
            found.append(
                f"{gone[min(gone)]} (values are missing in {written(source, sorted(gone))}); "
                f'missing = "drop" leaves such samples out, "mean" puts the mean there{word}'
            )
        if found:
            raise ValueError(f"{self.path}: {'; '.join(found)}")

    def _number(self, column: int, index: int, what: str) -> None:
        cell = self.source.cell(index, column)
        self._others.append(
            f"{self._at(index, column)}: {cell} {what}; leave it empty if it is missing"
        )

    def _at(self, index: int, column: int) -> str:
        """Where a cell is: `row 7, column "Age"`."""
        name = json.dumps(self.source.names[column], ensure_ascii=False)
        number = self.source.numbered and self.source.names[column] == str(column)
        shown = str(column) if number else name
        return f"{self.source.where(index)}, column {shown}"


def _commas(cells: Sequence[str]) -> bool:
    return all(map(COMMA.fullmatch, cells)) and not all(map(THOUSANDS.fullmatch, cells))
