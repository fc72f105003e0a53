"""What a step costs at every size of a stack, and which size is chosen: `bench speed --sweep`."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.studies.speed import measure, peers
from bench.studies.speed.workloads import Workload
from nncore.stack import fitting
from nncore.stack.costs import LARGEST, stack_size
from nncore.stack.fitting import Fit
from nncore.stack.training import draw, quietly
from nncore.trial import Seeds

NEIGHBOURS = 2**0.5
Sweep = dict[str, Any]


def sweep(names: Sequence[str] | None = None, rounds: int = 3) -> dict[str, Sweep]:
    """By workload: the size `chosen`, microseconds per trial and step of the `core` by size, `JAX`.

    Sizes are of the trials that pass together; as many of them as fill the chosen `stack` are
    updated at once. They go from 1 to the largest stack that a worker is sent, each sqrt(2) times
    the one before; they and JAX (at its best size, where it is installed) take turns, and a figure
    is the median over the rounds of processor time, as in `bench speed`. `chosen` is what `bench
    run` would take here and now.
    """
    found = {}
    with measure.pinned():
        for name in names or measure.workloads():
            found[name] = _swept(measure.workloads()[name], rounds)
    return found


def _swept(workload: Workload, rounds: int) -> Sweep:
    chosen = choice(workload)
    sizes = sorted({chosen.block, *_sizes(_most(workload))})
    # As many blocks as fill the chosen stack, which is updated at once.
    trials = {size: max(1, chosen.trials // size) * size for size in sizes}
    runs: dict[Any, peers.Run] = {
        size: peers.core(workload, count, Fit(count, size)) for size, count in trials.items()
    }
    steps: dict[Any, int] = {size: count * workload.steps for size, count in trials.items()}
    if importlib.util.find_spec("jax"):
        runs["JAX"], count = measure.prepared(workload, measure.CONTENDERS["JAX"])
        steps["JAX"] = count * workload.steps
    times = measure.take_turns(runs, rounds)[0]
    each = {key: round(float(np.median(times[key])) / steps[key] * 1e6, 4) for key in runs}
    jax = {"JAX": each["JAX"]} if "JAX" in each else {}
    core = {str(size): each[size] for size in sizes}
    return {"chosen": chosen.block, "stack": chosen.trials, "core": core, **jax}


def choice(workload: Workload) -> Fit:
    """In what stacks a worker trains this workload, tried here and now."""
    count = _most(workload)
    seeds = [Seeds.of(seed) for seed in range(count)]
    with quietly():
        fitting.forget()
        drawn = draw(workload.problem, seeds[:1], {})
        several = [workload.configuration] * count
        return fitting.fitting(workload.problem, several, seeds, drawn)


def _most(workload: Workload) -> int:
    return stack_size(workload.problem, workload.configuration.rule, (), LARGEST)


def _sizes(largest: int) -> list[int]:
    sizes = [float(largest)]
    while sizes[-1] / NEIGHBOURS >= 1:
        sizes.append(sizes[-1] / NEIGHBOURS)
    return sorted({round(size) for size in sizes})


def told(found: Mapping[str, Sweep]) -> str:
    """A sweep in lines: every size's figure, the chosen one's distance from the best, and JAX's."""
    lines = []
    for name, own in found.items():
        costs = {int(size): cost for size, cost in own["core"].items()}
        best = min(costs, key=costs.__getitem__)
        more = costs[own["chosen"]] / costs[best] - 1
        lines.append(f"{name}: microseconds per trial and step by trials that pass together")
        lines += [
            f"  {size:>5}  {cost:8.3g}{'  chosen' if size == own['chosen'] else ''}"
            for size, cost in costs.items()
        ]
        lines.append(f"  the best is {best}; the chosen one takes {more:.0%} more")
        if "JAX" in own:
            lines.append(f"  JAX {own['JAX']:.3g}: the core / JAX {costs[best] / own['JAX']:.2f}")
    return "\n".join(lines)
