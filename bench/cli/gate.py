"""Verbs of the gate: baseline, check, compare."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.verb import exit_codes, folder_argument, main

margin_option = click.option(
    "--margin",
    type=click.FloatRange(0, min_open=True),
    default=0.1,
    show_default=True,
    help="By how much losses and times to the target may be larger.",
)


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
@margin_option
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
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@margin_option
@click.option("--fail-on", type=click.Choice(["worse"]), help="Exit with 1 where B is worse.")
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write a page, too."
)
@exit_codes
def compare(
    first: Path, second: Path, margin: float, fail_on: str | None, page: Path | None
) -> int:
    """What changed from the results in A to those in B: yesterday and today, two branches.

    Configurations of the same problem, rule and hyperparameters are paired on the seeds that both
    have. Exit codes: 0; 2 nothing in common; with --fail-on worse: 1 B is worse, 3 cannot tell.
    """
    from bench.gate.compare import sentences
    from bench.session.comparing import compare as compared

    found, names = compared(first, second, margin=margin), (str(first), str(second))
    for line in sentences(found, *names):
        click.echo(line)
    if page is not None:
        from bench.page.compared import page as made
        from nncore.files import write_plain

        write_plain(page, made(found, *names).encode())
        click.echo(page)
    if fail_on is None:
        return 0
    return 1 if found.worse else 3 if "cannot tell" in found.words else 0
