"""Files of the user's: columns become features and targets, or are refused with what would do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from nncore.datasets import cells
from nncore.datasets.array_file import npy, npz, parquet
from nncore.datasets.faults import Faults
from nncore.datasets.roles import Source, roles, written
from nncore.datasets.tables import Samples, table
from nncore.datasets.text_file import TextFile
from nncore.values import TEXT, YES_OR_NO, either, many, one_of, whole

MOST_CATEGORIES = 1000
# Numbers are so many classes without asking, and so many where samples share them.
FEW, MANY = 10, 100
COLUMN = either(TEXT, whole(-1_000_000, 1_000_000)).saying("a column's name or number")
COLUMNS = many(COLUMN).saying("a list of columns, by name or number")


@table
def csv(
    *,
    path: str = "",
    target: Annotated[Any, either(COLUMN, COLUMNS).saying("a column, or a list of columns")] = "",
    task: Annotated[str, one_of("", "classification", "regression")] = "",
    features: Annotated[Any, COLUMNS] = (),
    ignore: Annotated[Any, COLUMNS] = (),
    categories: Annotated[Any, COLUMNS] = (),
    missing: Annotated[str, one_of("", "drop", "mean", "label")] = "",
    header: Annotated[Any, either(YES_OR_NO, one_of("guess"))] = "guess",
    separator: str = "",
    decimal: Annotated[str, one_of(".", ",")] = ".",
    test: float = 0.2,
    validation: float = 0.2,
) -> Samples:
    """A file of yours: CSV, Parquet, .npy or .npz; `target` names what is to be learned.

    `target` is a column, of any text for classes, which count in sorted order; several are numbers
    to be predicted together. `features` are the columns to learn from, without `ignore` (left out:
    all others); they are numbers, or `categories`: a column of 0 and 1 for each value. `missing`
    values are refused, or their samples left out ("drop"), or they become the training part's mean
    ("mean"), or in targets and categories a value like any other ("label"). `separator` and
    `header` are found by the looks; `decimal` is "," where 1,5 is a number. Raises ValueError for
    what is not understood, OSError for what cannot be read.
    """
    if not path:
        raise ValueError("path is missing: a .csv, .parquet, .npy or .npz file")
    for key, value, known in (
        ("task", task, ("", "classification", "regression")),
        ("missing", missing, ("", "drop", "mean", "label")),
        ("decimal", decimal, ("", ".", ",")),
    ):
        if value not in known:
            raise ValueError(f'{key} = "{value}": one of {", ".join(known[1:])}')
    wanted = target if isinstance(target, list) else [target] if target != "" else []
    suffix = Path(path).suffix.lower()
    source: Source
    if suffix == ".npz":
        source = npz(path, wanted)
        wanted = source.targets
    elif suffix == ".npy":
        source = npy(path)
        wanted = wanted or source.targets
    elif suffix in (".parquet", ".pq"):
        source = parquet(path)
    else:
        source = TextFile(path, separator, header, decimal)
    return _Reading(path, source, missing, task).samples(
        *roles(path, source, wanted, features, ignore, categories)
    )


class _Reading:
    """The columns of `source` on their way to samples."""

    def __init__(self, path: str, source: Source, missing: str, task: str) -> None:
        self.path, self.source, self.missing, self.task = path, source, missing, task
        self.remarks: list[str] = []

    def samples(
        self, targets: Sequence[int], numbers: Sequence[int], categories: Sequence[int]
    ) -> Samples:
        """Samples of columns in their roles; raises ValueError for all that is wrong at once."""
        self.faults = Faults(self.path, self.source, targets)
        if len(targets) > 1 and self.task == "classification":
            raise ValueError(f"{self.path}: classes are one column, the target has {len(targets)}")
        columns = self.source.load(numbers, [*targets, *categories])
        count = len(columns[targets[0]])
        if not count:
            raise ValueError(f"{self.path}: no samples")
        incomplete = np.zeros(count, dtype=bool)
        asked = self.task == "regression" or len(targets) > 1
        learned = [(self._number if asked else self._label)(i, columns.pop(i)) for i in targets]
        lost = np.any([gone for _, gone in learned], axis=0)
        X = np.empty((count, len(numbers)))
        for place, i in enumerate(numbers):
            X[:, place], gone = self._number(i, columns.pop(i))
            self._remark(i, X[:, place])
            incomplete |= gone
        kinds = []
        for i in categories:
            names, gone = self._text(i, columns.pop(i))
            kinds.append((i, names, gone))
            incomplete |= gone
        self.faults.check()
        kept = ~(lost | incomplete if self.missing == "drop" else lost)
        if not kept.any():
            raise ValueError(f"{self.path}: no sample is complete; name fewer columns in features")
        X = X if kept.all() else X[kept]
        blocks = [self._indicators(i, names[kept], gone[kept]) for i, names, gone in kinds]
        self.faults.check()
        held = int(kept[count - self.source.held :].sum())
        y = [values[kept] for values, _ in learned]
        return Samples(
            np.concatenate([X, *blocks], axis=1) if blocks else X,
            np.stack(y, axis=1) if asked else self._classes(y[0]),
            sum(block.shape[1] for block in blocks),
            held,
            tuple(self.remarks),
        )

    def _number(
        self, column: int, values: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """A column of numbers, NaN where they are missing, and where that is."""
        shown = None
        if (index := cells.nested(values)) is not None:
            return self._nested(column, index, len(values))
        if values.dtype.kind in "iu":
            found = cells.exact(values)
        elif values.dtype.kind in "bf":
            with np.errstate(over="ignore"):  # of long doubles: they are told as infinite
                found = values.astype(np.float64)
        else:
            shown = cells.text(values.astype(object))
            found, strange = cells.numbers(shown)
            if strange.any():
                self.faults.text(column, shown, strange)
        gone = np.isnan(found) if shown is None else cells.marks(shown)
        if np.isinf(found).any():
            self.faults.infinite(column, found)
        elif (far := cells.drowning(found)) is not None:
            self.faults.drowning(column, far)
        if gone.any() and self.missing in ("", "label"):
            self.faults.missing(column, gone)
        return found, gone

    def _text(
        self, column: int, values: NDArray[Any]
    ) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
        """A column of text, and where a value is missing."""
        if (index := cells.nested(values)) is not None:
            self._nested(column, index, len(values))
            return np.full(len(values), "?"), np.zeros(len(values), dtype=bool)
        found = cells.text(values.astype(object))
        gone = cells.marks(found) & (self.missing != "label")
        if gone.any() and not self.missing:
            self.faults.missing(column, gone, words=bool((found[gone] != "").any()))
        return found, gone

    def _nested(
        self, column: int, index: int, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        self.faults.nested(column, index)
        return np.zeros(count), np.zeros(count, dtype=bool)

    def _label(self, column: int, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A column of classes, as numbers where the file has numbers."""
        if values.dtype.kind in "biu":
            return values, np.zeros(len(values), dtype=bool)
        if values.dtype.kind != "f":
            return self._text(column, values)
        numbers, gone = self._number(column, values)
        return numbers, gone

    def _classes(self, labels: NDArray[Any]) -> NDArray[np.intp]:
        names, found, numeric = cells.classes(labels)
        if len(names) < 2:
            raise ValueError(f"{self.path}: all targets are {names[0]}; classes are at least two")
        count = len(names)
        if numeric and not self.task:
            fractions = any(not float(name).is_integer() for name in names)
            if fractions or count > MANY or (count > FEW and 2 * count > len(labels)):
                raise ValueError(
                    f"{self.path}: {count} different targets, and all are numbers: "
                    'task = "regression" perhaps? Or task = "classification"'
                )
        return found

    def _indicators(
        self, column: int, names: NDArray[np.str_], gone: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """A column of 0 and 1 for each value, `(N, values)`; NaN where it is missing."""
        values = np.unique(names[~gone])
        if 2 < len(names) == len(values):
            self._name(column, "has another value in every sample")
        if len(values) > MOST_CATEGORIES:
            self.faults.categories(column, len(values), MOST_CATEGORIES)
            return np.empty((len(names), 0))
        found = (names[:, None] == values).astype(np.float64)
        found[gone] = np.nan
        return found

    def _remark(self, column: int, values: NDArray[np.float64]) -> None:
        """Warn of a feature that looks like a name: whole numbers, each of them once."""
        there = ~np.isnan(values)
        places, values = np.flatnonzero(there), values[there]
        some = values[:100]
        if len(values) < 3 or len(set(some.tolist())) < len(some) or (some != np.rint(some)).any():
            return
        if (values != np.rint(values)).any() or len(np.unique(values)) < len(values):
            return
        counts = (np.diff(values) == np.diff(places)).all()
        self._name(
            column, "counts the samples" if counts else "has another whole number in every sample"
        )

    def _name(self, column: int, what: str) -> None:
        shown = written(self.source, [column])
        self.remarks.append(
            f"{self.path}: column {shown[1:-1]} {what}; if that is no measurement, ignore = {shown}"
        )
