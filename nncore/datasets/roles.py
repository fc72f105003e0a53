"""Which columns of a file are targets, features and categories, by what a user calls them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

# What a column is called that nobody named: a data frame's index that was saved with it.
UNNAMED = re.compile(r"(Unnamed: \d+(_level_\d+)?(\.\d+)*|__index_level_\d+__)?")
SHOWN = 20


class Source(Protocol):
    """A file of columns, called by name, or by number where it is `numbered`.

    Its last `held` samples are a test part. Its numbers are text with decimal `points`, or not.
    """

    names: list[str]
    numbered: bool
    held: int
    points: bool

    def where(self, index: int) -> str:
        """Where in the file the sample `index` is."""

    def cell(self, index: int, column: int) -> str:
        """What is written in a cell."""

    def load(self, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Columns by their number."""


class Roles(NamedTuple):
    """Columns, by their number: targets, and features that are numbers or categories."""

    targets: list[int]
    numbers: list[int]
    categories: list[int]


def written(source: Source, columns: Sequence[int]) -> str:
    """`columns` as a list in a spec: by name, or by number where names do not tell them apart."""
    names = source.names
    keys = [
        str(i)
        if source.numbered or not names[i] or names.count(names[i]) > 1
        else json.dumps(names[i], ensure_ascii=False)
        for i in columns
    ]
    rest = f", ... {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"[{', '.join(keys[:SHOWN])}{rest}]"


def roles(
    path: str,
    source: Source,
    target: Sequence[Any],
    features: Sequence[Any],
    ignore: Sequence[Any],
    categories: Sequence[Any],
) -> Roles:
    """The columns that play a part.

    Raises ValueError for columns that are not there, not named, or named twice over.
    """
    faults: list[str] = []
    targets = _places(source, target, "target", faults)
    left_out = {*targets, *_places(source, ignore, "ignore", faults)}
    chosen = _places(source, features, "features", faults)
    kinds = _places(source, categories, "categories", faults)
    if not target:
        faults.append("target is missing")
    if faults:
        raise ValueError(f"{path}: {'; '.join(faults)}; the columns are {_known(source)}")
    if wrong := [i for i in kinds if i in targets]:
        faults.append(f"categories = {written(source, wrong)} is the target")
    if wrong := [i for i in chosen if i in targets]:
        faults.append(f"features = {written(source, wrong)} is the target")
    used = [*dict.fromkeys([*chosen, *kinds])] if chosen else range(len(source.names))
    used = [i for i in used if i not in left_out]
    numbers = [i for i in sorted(used) if i not in kinds]
    nameless = [i for i in numbers if i not in chosen and UNNAMED.fullmatch(source.names[i])]
    if nameless:
        them = "no name" if len(nameless) == 1 else "no names"
        faults.append(
            f"{', '.join(f'column {i}' for i in nameless)} (from 0): {them}, so no measurement, it "
            f"seems; ignore = {written(source, nameless)}, or name what you want in features"
        )
    elif not used:
        faults.append("no column besides the target")
    if faults:
        raise ValueError(f"{path}: {'; '.join(faults)}")
    return Roles(targets, numbers, [i for i in sorted(kinds) if i in used])


def _places(source: Source, columns: Sequence[Any], key: str, faults: list[str]) -> list[int]:
    found, names = [], source.names
    for column in columns:
        number = isinstance(column, int)
        if not number and source.numbered and re.fullmatch(r"-?\d+", column):
            column, number = int(column), True
        if number and -len(names) <= column < len(names):
            found.append(column % len(names))
        elif not number and names.count(column) == 1:
            found.append(names.index(column))
        else:
            shown = column if number else json.dumps(column, ensure_ascii=False)
            faults.append(f"{key}: there is no one column {shown}")
    if len(set(found)) < len(found):
        faults.append(f"{key}: a column is there twice")
    return found


def _known(source: Source) -> str:
    count = len(source.names)
    if source.numbered:
        return f"0 to {count - 1}"
    rest = f", and {count - SHOWN} more" if count > SHOWN else ""
    return ", ".join(source.names[:SHOWN]) + rest
