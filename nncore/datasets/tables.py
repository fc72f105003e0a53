"""Tables of samples: files of the user's, and the data that scikit-learn ships.

A table's test part is the same for every seed; the rest is split into training and validation by
the seed. Features, and targets that are numbers, are standardised by the training part's means and
deviations. What decides a split is the content, never the file's place.
"""

from __future__ import annotations

import csv as reader
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore.datasets.kinds import PARTS, XY, Dataset, Part, checked, datasets
from nncore.registry import describe
from nncore.streams import canonical, generator

TASKS = ("classification", "regression")
COMMON: dict[str, Any] = {
    "layers": ["dense 32", "relu", "dense {outputs}", "{last}"],
    "initializer": {"name": "he_normal"},
    "loss": "{loss}",
    "batch_size": 32,
    "epochs": 50,
    "record_every": 1,
}


class Table(NamedTuple):
    """A whole table, unscaled, and the SHA-256 of its content."""

    X: NDArray[np.float64]
    y: NDArray[Any]
    digest: str

    @property
    def outputs(self) -> int:
        """Classes, or targets."""
        return int(self.y.max()) + 1 if self.y.ndim == 1 else self.y.shape[1]


def table(load: Callable[..., XY]) -> Callable[..., XY]:
    """Register a table: `load(**parameters)` returns all of its samples.

    Its parameters include `test` and `validation`, fractions of all samples.
    """
    datasets.add(Dataset(**describe(load), draws=(), problem=COMMON, kind="table"))
    return load


def read(definition: Mapping[str, Any]) -> Table:
    """The whole table of a definition, from memory while its file is the same.

    Raises ValueError for what is not a table, OSError for a file that cannot be read.
    """
    path = definition.get("path")
    stamp = None
    if path:
        status = Path(path).stat()
        stamp = (status.st_mtime_ns, status.st_size)
    return _read(canonical(dict(definition)), stamp)


@lru_cache(maxsize=16)
def _read(definition: str, stamp: Any) -> Table:
    parameters = json.loads(definition)
    name = parameters.pop("name")
    X, y = checked(name, *datasets[name].function(**parameters))
    sha = hashlib.sha256(canonical([X.shape, y.shape, y.dtype.kind]).encode())
    for array in (X, y):
        sha.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
    return Table(X, y, sha.hexdigest())


def facts(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a problem's defaults may name: `outputs`, and the `last` layer and `loss` that fit.

    Also `training`, how many samples there are to train on.
    """
    found = read(definition)
    count = len(found.X)
    held_out = sum(_size(part, definition[part], count) for part in PARTS[1:])
    last, loss = "linear", "mean_squared_error"
    if found.y.ndim == 1:
        last, loss = "softmax", "categorical_crossentropy"
    return {"outputs": found.outputs, "last": last, "loss": loss, "training": count - held_out}


def split(definition: Mapping[str, Any], seed: int) -> dict[str, Part]:
    """The parts of a table for one seed, standardised; without a part whose fraction is 0."""
    whole = read(definition)
    count, name = len(whole.X), definition["name"]
    sizes = {part: _size(part, definition[part], count) for part in PARTS[1:]}
    left = count - sum(sizes.values())
    if left < 1:
        raise ValueError(f"dataset {name}: {count} samples leave none to train on")
    fixed = generator("table", "test", whole.digest).permutation(count)
    test, rest = fixed[: sizes["test"]], np.sort(fixed[sizes["test"] :])
    rest = rest[generator("table", "split", whole.digest, seed).permutation(len(rest))]
    rows = {"train": rest[:left], "validation": rest[left:], "test": test}
    X = _standardised(whole.X, rows["train"])
    y = whole.y if whole.y.ndim == 1 else _standardised(whole.y, rows["train"])
    return {part: Part(X[at], y[at]) for part, at in rows.items() if len(at)}


def _size(part: str, fraction: float, count: int) -> int:
    if not 0 <= fraction < 1:
        raise ValueError(f"{part} = {fraction}: a fraction, at least 0 and below 1")
    return round(fraction * count)


def _standardised(values: NDArray[np.float64], train: NDArray[np.intp]) -> NDArray[np.float64]:
    mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
    # A constant column would be divided by zero, or by what rounding leaves of it.
    constant = deviation <= 1e-12 * np.abs(mean)
    return np.asarray((values - mean) / np.where(constant, 1, deviation))


@table
def csv(
    *,
    path: str = "",
    target: str = "",
    task: str = "classification",
    test: float = 0.2,
    validation: float = 0.2,
) -> XY:
    """Numbers in a file: CSV with a header, .npy or .npz; `target` names what is to be learned.

    CSV: cells are separated by commas, semicolons or tabs; `target` is a column, of any text for
    classes, which count in sorted order. .npy: a matrix, `target` the number of its column as text
    ("-1" is the last), or named fields. .npz: `target` names an array, default y; the features are
    X. `task = "regression"` is for targets that are numbers. Raises ValueError for empty cells,
    text where numbers belong, NaN, infinite values and unknown columns.
    """
    if not path:
        raise ValueError("path is missing: a .csv, .npy or .npz file")
    if task not in TASKS:
        raise ValueError(f'task = "{task}": one of {", ".join(TASKS)}')
    suffix = Path(path).suffix.lower()
    load = {".npy": _npy, ".npz": _npz}.get(suffix, _csv)
    X, y = load(Path(path), target)
    _refuse_not_finite(X, path)
    if task == "regression":
        return X, _targets(y, path)
    if y.ndim != 1:
        raise ValueError(f"{path}: classes are one column, the target has {y.shape[1]}")
    if y.dtype.kind == "f":
        _refuse_not_finite(y[:, None], path)
    names, classes = np.unique(y, return_inverse=True)
    fractions = y.dtype.kind == "f" and (names != np.round(names)).any()
    if fractions or (y.dtype.kind == "f" and len(names) > 100):
        raise ValueError(f'{path}: {len(names)} different targets; task = "regression" perhaps?')
    if len(names) < 2:
        raise ValueError(f"{path}: all targets are {names[0]}; classes are at least two")
    return X, classes


def _csv(path: Path, target: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Features and the target column, which is numbers if all of its cells are."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text: {error}") from None
    header, _, _ = text.partition("\n")
    separator = max(",;\t", key=lambda mark: len(next(reader.reader([header], delimiter=mark))))
    rows = [row for row in reader.reader(text.splitlines(), delimiter=separator) if row]
    if len(rows) < 2:
        raise ValueError(
            f"{path}: a header and at least one row of numbers, found {len(rows)} rows"
        )
    names = [name.strip() for name in rows[0]]
    column = _column(path, names, target)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise ValueError(f"{path}, row {number}: {len(row)} cells, the header has {len(names)}")
        if "" in (cells := [cell.strip() for cell in row]):
            raise ValueError(f'{path}, row {number}, column "{names[cells.index("")]}": empty')
    columns = list(zip(*rows[1:], strict=True))
    features = [_numbers(path, n, c) for n, c in zip(names, columns, strict=True) if n != target]
    if not features:
        raise ValueError(f"{path}: no column besides the target")
    try:
        y = np.array([float(cell) for cell in columns[column]])
    except ValueError:
        y = np.array([cell.strip() for cell in columns[column]])
    return np.array(features).T, y


def _column(path: Path, names: list[str], target: str) -> int:
    known = ", ".join(names)
    if not target:
        raise ValueError(f"{path}: target is missing; the columns are {known}")
    if names.count(target) != 1:
        raise ValueError(f'{path}: there is no one column "{target}"; the columns are {known}')
    return names.index(target)


def _numbers(path: Path, name: str, cells: tuple[str, ...]) -> list[float]:
    found = []
    for number, cell in enumerate(cells, start=2):
        try:
            found.append(float(cell))
        except ValueError:
            raise ValueError(
                f'{path}, row {number}, column "{name}": "{cell.strip()}" is not a number'
            ) from None
    return found


def _npy(path: Path, target: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    values = np.load(path, allow_pickle=False)
    if values.dtype.names:
        names = list(values.dtype.names)
        column = _column(path, names, target)
        X = np.array([values[name].astype(np.float64) for name in names if name != target]).T
        return X, values[names[column]]
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"{path}: {values.shape} should be (samples, columns), columns at least 2")
    try:
        column = range(values.shape[1])[int(target or -1)]
    except (ValueError, IndexError):
        columns = values.shape[1]
        raise ValueError(
            f'{path}: target = "{target}": the number of one of {columns} columns, such as "-1"'
        ) from None
    return np.delete(values, column, axis=1).astype(np.float64), values[:, column]


def _npz(path: Path, target: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    with np.load(path, allow_pickle=False) as arrays:
        for name in ("X", target or "y"):
            if name not in arrays:
                raise ValueError(f'{path}: no array "{name}"; there are {", ".join(arrays)}')
        X, y = arrays["X"].astype(np.float64), arrays[target or "y"]
    if X.ndim != 2 or y.ndim not in (1, 2) or len(X) != len(y):
        raise ValueError(f"{path}: X {X.shape} and y {y.shape} should be (N, F) and (N,) or (N, K)")
    return X, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _targets(y: NDArray[Any], path: str) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    except ValueError:
        raise ValueError(f"{path}: targets of a regression are numbers") from None
    _refuse_not_finite(numbers, path)
    return numbers


def _refuse_not_finite(values: NDArray[np.float64], path: str) -> None:
    if not (finite := np.isfinite(values)).all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"{path}: {values[row, column]} in sample {row + 1}, column {column + 1}")


def _shipped(loader: str) -> XY:
    """Samples that scikit-learn ships; raises ValueError where it is not installed."""
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ValueError(
            f"this data comes with scikit-learn, which cannot be imported ({error}): "
            "pip install scikit-learn"
        ) from error
    X, y = getattr(sklearn.datasets, loader)(return_X_y=True)
    return X, y if y.dtype.kind in "iu" else y[:, None]


@table
def digits(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """1,797 handwritten digits of 8 by 8 points, ten classes. https://archive.ics.uci.edu/dataset/80"""
    return _shipped("load_digits")


@table
def breast_cancer(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """569 tumours in 30 measures, malign or benign. https://archive.ics.uci.edu/dataset/17"""
    return _shipped("load_breast_cancer")


@table
def wine(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """178 wines in 13 measures, three cultivars. https://archive.ics.uci.edu/dataset/109"""
    return _shipped("load_wine")


@table
def diabetes(*, test: float = 0.2, validation: float = 0.2) -> XY:
    """442 patients in 10 measures, regression on progress a year later. https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html"""
    return _shipped("load_diabetes")
