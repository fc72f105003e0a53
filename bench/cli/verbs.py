"""The command line: verbs, their options, and what they print."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bench.cli import said

FAILED = 1
BAD = 2
IO = 74


def exit_codes(verb: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what a verb returns or raises into an exit code and one or a few lines."""

    @wraps(verb)
    def wrapped(*args: Any, **options: Any) -> None:
        from bench.cli import broken_pipe, no_room
        from bench.run import signals

        broken_pipe.install()
        no_room.install()
        try:
            with signals.as_exceptions():
                code = verb(*args, **options) or 0
        except KeyboardInterrupt as error:
            code = _complain(signals.GOODBYE, getattr(error, "exit_code", 130))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            code = _complain(f"{where}{error.strerror or error}", IO)
        except Exception as error:
            if hasattr(error, "exit_code"):
                code = _complain(str(error), error.exit_code)
            elif no_room.is_it(error):
                what = f": {error}" if isinstance(error, ImportError) else ""
                code = _complain(f"out of memory{what}; what was stored before is intact", IO)
            else:
                raise
        sys.exit(code)

    return wrapped


def _complain(message: str, code: int) -> int:
    click.echo(message, err=True)
    return code


class _Shard(click.ParamType):
    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        part, _, parts = str(value).partition("/")
        if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
            self.fail(f"{value}: write I/N with I from 1 to N, as 1/4", param, ctx)
        return int(part), int(parts)


class _On(click.ParamType):
    name = "dask[://HOST:PORT]"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        address = re.fullmatch(r"dask(://(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):\d{1,5}/?)?", str(value))
        if address is None and value:
            self.fail(f"{value}: write dask, or dask://HOST:PORT with its scheduler's", param, ctx)
        return str(value).rstrip("/")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bench-optimizers", message="bench %(version)s")
def main() -> None:
    """Compare neural-network optimizers: exactly, honestly, fast.

    A spec (TOML) crosses optimizers with hyperparameters over problems and seeds; `run` trains the
    trials in parallel and writes CSV reports and figures.

    Exit codes: 0 done; 1 done, with crashed trials (check: regression; reproduce: mismatch;
    claims: one is contradicted); 2 bad spec, arguments or folder, nothing written; 3 check or
    claims cannot tell; 74 input or output failed, stored work intact; 130, 143 interrupted,
    finished work stored.
    """


no_report = click.option(
    "--no-report", is_flag=True, help="Write no CSV files and figures; `bench report` does."
)
no_html = click.option("--no-html", is_flag=True, help="Leave report.html out of the report.")
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


spec_argument = click.argument("spec", type=click.Path(path_type=Path))
jobs_option = click.option(
    "--jobs", "-j", type=click.IntRange(1), help="Worker processes; default: one per core."
)
out_option = click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="Results folder; default: results/NAME."
)
set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override a key of the spec, as seeds=3 or problem.spiral.epochs=1000. Repeatable.",
)
plugin_option = click.option(
    "--plugin",
    "plugins",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A Python file with rules, schedules or datasets of your own. Repeatable.",
)
retry_option = click.option("--retry-crashed", is_flag=True, help="Train crashed trials again.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Say nothing but what went wrong.")


@main.command()
@spec_argument
@jobs_option
@out_option
@set_option
@click.option(
    "--shard", type=_Shard(), help="Train only the I-th of N parts; join them with `merge`."
)
@plugin_option
@retry_option
@click.option("--fresh", is_flag=True, help="Replace earlier results of the folder.")
@click.option(
    "--repair", is_flag=True, help="Set damaged results aside and train those trials again."
)
@click.option(
    "--on",
    type=_On(),
    default="",
    help="Train on a dask cluster; `dask` alone is one of this machine's cores.",
)
@no_report
@no_html
@quiet_option
@click.option(
    "--dry-run", is_flag=True, help="Say what would be trained and how long; train nothing."
)
@exit_codes
def run(
    spec: Path,
    jobs: int | None,
    out: Path | None,
    overrides: tuple[str, ...],
    shard: tuple[int, int] | None,
    plugins: tuple[Path, ...],
    retry_crashed: bool,
    fresh: bool,
    repair: bool,
    on: str,
    no_report: bool,
    no_html: bool,
    quiet: bool,
    dry_run: bool,
) -> int:
    """Train what is not stored yet, then write the report.

    SPEC is a file, or @NAME: one of the experiments that come with the harness, as @quick. Running
    the same again trains only what is missing: after an interruption, a changed spec or more seeds.
    """
    from bench.run.progress import Progress
    from bench.session import run as session

    common: dict[str, Any] = {
        "out": out,
        "overrides": overrides,
        "plugins": plugins,
        "jobs": jobs,
        "shard": shard,
        "retry_crashed": retry_crashed,
        "fresh": fresh,
        "on": on,
    }
    if dry_run:
        said.plan(session.planned(spec, **common))
        return 0
    results = session.run(
        spec,
        **common,
        repair=repair,
        report=not no_report,
        html=not no_html,
        progress=None
        if quiet
        else lambda todo: Progress.of(todo.stacks, 0 if on else todo.jobs, todo.title),
        say=None if quiet else lambda text: click.echo(text, err=True),
    )
    if quiet:
        said.crashes(results)
    else:
        said.outcome(results, shard)
    return FAILED if results.crashed else 0


@main.command()
@spec_argument
@click.option(
    "--repeats",
    type=click.IntRange(20),
    default=50,
    show_default=True,
    help="Rows of runs: each a run of one seed, and its twin for every stream.",
)
@jobs_option
@out_option
@set_option
@plugin_option
@retry_option
@quiet_option
@exit_codes
def variance(
    spec: Path,
    repeats: int,
    jobs: int | None,
    out: Path | None,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    retry_crashed: bool,
    quiet: bool,
) -> int:
    """Where does the variance between runs come from: data, initial parameters, or order?

    Trains what SPEC asks for, as `run`, then the best configuration of every optimizer again with
    one of the three drawn anew and the others held. The report has variance.csv and a figure.
    """
    from bench.run.progress import Progress
    from bench.session.variance import variance

    found = variance(
        spec,
        repeats=repeats,
        jobs=jobs,
        out=out,
        overrides=overrides,
        plugins=plugins,
        retry_crashed=retry_crashed,
        progress=None if quiet else lambda todo: Progress.of(todo.stacks, todo.jobs, todo.title),
        say=None if quiet else lambda text: click.echo(text, err=True),
    )
    return said.variance(found, quiet=quiet)


@main.command()
@folder_argument
@no_html
@exit_codes
def report(folder: Path, no_html: bool) -> int:
    """Write tables, figures and report.html of what is stored in DIR, also while a run goes on."""
    return _report(folder, html=not no_html)


def _report(folder: Path, *, html: bool = True) -> int:
    from bench.report import write as reports
    from bench.session.folder import read_manifest
    from bench.session.results import results_of
    from bench.store.store import Store

    with Store.read(folder) as store:
        manifest = read_manifest(store)
        written = reports.write(
            folder, store, manifest, html=html, say=lambda text: click.echo(text, err=True)
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
        return _complain(f"{folder}: {what if folder.is_dir() else 'there is no such folder'}", BAD)
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


@main.command()
@folder_argument
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="File; default: DIR/baseline.json."
)
@click.option("--jobs", "-j", type=click.IntRange(1), help="Worker processes; default: one a core.")
@exit_codes
def baseline(folder: Path, out: Path | None, jobs: int | None) -> int:
    """Write what the results in DIR converged to, for `check` to compare with.

    A small JSON file, to be committed. Some trials are run again in the other precision, to know
    how far early records can be compared between machines.
    """
    from bench.session.regression import write_baseline

    click.echo(write_baseline(folder, out, jobs=jobs))
    return 0


@main.command()
@folder_argument
@click.option(
    "--against",
    "file",
    metavar="BASELINE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file that `baseline` wrote.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, min_open=True),
    default=0.1,
    show_default=True,
    help="By how much losses and times to the target may be larger.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail on any rule whose numbers changed by more than rounding, even to the better.",
)
@exit_codes
def check(folder: Path, file: Path, margin: float, strict: bool) -> int:
    """Has convergence in DIR regressed against a baseline?

    Exit codes: 0 no; 1 yes, and which configurations (strict: or numbers changed, and of which
    rules); 2 bad arguments; 3 cannot tell.
    """
    from bench.session.regression import check

    found = check(folder, file, margin=margin, strict=strict)
    click.echo(found)
    return found.exit_code


@main.command()
@click.argument("problems", metavar="[DATASET]...", nargs=-1)
@exit_codes
def new(problems: tuple[str, ...]) -> int:
    """Print a first spec, commented, on the DATASETs (default: spiral): `bench new > my.toml`.

    `bench list datasets` has their names; "csv" is for a file of your own.
    """
    from bench.cli import template
    from nncore.registry import UnknownNameError

    try:
        click.echo(template.spec(problems or ("spiral",)), nl=False)
    except UnknownNameError as error:
        return _complain(str(error), BAD)
    return 0


@main.command(name="list")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option(
    "--plugin",
    "plugins",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Also list what this file adds. Repeatable.",
)
@exit_codes
def list_(kind: str | None, name: str | None, plugins: tuple[Path, ...]) -> int:
    """What there is: rules, wrappers, schedules, datasets, layers, losses, metrics, initializers.

    And of what a report writes: figures, tables. With a NAME, everything about that one.
    """
    from bench.cli import catalogue

    return catalogue.show(kind, name, plugins)


@main.command()
@click.argument("document", required=False)
@exit_codes
def reproduce(document: str | None) -> int:
    """The documents' printed numbers beside ours, compared as text."""
    from bench.studies.documents import reproduce as reproduction

    try:
        return reproduction.main(document)
    except ValueError as error:
        return _complain(str(error), BAD)


@main.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("results/speed"),
    show_default=True,
    help="Where the tables go.",
)
@exit_codes
def speed(rounds: int, out: Path) -> int:
    """The core against the documents' loop and installed peers, in one run on one core.

    PyTorch, JAX and scikit-learn take part where they can be imported (the extra `peers`). Minutes.
    """
    from bench.studies.speed import measure as speeds

    return speeds.main(out, rounds=rounds)
