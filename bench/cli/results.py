"""Verbs of results that are there: report, status, open, claims, table, merge."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import said
from bench.cli.verb import (
    BAD,
    FAILED,
    complain,
    exit_codes,
    folder_argument,
    main,
    no_html,
    no_report,
)


@main.command()
@folder_argument
@no_html
@click.option(
    "--format",
    "form",
    type=click.Choice(["png", "pdf", "svg"]),
    default="png",
    show_default=True,
    help="Of the files in DIR/figures; the next report puts its own in their place.",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that draw figures.",
)
@exit_codes
def report(folder: Path, no_html: bool, form: str, jobs: int) -> int:
    """Write tables, figures and report.html of what is stored in DIR, also while a run goes on."""
    return _report(folder, html=not no_html, form=form, jobs=jobs)


def _report(folder: Path, *, html: bool = True, form: str = "png", jobs: int = 1) -> int:
    from bench.report import write as reports
    from bench.session.folder import read_manifest
    from bench.session.results import results_of
    from bench.store.store import Store

    with Store.read(folder) as store:
        manifest = read_manifest(store)
        written = reports.write(
            folder,
            store,
            manifest,
            html=html,
            form=form,
            jobs=jobs,
            say=lambda text: click.echo(text, err=True),
        )
        results = results_of(folder, manifest, store, written)
        damage = list(store.damage)
    said.outcome(results)
    for item in damage:
        click.echo(f"damaged, and left out of the report: {item}", err=True)
    if damage:
        click.echo("`bench run --repair` sets the damage aside and trains it again", err=True)
    return FAILED if results.crashed or damage else 0


@main.command()
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@exit_codes
def status(folder: Path, as_json: bool) -> int:
    """What is done, missing, diverged and crashed in DIR."""
    import dataclasses
    import json

    from bench.session import queued as queues
    from bench.session import status as statuses

    found, queue = statuses.status(folder), queues.queued(folder)
    if as_json:
        plain = {**statuses.plain(found), "slurm": queue and dataclasses.asdict(queue)}
        click.echo(json.dumps(plain, indent=1))
    else:
        for line in [*statuses.lines(found), *(queues.lines(queue, folder) if queue else ())]:
            click.echo(line)
    return FAILED if queue and queue.damage else found.exit_code


@main.command(name="open")
@folder_argument
@exit_codes
def open_(folder: Path) -> int:
    """Show the report of DIR in the browser; where there is none, print its path."""
    import webbrowser

    from bench.report.write import PAGE

    page = folder / PAGE
    if not page.is_file():
        what = f"there is no {PAGE}; `bench report {folder}` writes it"
        return complain(f"{folder}: {what if folder.is_dir() else 'there is no such folder'}", BAD)
    click.echo(page)
    if not webbrowser.open(page.resolve().as_uri()):
        click.echo("no browser was found: open the file in one", err=True)
    return 0


@main.command()
@folder_argument
@exit_codes
def claims(folder: Path) -> int:
    """What the spec of DIR claimed beforehand, and what became of it.

    Exit codes: 0 all claims hold; 1 one is contradicted; 3 none is, but one is undecided; 2 there
    are none.
    """
    from bench.report.claims import decided
    from bench.session.folder import read_manifest
    from bench.store.store import Store

    with Store.read(folder) as store:
        found = decided(store, read_manifest(store))
        damage = list(store.damage)
    for item in damage:
        click.echo(f"damaged, and left out: {item}", err=True)
    return said.claims(folder, found)


@main.command()
@folder_argument
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(["latex", "markdown", "csv"]),
    default="markdown",
    show_default=True,
    help="LaTeX (booktabs) and Markdown have numbers to three digits, CSV has all.",
)
@click.option("--problem", "problems", multiple=True, help="Its rows alone. Repeatable.")
@click.option("--optimizer", "optimizers", multiple=True, help="Its rows alone. Repeatable.")
@click.option("--column", "columns", multiple=True, help="This column alone. Repeatable.")
@exit_codes
def table(
    folder: Path,
    name: str,
    form: str,
    problems: tuple[str, ...],
    optimizers: tuple[str, ...],
    columns: tuple[str, ...],
) -> int:
    """Print a table of the report in DIR, as ranking, pairs or time_to_target, for a paper."""
    from bench.report.formats import FORMATS
    from bench.report.reading import read

    rows = {"problem": problems, "optimizer": optimizers}
    click.echo(FORMATS[form](read(folder, name, rows, columns)))
    return 0


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument(
    "folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@no_report
@exit_codes
def merge(out: Path, folders: tuple[Path, ...], no_report: bool) -> int:
    """Join the results of shards in OUT, and write its report."""
    from bench.session import merge as merging

    merging.merge(out, folders)
    if no_report:
        click.echo(f"joined in {out}: `bench report {out}` writes the report")
        return 0
    return _report(out)
