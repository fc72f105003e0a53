"""Measuring what an epoch costs, where a results folder does not say yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.plan.manifest import Manifest
from bench.plan.trial import Trial
from bench.run import runner
from bench.run.progress import Pace, counted
from bench.run.timing import measure_stack, measured
from bench.session.folder import statuses
from bench.store.store import Result, Store
from bench.tables.costs import COSTS, costs_of, name_of

LINE_SECONDS = 5.0
ENDED = ("ok", "diverged")
MOST = 100  # problems that are measured, at some tenths of a second each


def measure(
    store: Store, manifest: Manifest, plugins: Sequence[Path], say: Callable[[str], None]
) -> None:
    """Measure the rules of every problem that has one without a measurement, and store it.

    A rule inside wrappers is another one. All rules of such a problem, since only what was measured
    in turns is comparable; on one worker, with nothing else in flight. Rules without a trial that
    came to an end are left out: they may never end. What was measured before an interruption stays.
    Of more than `MOST` problems the first are measured, and that is said.
    """
    groups = _ended(store, manifest)
    known = costs_of(store)
    stacks = [
        tuple(rules.values())
        for definition, rules in list(groups.items())[:MOST]
        if not rules.keys() <= known.get(definition, {}).keys()
    ]
    if not stacks:
        return
    if len(groups) > MOST:
        say(f"what an epoch costs is measured on the first {MOST} of {len(groups):,} problems")
    rules = {trial.configuration.name for stack in stacks for trial in stack}
    say(f"measuring what an epoch costs: {counted(rules, 'rule')} on {counted(stacks, 'problem')}")
    stack_of = {trial.key: stack for stack in stacks for trial in stack}
    known, pace, done = {**known}, Pace("problems measured", say), 0
    written = time.monotonic()

    def keep(result: Result) -> None:
        nonlocal done, written
        rule_of = {t.key: t.configuration.name for t in stack_of[result.keys[0]]}
        problem = name_of(stack_of[result.keys[0]][0].problem)
        # Of what was measured at another moment nothing stays beside what was measured now.
        rounds = {r: known.get(problem, {}).get(r, []) for r in rule_of.values()}
        for key, record in zip(result.keys, result.records, strict=True):
            rounds[rule_of[key]] = measured(record).tolist()
        known[problem] = rounds
        done += 1
        pace.at(done, len(stacks))
        # All are one entry of the store: written now and then, or time would grow with the square.
        if time.monotonic() - written >= LINE_SECONDS:
            store.set_meta(**{COSTS: known})
            written = time.monotonic()

    try:
        runner.run(stacks, on_result=keep, jobs=1, plugins=plugins, task=measure_stack)
    finally:
        if done:
            store.set_meta(**{COSTS: known})


def _ended(store: Store, manifest: Manifest) -> dict[str, dict[str, Trial]]:
    """Of every problem, by its definition, a trial of each rule that came to an end."""
    names = {t.problem_name: t.problem for t in manifest.trials}
    definitions = {name: name_of(problem) for name, problem in names.items()}
    groups: dict[str, dict[str, Trial]] = {}
    for trial, status in zip(manifest.trials, statuses(store, manifest.trials), strict=True):
        if status in ENDED:
            rules = groups.setdefault(definitions[trial.problem_name], {})
            rules.setdefault(trial.configuration.name, trial)
    return groups
