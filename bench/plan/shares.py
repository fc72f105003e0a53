"""Sharing out trials among machines, by what they cost."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from bench.plan.spans import Picked, Plan
from bench.plan.stacks import apiece
from bench.plan.trial import Trial


def shares(trials: Sequence[Trial], parts: int) -> list[Picked]:
    """`trials`, each key once, in so many `parts` of which none costs much more than another.

    Seed by seed in their order, the dearest trial first, each to the part that has least so far
    (Graham 1969): two parts never differ by more than the dearest trial, and seeds that are added
    move none of those before. The same trials are shared out alike on every machine.
    """
    plan = Plan.of(trials)
    unique = plan.distinct
    _, first, seed = np.unique(plan.seeds, return_index=True, return_inverse=True)
    turns = first.argsort().argsort()[seed][unique]
    costs = np.array([apiece(span[0]) for span in plan.spans])[plan.span_numbers(unique)]
    order = np.lexsort((plan.indexes[unique], -costs, turns))
    loads, part_of = [(0.0, part) for part in range(parts)], []
    for cost in costs[order].tolist():
        load, part = loads[0]
        part_of.append(part)
        heapq.heapreplace(loads, (load + cost, part))
    mine = np.array(part_of, np.int64)
    return [Picked(trials, np.sort(unique[order[mine == part]])) for part in range(parts)]
