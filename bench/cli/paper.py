"""`bench plot` and `bench export`: results for papers and other programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from bench.cli.verb import exit_codes, folder_argument, main

FORMATS = ("pdf", "svg", "png")


class _Size(click.ParamType):
    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", str(value))
        size = tuple(map(float, found.groups())) if found else (0.0, 0.0)
        if not all(1 <= side <= 40 for side in size):
            self.fail(f"{value}: write inches, from 1 to 40, as 3.3x2.4", param, ctx)
        return size[0], size[1]


@main.command()
@folder_argument
@click.argument("kind")
@click.option("--problem", default="", help="Of which; need not be named if there is only one.")
@click.option("--optimizer", "optimizers", multiple=True, help="This one alone. Repeatable.")
@click.option("--metric", default="", help="A column as validation_accuracy (curves, target).")
@click.option("--x", default="", help="epochs, updates, evaluations or seconds (curves).")
@click.option("--hyperparameter", default="", help="What a heatmap has beside the rate.")
@click.option("--size", type=_Size(), default="3.3x2.4", show_default=True, help="Inches.")
@click.option("--title", default="", help="A title above the panel; none by default.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Default: what the file ends in, or pdf.",
)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="File; default: KIND_PROBLEM.FORMAT here."
)
@exit_codes
def plot(
    folder: Path,
    kind: str,
    problem: str,
    optimizers: tuple[str, ...],
    metric: str,
    x: str,
    hyperparameter: str,
    size: tuple[float, float],
    title: str,
    form: str | None,
    out: Path | None,
) -> int:
    """Draw one chart of the results in DIR for a paper, and print what its caption has to say.

    KIND is curves, sensitivity, heatmap, ranking, spread, pairs, wins, target, budget, profile,
    across, critical, divergence, variance or contour.
    """
    from bench.figures import style
    from bench.figures.book import FileNames
    from bench.figures.paper import SMALL
    from bench.session.results import open_results
    from nncore.files import write_plain

    form = form or (out.suffix[1:].lower() if out is not None and out.suffix else "pdf")
    if form not in FORMATS:
        raise click.BadParameter(f"{out}: write a file that ends in {', '.join(FORMATS)}")
    plots = open_results(folder).plot
    with style.applied(SMALL):
        figure, told = plots.figure(
            kind,
            problem=problem,
            optimizers=optimizers,
            metric=metric,
            x=x,
            hyperparameter=hyperparameter,
            size=size,
            title=title,
        )
        letters: list[str] = []
        content = style.drawn(figure, form, letters.append)
    named = [part for part in (kind, problem, metric, x) if part]
    out = out or Path(FileNames().claim(*named)).with_suffix(f".{form}")
    write_plain(out, content)
    click.echo(out)
    for sentence in filter(None, told.caption):
        click.echo(f"  {sentence}")
    if letters:
        click.echo(f"the font lacks {''.join(dict.fromkeys(letters))}", err=True)
    return 0


@main.command()
@folder_argument
@click.option(
    "--format", "form", type=click.Choice(["parquet"]), default="parquet", show_default=True
)
@click.option("--table", "names", multiple=True, help="This table alone. Repeatable.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Folder; default: DIR/FORMAT.")
@exit_codes
def export(folder: Path, form: str, names: tuple[str, ...], out: Path | None) -> int:
    """Write the tables of the report in DIR for other programs: every digit, types included."""
    from bench.report.export import parquet

    for path in parquet(folder, out or folder / form, names):
        click.echo(path)
    return 0
