"""Verbs of studies that come with the harness: reproduce, speed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.cli.verb import BAD, FAILED, complain, exit_codes, main


@main.command()
@click.argument("document", required=False)
@click.option("--verbose", "-v", is_flag=True, help="Print every line, not each cell's ends alone.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("results/reproduce"),
    show_default=True,
    help="Where the figures go.",
)
@exit_codes
def reproduce(document: str | None, verbose: bool, out: Path) -> int:
    """The documents' printed numbers beside ours, compared as text; a figure of each document.

    DOCUMENT is 000 to 004; default: all of them.
    """
    from bench.studies.documents import compared, told
    from bench.studies.documents import reproduce as reproduction

    try:
        report = reproduction.reproduce(document)
    except ValueError as error:
        return complain(str(error), BAD)
    documents = [document] if document else list(compared.PICTURES)
    for line in told.lines(report, documents, every=verbose):
        click.echo(line)
    click.echo("figures:")
    for path in compared.write(report, documents, out):
        click.echo(f"  {path}")
    return FAILED if report.mismatches else 0


@main.command()
@click.option("--rounds", type=click.IntRange(1), help="How often; default: 5, of the others 3.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("results/speed"),
    show_default=True,
    help="Where the tables go.",
)
@click.option("--sweep", is_flag=True, help="What a step costs at every size of a stack.")
@click.option("--json", "as_json", is_flag=True, help="The sweep as JSON.")
@click.option(
    "--against",
    metavar="COMMIT",
    help="The core here against that of a commit, in turns; exit code 1 where it is 15% slower.",
)
@click.option("--workload", multiple=True, help="Only this one; may be given several times.")
@click.option(
    "--spec",
    metavar="SPEC",
    help="Sweep this spec's problems, each with its first optimizer, instead of the workloads.",
)
@exit_codes
def speed(
    rounds: int | None,
    out: Path,
    sweep: bool,
    as_json: bool,
    against: str | None,
    workload: tuple[str, ...],
    spec: str | None,
) -> int:
    """The core against the documents' loop and installed peers, in one run on one core.

    PyTorch, JAX and scikit-learn take part where they can be imported (the extra `peers`). Minutes.
    """
    from bench.studies.speed import measure as speeds

    unknown = [name for name in workload if name not in speeds.workloads()]
    if unknown:
        known = ", ".join(speeds.workloads())
        return complain(f"--workload {unknown[0]}: there is no such workload; {known}", BAD)
    if as_json and not sweep:
        return complain("--json: only a sweep is told so; add --sweep", BAD)
    if sweep and against:
        return complain("--sweep and --against: one at a time", BAD)
    if spec and (workload or not sweep):
        with_what = "without --workload" if workload else "with --sweep"
        return complain(f"--spec: only a sweep takes one, {with_what}", BAD)
    names = list(workload or speeds.workloads())
    if sweep:
        return _sweep(names, spec, rounds or 3, as_json)
    if against:
        return _against(against, names, rounds or 3)
    return speeds.main(out, names=names, rounds=rounds or 5)


def _sweep(names: list[str], spec: str | None, rounds: int, as_json: bool) -> int:
    from bench.run import runner
    from bench.spec.experiment import load
    from bench.studies.speed import measure as speeds
    from bench.studies.speed import sweep as sweeps

    cases = sweeps.of_experiment(load(spec), runner.cores()) if spec else None
    if not as_json:
        click.echo(speeds.machine_told())
    found = {}
    for name, one in sweeps.sweep(cases or sweeps.of_workloads(names), rounds):
        found[name] = one
        if not as_json:
            click.echo(sweeps.told(name, one))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    return 0


def _against(commit: str, names: list[str], rounds: int) -> int:
    from bench.studies.speed import against as other
    from bench.studies.speed import measure as speeds

    click.echo(speeds.machine_told())
    try:
        ratios = other.against(commit, names, rounds, click.echo)
    except other.CommitError as error:
        return complain(str(error), BAD)
    click.echo(other.told(ratios, commit))
    return FAILED if any(ratio.slower for ratio in ratios) else 0
