"""The tables of a report in a format of columns, which keeps types: Parquet."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path

from bench.report.reading import place, read, there
from nncore.files import write_plain


class ExportError(Exception):
    """The format's library is not installed."""

    exit_code = 2


def parquet(folder: Path, out: Path, names: Collection[str] = ()) -> Iterator[Path]:
    """Write tables of the report in `folder` as Parquet files of their names in `out`, one by one.

    All by default. Numbers are those of the CSV files, digit for digit; texts stay texts. Raises
    NoTableError where one of `names` is missing, ExportError without pyarrow, OSError where
    a file cannot be read or written.
    """
    chosen = names or there(folder)
    for name in chosen:
        place(folder, name)  # one that is missing is told before anything is written
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ExportError(
            f"Parquet is written by pyarrow, which cannot be imported ({error}): "
            "pip install pyarrow"
        ) from error
    for name in chosen:
        content = BytesIO()
        read(folder, name).to_parquet(content, engine="pyarrow", index=False)
        path = out / f"{name}.parquet"
        write_plain(path, content.getvalue())
        yield path
