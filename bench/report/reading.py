"""A table of a report, read from its file."""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.spec.mistakes import nearest
from nncore.files import open_plain

if TYPE_CHECKING:
    import pandas as pd


# Columns whose texts users chose, which may look like numbers.
NAMES = ["problem", "optimizer", "other", "a", "b", "better", "rule", "wrap", "text", "source"]


class NoTableError(Exception):
    """There is no such table, row or column; the message says what there is."""

    exit_code = 2


def there(folder: Path) -> list[str]:
    """Names of the tables of the report in `folder`. Raises NoTableError where there is none."""
    if not folder.is_dir():
        raise NoTableError(f"{folder}: there is no such folder")
    names = sorted(file.stem for file in folder.glob("*.csv"))
    if not names:
        raise NoTableError(f"{folder}: there is no table; `bench report {folder}` writes them")
    return names


def place(folder: Path, name: str) -> Path:
    """The file of a table of the report in `folder`. Raises NoTableError where there is none."""
    known = there(folder)
    if name not in known:
        raise NoTableError(f"{folder}: there is no table {name}; {nearest(name, known)}")
    return folder / f"{name}.csv"


def read(
    folder: Path,
    name: str,
    rows: Mapping[str, Collection[str]] | None = None,
    columns: Collection[str] = (),
) -> pd.DataFrame:
    """The table `name` of the report in `folder`; texts stay texts, also one like "NA".

    Of it the `rows` whose column of that name has one of the values, where some are given, and
    the `columns`, in that order, where some are. Raises NoTableError where one of them is missing,
    OSError for a file that cannot be read or is no table.
    """
    import pandas as pd

    path = place(folder, name)
    try:
        with open_plain(path, links=False) as file:
            frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own, and bytes that are no text
        reason = f"is no table of a report; `bench report {folder}` writes it again"
        raise OSError(errno.EINVAL, reason, str(path)) from error
    for column in frame.columns.difference(NAMES, sort=False):
        with suppress(ValueError):  # texts
            frame[column] = pd.to_numeric(frame[column].mask(frame[column] == ""))
    for column, values in (rows or {}).items():
        if not values:
            continue
        if column not in frame:
            raise NoTableError(f"{path}: has no column {column}")
        for value in values:
            if value not in set(frame[column]):
                hint = nearest(value, dict.fromkeys(frame[column]))
                raise NoTableError(f'{path}: there is no {column} "{value}"; {hint}')
        frame = frame[frame[column].isin(list(values))]
    for column in columns:
        if column not in frame:
            raise NoTableError(
                f"{path}: there is no column {column}; {nearest(column, map(str, frame))}"
            )
    return frame[list(columns)] if columns else frame
