"""Files of arrays, as columns: .npy, .npz as NumPy and Keras users write it, Parquet.

A file's `names` are those of its columns; a matrix's columns are numbers from 0, as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.files import open_plain

# Names of features and targets, and of those of a test part; letters may be of either case.
WHOLE = (("x", "y"), ("data", "target"))
PARTS = (("x_train", "y_train", "x_test", "y_test"),)


class ArrayFile:
    """Columns by their number; the last `held` samples are the file's own test part.

    `targets` are the columns to be learned where the user names none.
    """

    def __init__(
        self, names: Sequence[str], columns: Sequence[NDArray[Any]], *, numbered: bool = False
    ) -> None:
        self.names, self._columns, self.numbered = list(names), columns, numbered
        self.targets: list[int] = []
        self.held = 0

    def where(self, index: int) -> str:
        """Which sample it is, counted from 1."""
        return f"sample {index + 1}"

    def cell(self, index: int, column: int) -> str:
        """What is in a cell, as text."""
        return str(self._columns[column][index])

    def load(self, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Columns by their number; text and numbers are what they are in the file."""
        return {i: _plain(self._columns[i]) for i in {*numbers, *texts}}


def npy(path: str) -> ArrayFile:
    """A matrix, whose last column is the target, or named fields."""
    with open_plain(path) as file:
        values = np.load(file, allow_pickle=False)
    if values.dtype.names and values.ndim == 1:
        names = list(values.dtype.names)
        return ArrayFile(names, [values[name] for name in names])
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"{path}: {values.shape} should be (samples, columns), columns at least 2")
    found = ArrayFile(list(map(str, range(values.shape[1]))), values.T, numbered=True)
    found.targets = [values.shape[1] - 1]
    return found


def npz(path: str, targets: Sequence[str]) -> ArrayFile:
    """Features X and targets y, or x_train, y_train, x_test, y_test; images are flattened.

    `targets` are other arrays to be learned instead of y.
    """
    with open_plain(path) as file, np.load(file, allow_pickle=False) as arrays:
        known = {name.lower(): name for name in arrays}
        wanted = next((set_ for set_ in PARTS if set_[0] in known), None)
        if wanted:
            pieces = [(wanted[0], [wanted[1]])]
            if wanted[2] in known or wanted[3] in known:
                pieces.append((wanted[2], [wanted[3]]))
        else:
            X, y = next((set_ for set_ in WHOLE if set_[0] in known), WHOLE[0])
            pieces = [(X, list(targets) or [y])]
        found = []
        for X, ys in pieces:
            for name in (X, *ys):
                if name not in arrays and name.lower() not in known:
                    shown = name.upper() if name == "x" else name
                    raise ValueError(f'{path}: no array "{shown}"; there are {", ".join(arrays)}')
            found.append([arrays[n if n in arrays else known[n.lower()]] for n in (X, *ys)])
    return _joined(path, found)


def _joined(path: str, pieces: Sequence[Sequence[NDArray[Any]]]) -> ArrayFile:
    """One file's columns: features of all pieces, one below the other, and their targets."""
    rows = []
    for X, *ys in pieces:
        X, ys = X.reshape(len(X), -1) if X.ndim > 2 else X, [_columns(y) for y in ys]
        shapes = [y.shape for y in ys]
        if X.ndim != 2 or any(y.ndim != 2 or len(y) != len(X) for y in ys):
            said = " and ".join(map(str, shapes))
            raise ValueError(
                f"{path}: X {X.shape} and y {said} should be (N, F) and (N,) or (N, K)"
            )
        rows.append((X, np.concatenate(ys, axis=1)))
    shapes = [(X.shape[1], y.shape[1]) for X, y in rows]
    if len(set(shapes)) > 1:
        raise ValueError(f"{path}: columns differ between training and test part: {shapes}")
    X, y = (np.concatenate(each) for each in zip(*rows, strict=True))
    y = _one_hot(y)
    features, outputs = X.shape[1], y.shape[1]
    names = [*map(str, range(features)), *(f"target {i}" for i in range(outputs))]
    found = ArrayFile(names, [*X.T, *y.T], numbered=True)
    found.targets = list(range(features, features + outputs))
    found.held = len(rows[1][0]) if len(rows) > 1 else 0
    return found


def _columns(y: NDArray[Any]) -> NDArray[Any]:
    return y[:, None] if y.ndim == 1 else y


def _one_hot(y: NDArray[Any]) -> NDArray[Any]:
    """Classes where every row has a single 1, and 0 besides."""
    if y.shape[1] < 2 or y.dtype.kind not in "biuf":
        return y
    if ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)[:, None]
    return y


def parquet(path: str) -> ArrayFile:
    """A data frame's columns; needs pyarrow."""
    with open_plain(path) as file:
        try:
            import pandas as pd
            import pyarrow  # noqa: F401

            frame = pd.read_parquet(file)
        except ImportError as error:
            raise ValueError(
                f"{path}: Parquet is read by pyarrow, which cannot be imported ({error}): "
                "pip install pyarrow"
            ) from error
        except (ValueError, OSError) as error:
            raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
    return ArrayFile(list(map(str, frame.columns)), [_frame_column(frame[n]) for n in frame])


def _frame_column(column: Any) -> NDArray[Any]:
    """A column of a data frame: numbers where it has any, with NaN for what is missing."""
    kind = column.dtype.kind
    if kind in "Mm" and not isinstance(column.dtype, np.dtype):
        column, kind = column.dt.tz_convert(None), "M"
    if kind in "biufMm" and not (kind in "biu" and column.isna().any()):
        return np.asarray(column.to_numpy(dtype=column.dtype.type if kind in "Mm" else None))
    return np.asarray(column.to_numpy(dtype=np.float64 if kind in "biuf" else object))


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Times as whole numbers, bytes as text; raises ValueError for what is no column of cells."""
    if values.dtype.kind in "mM":
        numbers = values.view(np.int64)
        missing = np.isnat(values)
        return np.where(missing, np.nan, numbers) if missing.any() else numbers
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    return values
