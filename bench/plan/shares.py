"""Sharing out trials among machines, by what they cost."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from bench.plan.stacks import seconds, stacks
from bench.plan.trials import Stack, Trial

CACHE = 1 << 20  # bytes, whatever this machine has: another one has to find the same shares


def shares(trials: Sequence[Trial], parts: int, *, jobs: int = 1) -> list[tuple[Stack, ...]]:
    """Stacks of `trials` in so many `parts`, each about as long as the others on `jobs` workers.

    The longest stacks first, each to the part that has least so far (Graham 1969: at most a third
    longer than the best there is). The same trials are shared out alike on every machine.
    """
    found: list[list[Stack]] = [[] for _ in range(parts)]
    loads = [(0.0, part) for part in range(parts)]
    for stack in stacks(trials, jobs=parts * jobs, cache=CACHE):
        load, part = loads[0]
        found[part].append(stack)
        heapq.heapreplace(loads, (load + seconds(stack), part))
    return [tuple(part) for part in found]
