"""`python -m bench.studies.documents`: the documents by distribution, and what their slips cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from bench.run.runner import cores
from bench.session.folder import FolderMismatchError
from bench.spec.experiment import SpecError
from bench.studies.documents import runs, study
from nncore.text import drawing

WIDE = 200  # columns of a table that goes to a file
PROSE = {
    "traces": "Where the printed curves lie among our seeds (percentiles.csv has every value)",
    "slips": "What the slips of the pages do and cost",
}
HIDDEN = {"traces": ["cell"], "slips": []}


@click.command()
@click.option("--jobs", "-j", type=click.IntRange(1), help="Worker processes; default: all cores.")
@click.option("--out", "-o", type=click.Path(path_type=Path), default=Path("results/documents"))
@click.option("--seeds", type=click.IntRange(6), help="Seeds of every spec; default: the spec's.")
@click.option("--fresh", is_flag=True, help="Replace earlier results.")
def main(jobs: int | None, out: Path, seeds: int | None, fresh: bool) -> None:
    """Train many seeds of the documents' experiments and show where what they print falls.

    What is stored in OUT is not trained again.
    """
    overrides = {name: [f"seeds={seeds}"] for name in runs.NAMES} if seeds else {}
    try:
        found = study.write(
            out,
            jobs=jobs or cores(),
            overrides=overrides,
            fresh=fresh,
            say=lambda text: click.echo(text, err=True),
        )
    except (SpecError, FolderMismatchError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"{error.filename or out}: {error.strerror or error}", err=True)
        sys.exit(74)
    width = None if sys.stdout.isatty() else WIDE
    console = Console(file=drawing(sys.stdout), highlight=False, width=width)
    for name, title in PROSE.items():
        console.print(table(found.tables[name].drop(columns=HIDDEN[name]), title))
    for path in found.files:
        console.print(str(path), markup=False, soft_wrap=True)


def table(frame: pd.DataFrame, title: str) -> Table:
    """A frame for the terminal: numbers to the right, to four digits, nothing for what is empty."""
    result = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in frame:
        numbers = pd.api.types.is_numeric_dtype(frame[name].dtype)
        result.add_column(str(name).replace("_", " "), justify="right" if numbers else "left")
    for values in frame.itertuples(index=False, name=None):
        result.add_row(*map(_text, values))
    return result


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
