"""Sharing out trials among machines, by what they cost."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from bench.plan.stacks import seconds
from bench.plan.trial import Trial


def shares(trials: Sequence[Trial], parts: int) -> list[tuple[Trial, ...]]:
    """`trials`, each key once, in so many `parts` of which none costs much more than another.

    Seed by seed in their order, the dearest trial first, each to the part that has least so far
    (Graham 1969): two parts never differ by more than the dearest trial, and seeds that are added
    move none of those before. The same trials are shared out alike on every machine.
    """
    found: list[list[Trial]] = [[] for _ in range(parts)]
    loads = [(0.0, part) for part in range(parts)]
    unique = {trial.key: trial for trial in reversed(trials)}.values()
    turns = {seed: turn for turn, seed in enumerate(dict.fromkeys(t.seed for t in trials))}
    one_of = {(t.problem_name, t.configuration_index): t for t in unique}
    costs = {alike: seconds((trial,)) for alike, trial in one_of.items()}

    def cost(trial: Trial) -> float:
        return costs[trial.problem_name, trial.configuration_index]

    for trial in sorted(unique, key=lambda t: (turns[t.seed], -cost(t), t.index)):
        load, part = loads[0]
        found[part].append(trial)
        heapq.heapreplace(loads, (load + cost(trial), part))
    return [tuple(part) for part in found]
