"""Files of arrays, as columns: .npy, .npz as NumPy and Keras users write it, Parquet.

A file's `names` are those of its columns; a matrix's columns are numbers from 0, as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nncore.datasets.cells import as_text
from nncore.files import open_plain

# What people call features and targets, and the parts of a file.
FEATURES = ("x", "data", "images", "features", "inputs")
TARGETS = ("y", "target", "targets", "labels", "label")
PIECES = {"train": ("train", "training"), "validation": ("val", "valid", "validation", "dev")}
PIECES |= {"test": ("test", "testing")}


class ArrayFile:
    """Columns by their number; the last `held` samples are the file's own test part.

    `targets` are the columns to be learned where the user names none.
    """

    def __init__(
        self, names: Sequence[str], columns: Sequence[NDArray[Any]], *, numbered: bool = False
    ) -> None:
        self.names, self._columns, self.numbered = list(names), columns, numbered
        self.targets: list[int] = []
        self.held, self.points = 0, False

    def where(self, index: int) -> str:
        """Which sample it is, counted from 1."""
        return f"sample {index + 1}"

    def cell(self, index: int, column: int) -> str:
        """What is in a cell, as text."""
        value = self._columns[column][index]
        return as_text(value) if isinstance(value, bytes) else str(value)

    def load(self, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Columns by their number; text and numbers are what they are in the file."""
        return {i: _plain(self._columns[i]) for i in {*numbers, *texts}}


def npy(path: str) -> ArrayFile:
    """A matrix, whose last column is the target, or named fields."""
    with open_plain(path) as file:
        values = _loaded(path, file)
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{path}: an archive of arrays; its name should end in .npz")
    if values.dtype.names and values.ndim == 1:
        names = list(values.dtype.names)
        return ArrayFile(names, [values[name] for name in names])
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"{path}: {values.shape} should be (samples, columns), columns at least 2")
    found = ArrayFile(list(map(str, range(values.shape[1]))), [*values.T], numbered=True)
    found.targets = [values.shape[1] - 1]
    return found


def npz(path: str, targets: Sequence[str]) -> ArrayFile:
    """Features X and targets y, or x_train, y_train, x_test, y_test; images are flattened.

    `targets` are other arrays to be learned instead of y. A validation part is more to train on,
    from which a seed draws.
    """
    with open_plain(path) as file:
        arrays = _loaded(path, file)
        if isinstance(arrays, np.ndarray):
            raise ValueError(f"{path}: a single array; its name should end in .npy")
        names = list(arrays)
        roles = _roles(path, names)
        parts = [part for part in PIECES if (part, "x") in roles or (part, "y") in roles]
        if "train" not in parts:
            parts = [""]
        elif targets and targets != [roles.get(("train", "y"))]:
            raise ValueError(f"{path}: a file with a training part has one target in each part")
        else:
            targets = []
        pieces = {}
        for part in parts:
            X, y = (roles.get((part, letter), _called(letter, part)) for letter in "xy")
            wanted = [X, *(targets or [y])]
            if lacking := [name for name in wanted if name not in names]:
                there = f"there are {', '.join(names)}" if names else "there are none"
                raise ValueError(f'{path}: no array "{lacking[0]}"; {there}')
            pieces[part] = {name: _member(path, arrays, name) for name in wanted}
    return _joined(path, pieces)


def _roles(path: str, names: Sequence[str]) -> dict[tuple[str, str], str]:
    """Which array is what of which part; x and y come before other words for them."""
    found: dict[tuple[str, str], dict[bool, str]] = {}
    for name in names:
        if role := _role(name):
            plain = role[1] in name.lower().split("_")
            known = found.setdefault(role, {})
            if plain in known:
                raise ValueError(f'{path}: "{known[plain]}" and "{name}" could both be meant')
            known[plain] = name
    return {role: known.get(True, known.get(False, "")) for role, known in found.items()}


def _role(name: str) -> tuple[str, str] | None:
    """Which part of a file an array is, if one is said, and whether features or targets.

    >>> _role("X_train"), _role("test_labels"), _role("y"), _role("x_mean")
    (('train', 'x'), ('test', 'y'), ('', 'y'), None)
    """
    words = name.lower().split("_")
    part = next((p for p, said in PIECES.items() for word in words if word in said), "")
    rest = [word for word in words if not part or word not in PIECES[part]]
    if len(rest) != 1 or len(words) > 2:
        return None
    return (part, "x") if rest[0] in FEATURES else (part, "y") if rest[0] in TARGETS else None


def _called(letter: str, part: str) -> str:
    return f"{letter}_{part}" if part else {"x": "X"}.get(letter, letter)


def _loaded(path: str, file: BinaryIO) -> Any:
    """An array, or an archive of them; raises ValueError for what is neither. Runs no code."""
    try:
        return np.load(file, allow_pickle=False)
    except Exception as error:  # whatever NumPy and zipfile stumble over in somebody's bytes
        raise ValueError(f"{path}: {_said(error)}") from None


def _member(path: str, arrays: Any, name: str) -> NDArray[Any]:
    try:
        found = arrays[name]
    except Exception as error:  # as above
        raise ValueError(f'{path}, array "{name}": {_said(error)}') from None
    if not isinstance(found, np.ndarray):
        raise ValueError(f'{path}, array "{name}": no array in the format of NumPy')
    return found


def _said(error: Exception) -> str:
    """What is wrong with a file, in a line."""
    said = " ".join(str(error).replace("\\n", " ").split())
    if isinstance(error, MemoryError):
        return "larger than the memory there is"
    if "pickle" in said:
        return "holds Python objects, or is no array; pickles are not loaded: save numbers or text"
    return said or "is cut short"


def _joined(path: str, pieces: Mapping[str, Mapping[str, NDArray[Any]]]) -> ArrayFile:
    """One file's columns: features of all pieces, one below the other, and their targets."""
    rows, names = [], list[str]()
    for arrays in pieces.values():
        (called, X), *others = arrays.items()
        ys = [(name, y[:, None] if y.ndim == 1 else y) for name, y in others]
        if X.ndim < 2 or any(y.ndim != 2 or len(y) != len(X) for _, y in ys):
            said = " and ".join(f"{name} {y.shape}" for name, y in others)
            raise ValueError(
                f"{path}: {called} {X.shape} and {said} should be (N, F), or (N, ...) as images "
                "are, and (N,) or (N, K)"
            )
        rows.append((X, np.concatenate([y for _, y in ys], axis=1)))
        names = names or [
            name if y.shape[1] == 1 else f"{name} {i}" for name, y in ys for i in range(y.shape[1])
        ]
    shapes = [(X.shape[1:], y.shape[1:]) for X, y in rows]
    if len(set(shapes)) > 1:
        said = ", ".join(f"{x} and {y}" for x, y in shapes)
        raise ValueError(f"{path}: a sample has other shapes in other parts: {said}")
    X, y = (np.concatenate(each) for each in zip(*rows, strict=True))
    X = X.reshape(len(X), int(np.prod(X.shape[1:])))
    y = _one_hot(y)
    features, outputs = X.shape[1], y.shape[1]
    names = names if len(names) == outputs else ["target"]
    found = ArrayFile([*map(str, range(features)), *names], [*X.T, *y.T], numbered=True)
    found.targets = list(range(features, features + outputs))
    found.held = len(rows[-1][0]) if "test" in pieces else 0
    return found


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

            # In pandas's own kinds: a whole number beside a missing one is no float.
            frame = pd.read_parquet(file, dtype_backend="numpy_nullable")
        except ImportError as error:
            raise ValueError(
                f"{path}: Parquet is read by pyarrow, which cannot be imported ({error}): "
                "pip install pyarrow"
            ) from error
        except Exception as error:  # whatever pyarrow stumbles over in somebody's bytes
            raise ValueError(f"{path}: {_said(error)}") from None
    return ArrayFile(list(map(str, frame.columns)), [_frame_column(frame[n]) for n in frame])


def _frame_column(column: Any) -> NDArray[Any]:
    """A column of a data frame: numbers where it has any, with NaN for what is missing."""
    kind = column.dtype.kind
    if kind in "Mm" and not isinstance(column.dtype, np.dtype):
        column, kind = column.dt.tz_convert(None), "M"
    if kind in "biufMm" and not (kind in "biu" and column.isna().any()):
        plain = column.dtype.type if kind in "Mm" else getattr(column.dtype, "numpy_dtype", None)
        return np.asarray(column.to_numpy(dtype=plain))
    if kind in "bf":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    # Whole numbers beside missing ones, too: in a float the larger ones would lose digits.
    return np.asarray(column.astype(object).where(column.notna(), None))


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Times as whole numbers, bytes as text."""
    if values.dtype.kind in "mM":
        numbers, missing = values.view(np.int64), np.isnat(values)
        if not missing.any():
            return numbers
        times = numbers.astype(object)
        times[missing] = None
        return times
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    return values
