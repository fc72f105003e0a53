"""Cells of a user's columns: which stand for a missing value, which are numbers, and which ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# What people write where a value is missing, in any case: pandas's words, those of R, Weka, SQL
# and C, and the errors of spreadsheets.
MARKS = ["", "na", "n/a", "n.a.", "#n/a", "#na", "#n/a n/a", "<na>", "<n/a>", "nan", "-nan", "nat"]
MARKS += ["null", "(null)", "<null>", "\\n", "none", "<none>", "nil", "undefined", "missing"]
MARKS += ["not available", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"]
MARKS += ["#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!"]
SPELLINGS = sorted({spell(mark) for mark in MARKS for spell in (str, str.upper, str.title)})
SPELLINGS += ["NaN", "NaT", "-NaN", "?", "-", "--", ".", ".."]
MARK = re.compile(
    "|".join(map(re.escape, MARKS)) + r"|\?+|\.+|[-\u2010-\u2015\u2212]+|\u2026", re.I
)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.I)
WORDS = {"true": 1.0, "false": 0.0}
# From here on, not every whole number is a float64.
EXACT = 2**53


def is_mark(cell: str) -> bool:
    """Whether `cell` stands for a missing value.

    >>> [is_mark(cell) for cell in ("", " NA", "?", "0", "north")]
    [True, True, True, False, False]
    """
    return MARK.fullmatch(cell.strip()) is not None


def marks(cells: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Which of `cells` stand for a missing value."""
    return np.array([is_mark(cell) for cell in cells], dtype=bool)


def is_number(cell: str) -> bool:
    """Whether `cell` is a decimal number; what only Python takes for one is not.

    >>> [is_number(cell) for cell in ("1", "+.5e-3", "1_0", "0x1f", "1,5", "")]
    [True, True, False, False, False, False]
    """
    return NUMBER.fullmatch(cell.strip()) is not None


def text(values: NDArray[np.object_]) -> NDArray[np.str_]:
    """Cells of any kind as text, without the blanks around it; what is missing is empty.

    >>> text(np.array([" a", b"b", 1, True, None, float("nan")], object)).tolist()
    ['a', 'b', '1', 'True', '', '']
    """
    return np.array([as_text(value) for value in values.tolist()], dtype=np.str_)


def as_text(value: Any) -> str:
    """A cell as text; one that is missing is empty."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def nested(values: NDArray[Any]) -> int | None:
    """Where the first cell stands that is no single number or text: a list, a record, complex.

    >>> nested(np.array([1 + 2j])), nested(np.array(["a", (1, 2)], object)), nested(np.zeros(3))
    (0, 1, None)
    """
    if values.ndim > 1 or values.dtype.kind in "cV":
        return 0
    if values.dtype.kind == "O":
        for index, value in enumerate(values.tolist()):
            if isinstance(value, (list, tuple, dict, set, complex, np.ndarray)):
                return index
    return None


def numbers(cells: NDArray[np.str_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers in `cells` (NaN: missing), and where there is something else.

    >>> numbers(np.array(["1.5", "NA", "yes", "TRUE"]))
    (array([1.5, nan, nan, 1. ]), array([False, False,  True, False]))
    """
    number = np.array([is_number(cell) or cell.lower() in WORDS for cell in cells], dtype=bool)
    there, strange = number & ~marks(cells), ~number & ~marks(cells)
    found = np.full(len(cells), np.nan)
    some = [str(cell) for cell in cells[there]]
    if some and all(re.fullmatch(r"[+-]?\d+", cell) for cell in some):
        found[there] = exact([int(cell) for cell in some])
    else:
        found[there] = [WORDS[c.lower()] if c.lower() in WORDS else float(c) for c in some]
    return found, strange


def exact(values: ArrayLike | Sequence[int]) -> NDArray[np.float64]:
    """Whole numbers as floats: counted from the smallest where a float has not all their digits.

    Standardised they are the same, and time stamps in nanoseconds stay apart.

    >>> exact([2**60, 2**60 + 1, 2**60 + 3]), exact([5, 7])
    (array([0., 1., 3.]), array([5., 7.]))
    """
    whole = np.asarray(values)
    if not len(whole):
        return whole.astype(np.float64)
    low, high = int(whole.min()), int(whole.max())
    if max(-low, high) <= EXACT or high - low >= 2**63:
        return whole.astype(np.float64)
    return np.array([int(value) - low for value in whole.tolist()], dtype=np.float64)


def drowning(values: NDArray[np.float64]) -> int | None:
    """Where the first value stands that makes all others look the same, such as 1e30 for "none".

    It is above 1e15, and so far from the others that float32 cannot tell these apart.

    >>> drowning(np.array([3.0, 1.0, 2.0, 1e30])), drowning(np.array([1e20, 2e20, 3e20]))
    (3, None)
    """
    sizes = np.abs(values)
    if not np.fmax.reduce(sizes, initial=0.0) >= 1e15:
        return None
    found = np.unique(values[~np.isnan(values)])
    found = found[np.argsort(np.abs(found), kind="stable")]
    ordered = np.abs(found)
    for i in range(2, len(found)):
        if ordered[i] >= 1e15 and ordered[i] / 1e7 >= ordered[i - 1] > 0:
            return int(np.argmax(sizes >= ordered[i]))
    return None


def classes(labels: NDArray[np.generic]) -> tuple[list[str], NDArray[np.intp], bool]:
    """Distinct labels as text, the class `(N,)` of each, and whether all of them are numbers.

    Numbers count in their order, everything else as text. Labels that are written differently are
    different: "01" is not "1".

    >>> classes(np.array(["10", "9", "09", "10"]))
    (['09', '9', '10'], array([2, 1, 0, 2]), True)
    """
    names, found = np.unique(labels, return_inverse=True)
    if labels.dtype.kind != "U":
        return [str(name) for name in names.tolist()], found, labels.dtype.kind != "b"
    written = [str(name) for name in names]
    if not all(is_number(name) for name in written):
        return written, found, False
    order = sorted(range(len(written)), key=lambda i: (float(written[i]), written[i]))
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return [written[i] for i in order], rank[found], True
