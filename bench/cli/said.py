"""What a run says on the terminal: before it how much there is to train, after it what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

SLOWER = 2.5  # times what is computed, on a slow or busy machine
REASONS = 3  # of crashes, told at the end of a run
FIRST, LAST = 32, 2  # lines of many; the last ones put all problems together


def plan(todo: Any) -> None:
    """How many trials a `bench.session.run.Planned` has, how long they take, where they go."""
    from bench.run.progress import counted

    trials, spans = todo.manifest.trials, todo.manifest.plan.spans
    problems = {span.problem_name for span in spans}
    optimizers = {span.optimizer for span in spans}
    configurations = {span.configuration_index for span in spans}
    click.echo(
        f"{todo.manifest.name}: {counted(trials, 'trial')} of "
        f"{counted(configurations, 'configuration')}, {counted(optimizers, 'optimizer')} and "
        f"{counted(problems, 'problem')}"
    )
    rest = {
        "stored": todo.stored,
        "in other shards": todo.elsewhere,
        "the same as others": todo.shared,
    }
    told = [
        f"{count:,} {'is' if count == 1 else 'are'} {what}" for what, count in rest.items() if count
    ]
    click.echo(
        f"{len(todo.missing):,} to train in {counted(todo.stacks, 'stack')} on "
        f"{counted(range(todo.jobs), 'worker')}, {_about(todo.seconds)}"
        + "".join(f"; {t}" for t in told)
    )
    if todo.later.most:
        click.echo(_follows(todo))
    click.echo(f"results go to {todo.folder}")


def submitted(found: Any, dry_run: bool) -> None:
    """What a `bench.session.batch.Submission` has queued, or would queue, on stderr."""
    from bench.run.progress import counted

    if found.ungathered:
        click.echo(
            f"would gather {found.ungathered:,} trials of earlier tasks first, "
            "and plan what follows from them",
            err=True,
        )
    elif not found.jobs:
        click.echo(
            f"nothing is missing in {found.folder}: `bench report {found.folder}` writes the report"
        )
    if not found.jobs:
        return
    follows = f", then {found.phases - 1} more at most" if found.phases > 1 else ""
    click.echo(
        f"{'would queue' if dry_run else 'queued'} {found.trials:,} trials in "
        f"{counted(range(found.tasks), 'task')} of {_about(found.seconds)}{follows}; "
        f"`bench status {found.folder}` shows how far they are",
        err=True,
    )


def _follows(todo: Any) -> str:
    """How many trials follow once there are results, in words."""
    least, most = todo.later.least, todo.later.most
    seconds = todo.later.seconds / todo.jobs
    chosen = todo.manifest.tuned
    count = f"{least:,}" if least == most else f"{least:,} to {most:,}" if chosen else ""
    if todo.shared and count:
        count = f"up to {count}"  # some of them may be the same, too
    told = f"then {count or f'up to {most:,} more'}"
    if chosen:
        told += " on evaluation seeds, of the configurations that tuning chooses"
    if least == most:
        return f"{told}, {_about(seconds)}"
    return f"{told}, in rounds until every pair is decided; all would take {_about(seconds)}"


def _about(seconds: float) -> str:
    """What was computed from a processor's speed, and what a slower or busy one may make of it."""
    if SLOWER * seconds < 1:
        return "about a second"
    return f"about {_duration(seconds)} to {_duration(SLOWER * seconds)}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def outcome(results: Any, shard: tuple[int, int] | None = None) -> None:
    """The files of a report, what it says in words, and what is left to do; `shard` is (I, N)."""
    tables = [path for path in results.files if path.suffix not in (".png", ".html")]
    figures = [path for path in results.files if path.suffix == ".png"]
    for kind, paths in (("tables", tables), ("figures", figures)):
        if paths:
            click.echo(f"{kind}:")
        for path in paths:
            click.echo(f"  {path}")
    if not results.files:
        click.echo(f"stored in {results.folder}: `bench report {results.folder}` writes the report")
    _verdicts(results)
    if results.missing and shard not in (None, (1, 1)):
        click.echo(f"{results.missing:,} trials are in other shards: `bench merge` joins them")
    elif results.missing:
        click.echo(
            f"{results.missing:,} trials have no result yet: run the same again to train them"
        )
    elif results.unjudged:
        click.echo(_unjudged(results.folder))
    elif results.undecided:
        what = "pairs and quantities of claims" if results.manifest.claims else "pairs"
        click.echo(
            f"{results.undecided:,} {what} are undecided: `bench run SPEC --out {results.folder}` "
            "goes on with the next round of seeds"
        )
    crashes(results)
    for path in results.files:
        if path.suffix == ".html":
            click.echo(f"report:\n  {path}\n  all of it in one file: `bench open {results.folder}`")


def variance(found: Any, *, quiet: bool) -> int:
    """What share each stream has, and where it stands; returns the exit code."""
    if found.lines and not quiet:
        click.echo("shares of the variance, with 95% intervals; joint effects count for each:")
        for line in found.lines:
            click.echo(_wrapped(line))
        for path in found.results.files:
            if path.stem == "variance":
                click.echo(f"  {path}")
    if found.crashed:
        click.echo(f"{found.crashed:,} of these runs crashed: their rows are left out", err=True)
    crashes(found.results)
    return int(bool(found.crashed or found.results.crashed))


def crashes(results: Any) -> None:
    """How many trials crashed and why, on stderr."""
    if results.crashed:
        for reason, count in list(results.reasons.items())[:REASONS]:
            click.echo(f"crashed ({count:,} of {results.crashed:,}): {reason}", err=True)
        click.echo(
            f"{results.crashed:,} trials crashed: `bench status {results.folder}` names them, "
            "`bench run --retry-crashed` tries them again",
            err=True,
        )


def _unjudged(folder: Path) -> str:
    return (
        "configurations can be chosen now: `bench run SPEC --out "
        f"{folder}` trains them on the evaluation seeds"
    )


def _verdicts(results: Any) -> None:
    """What the report found, and what may mislead in it."""
    from bench.report.told import told as tell

    told = tell(results.folder) if results.files else []
    for title, lines in told:
        if lines:
            click.echo(f"{title}:")
        for line in _some(lines):
            click.echo(_wrapped(line))


def _some(lines: Sequence[str]) -> Sequence[str]:
    """`lines`, or the first and the last of many with how many are left out.

    >>> _some([str(i) for i in range(1_003)])[FIRST - 1:]
    ['31', '(969 more: the files have all)', '1001', '1002']
    """
    rest = len(lines) - FIRST - LAST
    if rest <= 1:
        return lines
    return [*lines[:FIRST], f"({rest:,} more: the files have all)", *lines[-LAST:]]


def _wrapped(line: str) -> str:
    return click.wrap_text(line, width=100, initial_indent="  ", subsequent_indent="    ")


def claims(folder: Path, found: Any) -> int:
    """The claims of a folder, decided (`bench.verdicts.claims.Claims`); returns the exit code."""
    from bench.verdicts.claim_words import sentences

    if not found.decided:
        click.echo(f"{folder}: its spec claims nothing; write [[claim]] tables", err=True)
    for line in sentences(found):
        click.echo(click.wrap_text(line, width=100, subsequent_indent="  "))
    return int(found.exit_code)
