"""A table of a report, read from its file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.spec.mistakes import nearest

if TYPE_CHECKING:
    import pandas as pd


class NoTableError(Exception):
    """There is no such table, row or column; the message says what there is."""

    exit_code = 2


def read(
    folder: Path,
    name: str,
    rows: Mapping[str, Collection[str]] | None = None,
    columns: Collection[str] = (),
) -> pd.DataFrame:
    """The table `name` of the report in `folder`; texts stay texts, also one like "NA".

    Of it the `rows` whose column of that name has one of the values, where some are given, and
    the `columns`, in that order, where some are. Raises NoTableError where one of them is missing.
    """
    import pandas as pd

    path = folder / f"{name}.csv"
    known = sorted(file.stem for file in folder.glob("*.csv"))
    if name not in known:
        hint = nearest(name, known) if known else f"`bench report {folder}` writes them"
        raise NoTableError(f"{folder}: there is no table {name}; {hint}")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in frame:
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
