"""Verbs that say what there is to write: new, list."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.verb import BAD, complain, exit_codes, main


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
        return complain(str(error), BAD)
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

    And of what a report writes: figures, tables. With a NAME, everything about that one;
    `bench list NAME` does it, too.
    """
    from bench.cli import catalogue

    return catalogue.show(kind, name, plugins)
