"""Verbs that train here: run, variance."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from bench.cli import said
from bench.cli.verb import (
    FAILED,
    exit_codes,
    jobs_option,
    main,
    no_html,
    no_report,
    out_option,
    plugin_option,
    quiet_option,
    retry_option,
    set_option,
    spec_argument,
)


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
