"""Verbs of studies that come with the harness: reproduce, speed."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.verb import BAD, complain, exit_codes, main


@main.command()
@click.argument("document", required=False)
@exit_codes
def reproduce(document: str | None) -> int:
    """The documents' printed numbers beside ours, compared as text."""
    from bench.studies.documents import reproduce as reproduction

    try:
        return reproduction.main(document)
    except ValueError as error:
        return complain(str(error), BAD)


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
