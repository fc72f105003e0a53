"""Frames one below the other, whose arrays are there before them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


class Below:
    """One frame of at most so many `rows`, out of pieces with the same columns.

    Pieces that were kept until they are joined would take twice the memory, and leave holes where
    others came and went.

    >>> found = Below(9)
    >>> found.add(pd.DataFrame({"a": [1, 2]})), found.add(pd.DataFrame({"a": [3]}))
    (None, None)
    >>> found.whole()["a"].tolist()
    [1, 2, 3]
    """

    def __init__(self, rows: int) -> None:
        self._most, self._rows = rows, 0
        self._columns: dict[str, Any] = {}

    def add(self, piece: pd.DataFrame) -> None:
        """Add a piece; the first decides of the columns and their types."""
        end = self._rows + len(piece)
        for name, dtype in piece.dtypes.items() if not self._columns else ():
            numpy = isinstance(dtype, np.dtype)
            self._columns[str(name)] = (
                np.empty(self._most, dtype) if numpy else dtype.empty((self._most,))
            )
        for name, column in self._columns.items():
            column[self._rows : end] = piece[name].array
        self._rows = end

    def whole(self) -> pd.DataFrame:
        """All rows."""
        there = {name: column[: self._rows] for name, column in self._columns.items()}
        return pd.DataFrame(there, copy=False)
