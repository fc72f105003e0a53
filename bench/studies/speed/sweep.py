"""What a step costs at every size of a stack, and which size is chosen: `bench speed --sweep`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bench.plan.stacks import stacks
from bench.plan.trials import trials
from bench.spec.experiment import Experiment
from bench.studies.speed import measure, peers
from bench.studies.speed.workloads import Workload
from nncore.stack import fitting
from nncore.stack.costs import LARGEST, stack_size, step_cost
from nncore.stack.fitting import Fit
from nncore.stack.training import draw, quietly
from nncore.trial import Seeds

NEIGHBOURS = 2**0.5
TRIAL_SECONDS = 0.05  # about, of an experiment's problems; their own trials take longer
Sweep = dict[str, Any]


class Case(NamedTuple):
    """A workload: of `most` trials a worker is sent up to `sent` at once; peers may train it."""

    workload: Workload
    most: int
    sent: int
    peers: bool


def of_workloads(names: Iterable[str]) -> list[Case]:
    """The workloads of `bench speed`, in the largest stacks that a worker is sent."""
    some = [measure.workloads()[name] for name in names]
    return [Case(workload, _largest(workload), _largest(workload), True) for workload in some]


def of_experiment(experiment: Experiment, jobs: int) -> list[Case]:
    """Every problem of an experiment, trained by its first optimizer, as a run with `jobs` does."""
    cases: dict[str, Case] = {}
    planned = trials(experiment)
    for trial in planned:
        workload = Workload(trial.problem_name, trial.problem, trial.configuration)
        cases.setdefault(trial.problem_name, Case(workload, 0, 0, False))
    for stack in stacks(planned, jobs=jobs):
        case = cases[stack[0].problem_name]
        if stack[0].configuration.path == case.workload.configuration.path:
            most, sent = case.most + len(stack), max(case.sent, len(stack))
            cases[case.workload.name] = case._replace(most=most, sent=sent)
    return [case._replace(most=min(case.most, _largest(case.workload))) for case in cases.values()]


def sweep(cases: Iterable[Case], rounds: int = 3) -> Iterator[tuple[str, Sweep]]:
    """By workload: the size `chosen`, microseconds per trial and step of the `core` by size, `JAX`.

    Sizes are of the trials that pass together; as many of them as fill the chosen `stack` are
    updated at once, where they can pass apart. They go from 1 to the most that there are or that
    a worker is ever sent, each sqrt(2) times the one before; they and JAX (at its best size, where
    it is installed) take turns, and a figure is the median over the rounds of processor time, as in
    `bench speed`. `chosen` is what a worker of `bench run` would take here and now that has met the
    cases before.
    """
    fitting.forget()
    with measure.pinned():
        for case in cases:
            yield case.workload.name, _swept(case, rounds)


def _swept(case: Case, rounds: int) -> Sweep:
    chosen = choice(case)
    workload = case.workload if case.peers else _short(case.workload)
    sizes = sorted({chosen.block, *_sizes(case.most)})
    fits = {size: _filled(workload, chosen.trials, size) for size in sizes}
    runs: dict[Any, peers.Run] = {
        size: peers.core(workload, fit.trials, fit) for size, fit in fits.items()
    }
    steps: dict[Any, int] = {size: fit.trials * workload.steps for size, fit in fits.items()}
    if case.peers and importlib.util.find_spec("jax"):
        runs["JAX"], count = measure.prepared(workload, measure.CONTENDERS["JAX"])
        steps["JAX"] = count * workload.steps
    times = measure.take_turns(runs, rounds)[0]
    each = {key: round(float(np.median(times[key])) / steps[key] * 1e6, 4) for key in runs}
    jax = {"JAX": each["JAX"]} if "JAX" in each else {}
    core = {str(size): each[size] for size in sizes}
    return {"chosen": chosen.block, "stack": chosen.trials, "core": core, **jax}


def choice(case: Case) -> Fit:
    """In what stacks a worker trains this workload, tried here and now if it is not known yet."""
    problem, configuration = case.workload.problem, case.workload.configuration
    seeds = [Seeds.of(seed) for seed in range(case.sent)]
    with quietly():
        drawn = draw(problem, seeds[:1], {})
        return fitting.fitting(problem, [configuration] * case.sent, seeds, drawn)


def _filled(workload: Workload, trials: int, size: int) -> Fit:
    """Blocks of `size` that fill a stack of about `trials`; one where they cannot pass apart."""
    fit = Fit.of(workload.problem, max(1, trials // size) * size, size)
    return fit if fit.block == size else Fit(size, size)


def _short(workload: Workload) -> Workload:
    """The same for fewer epochs, of which the last is recorded."""
    problem, rule = workload.problem, workload.configuration
    epochs = round(TRIAL_SECONDS / step_cost(problem, rule.rule, rule.wrappers))
    epochs = min(problem.epochs, max(1, epochs))
    return replace(workload, problem=replace(problem, epochs=epochs, record_every=epochs))


def _largest(workload: Workload) -> int:
    some = workload.configuration
    return stack_size(workload.problem, some.rule, some.wrappers, LARGEST)


def _sizes(largest: int) -> list[int]:
    sizes = [float(largest)]
    while sizes[-1] / NEIGHBOURS >= 1:
        sizes.append(sizes[-1] / NEIGHBOURS)
    return sorted({round(size) for size in sizes})


def told(name: str, found: Sweep) -> str:
    """A sweep in lines: every size's figure, the chosen one's distance from the best, and JAX's."""
    costs = {int(size): cost for size, cost in found["core"].items()}
    best = min(costs, key=costs.__getitem__)
    more = costs[found["chosen"]] / costs[best] - 1
    lines = [f"{name}: microseconds per trial and step by trials that pass together"]
    lines += [
        f"  {size:>5}  {cost:8.3g}{'  chosen' if size == found['chosen'] else ''}"
        for size, cost in costs.items()
    ]
    lines.append(f"  the best is {best}; the chosen one takes {more:.0%} more")
    if "JAX" in found:
        lines.append(f"  JAX {found['JAX']:.3g}: the core / JAX {costs[best] / found['JAX']:.2f}")
    return "\n".join(lines)
