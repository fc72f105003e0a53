"""Verbs for clusters with Slurm: submit, cancel, and what a job does there."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import said
from bench.cli.verb import (
    FAILED,
    exit_codes,
    folder_argument,
    main,
    no_html,
    out_option,
    plugin_option,
    set_option,
)


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--tasks", type=click.IntRange(1), required=True, help="Tasks that train at once.")
@click.option(
    "--slurm",
    "options",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option of sbatch's, as time=01:00:00 or partition=main. Repeatable.",
)
@out_option
@set_option
@plugin_option
@click.option("--jobs", "-j", type=click.IntRange(1), help="Worker processes a task; default: 1.")
@no_html
@click.option("--dry-run", is_flag=True, help="Print the scripts; queue nothing.")
@exit_codes
def submit(
    spec: Path,
    tasks: int,
    options: tuple[str, ...],
    out: Path | None,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    jobs: int | None,
    no_html: bool,
    dry_run: bool,
) -> int:
    """Train what is not stored yet in arrays of Slurm's, then write the report.

    The folder is on a file system that all machines share. Submitting the same again sends only
    what is missing; `bench status DIR` shows how far it is.
    """
    from bench.session import batch

    found = batch.submit(
        spec,
        tasks=tasks,
        options=options,
        out=out,
        overrides=overrides,
        plugins=plugins,
        jobs=jobs,
        html=not no_html,
        dry_run=dry_run,
        say=lambda text: click.echo(text, err=True),
    )
    if dry_run:
        click.echo(batch.scripts(found), nl=False)
    said.submitted(found, dry_run)
    return 0


@main.command()
@folder_argument
@exit_codes
def cancel(folder: Path) -> int:
    """End the jobs of DIR that `submit` has queued; what is stored stays."""
    from bench.run.progress import counted
    from bench.session import batch

    ended = range(batch.cancel(folder))
    click.echo(f"{counted(ended, 'task')} of {folder} ended; what they have stored stays")
    return 0


@main.command(name="slurm-job", hidden=True)
@click.argument("step")
@folder_argument
@click.argument("tasks", type=click.IntRange(1), required=False)
@click.option("--part", type=click.IntRange(1), envvar="SLURM_ARRAY_TASK_ID", default=1)
@no_html
@exit_codes
def slurm_job(step: str, folder: Path, tasks: int | None, part: int, no_html: bool) -> int:
    """Do what a script of `submit` asks for."""
    from bench.session import jobs

    def say(text: str) -> None:
        click.echo(text, err=True)

    if tasks is not None:
        return jobs.train(folder, step, part, tasks, say=say)
    if step == "report":
        results = jobs.report(folder, say, html=not no_html)
        said.outcome(results)
        return FAILED if results.crashed or results.missing else 0
    return jobs.gather_and_plan(folder, step, say)
