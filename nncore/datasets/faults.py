"""What is wrong with the columns of a file, all of it, with the keys of a spec that would do."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from nncore.datasets.roles import Source, written

# A column of so few different texts, and each so often, is a category.
FEW, OFTEN = 50, 2


class Faults:
    """Collects what is wrong with the columns of `source`; `check` raises it."""

    def __init__(self, path: str, source: Source) -> None:
        self.path, self.source = path, source
        self._others: list[str] = []
        # What is said of the first cell, by column.
        self._categories: dict[int, str] = {}
        self._texts: dict[int, str] = {}
        self._missing: dict[int, str] = {}

    def text(self, column: int, cells: NDArray[np.str_], strange: NDArray[np.bool_]) -> None:
        """A column of numbers has text in it."""
        index = int(np.argmax(strange))
        said = f'{self._at(index, column)}: "{cells[index][:60]}" is not a number'
        different = len(set(cells.tolist()))
        few = strange.mean() > 0.5 and different <= FEW and OFTEN * different <= len(cells)
        (self._categories if few else self._texts)[column] = said

    def missing(self, column: int, gone: NDArray[np.bool_]) -> None:
        """A column has missing values, which nothing is said about."""
        index = int(np.argmax(gone))
        cell = self.source.cell(index, column)
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
        if texts := {**self._categories, **self._texts}:
            remedies = {"categories": self._categories, "ignore": self._texts}
            would_do = [f"{k} = {written(source, list(v))}" for k, v in remedies.items() if v]
            found.append(f"{texts[min(texts)]}; {', '.join(would_do)} would do")
        if gone := {c: said for c, said in self._missing.items() if c not in self._texts}:
            found.append(
                f"{gone[min(gone)]} (values are missing in {written(source, sorted(gone))}); "
                'missing = "drop" leaves such samples out, "mean" puts the mean there'
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
        shown = str(column) if self.source.numbered else name
        return f"{self.source.where(index)}, column {shown}"
