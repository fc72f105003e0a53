"""The stacks that trials train in, and about how long that takes; grouping changes no result."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.plan.keys import problem_text
from bench.plan.spans import Picked, Plan
from bench.plan.trial import Stack, Trial
from nncore.stack.costs import LARGEST, shared_cost, stack_size, step_cost, worthwhile
from nncore.stack.parts import parts

# A stack is what is lost when a worker dies, and what progress counts: so many seconds at most, or
# one part in so many of what a worker has to do.
SECONDS = 2.0
PARTS = 20
STACKS_PER_JOB = 4
# A round is what an interrupted run leaves of everyone.
ROUNDS = 4
# What a stack takes beside its epochs: it is sent, its data are drawn, its outcomes are stored.
EACH = 0.03
# Below this, calls cost more than arithmetic: a lone trial takes twice the time of one of four.
EFFICIENT = 4


def stacks(trials: Sequence[Trial], *, jobs: int, size: int | None = None) -> list[Picked]:
    """Group trials that can train side by side, each key once, in the order to train them.

    Everyone's first seeds come before anyone's last, so that what an interrupted run leaves can be
    compared: seeds are parted in `ROUNDS`, and in a round the longest stack is the first.

    A stack takes about two seconds, a twentieth of a worker's share where that is more, or longer
    where calls cost more than arithmetic otherwise, and is no larger than a worker may want to
    train side by side. It is smaller where `jobs` workers would be idle otherwise, but only so far
    as calls do not outweigh arithmetic, or as a group that is more than a worker's share needs to
    be shared out.
    `size` fixes the trials of a stack. How trials are grouped changes no result.
    """
    plan = Plan.of(trials)
    groups: dict[tuple[str, Any], int] = {}
    # Trials share their problems and configurations: each is described once.
    texts = {name: problem_text(problem) for name, problem in plan.problems.items()}
    group_of = [
        groups.setdefault((texts[span.problem_name], span.configuration.path), len(groups))
        for span in plan.spans
    ]
    where = plan.span_numbers(plan.distinct)
    group = np.array(group_of, np.intp)[where]
    places = _places(plan)[plan.distinct]
    order = np.lexsort((places, group))
    together = np.split(plan.distinct[order], np.flatnonzero(np.diff(group[order])) + 1)
    some = [Picked(trials, mine) for mine in together if len(mine)]
    each = sum(map(seconds, some)) / max(1, jobs)
    found = [
        mine[part]
        for mine, stack in zip(together, some, strict=False)
        for part in parts(len(mine), size or _size(stack, each))
    ]
    # As `seconds` of every stack, whose first trial need not be made.
    first = np.array([mine[0] for mine in found], np.int64)
    costs = np.array([_costs(span[0]) for span in plan.spans]).reshape(-1, 2)
    shared, each = costs[plan.span_numbers(first)].T
    takes = shared + each * [len(mine) for mine in found]
    rounds = (_places(plan)[first] * ROUNDS).astype(int)
    turns = np.lexsort((plan.indexes[first], -takes, rounds))
    return [Picked(trials, found[turn]) for turn in turns.tolist()]


def _places(plan: Plan) -> NDArray[np.float64]:
    """Where each trial's seed stands among its problem's that are to be trained: 0 to below 1."""
    found = np.empty(len(plan))
    names = plan.column(lambda span: span.problem_name)
    for name in plan.problems:
        mine = np.flatnonzero(names == name)
        _, first, seed = np.unique(plan.seeds[mine], return_index=True, return_inverse=True)
        found[mine] = (first.argsort().argsort() / len(first))[seed]
    return found


def _size(group: Stack, each: float) -> int:
    """Trials per stack of a group, where every worker has `each` seconds to do in all."""
    problem, some = group[0].problem, group[0].configuration
    whole = stack_size(problem, some.rule, some.wrappers, LARGEST)
    trial = _costs(group[0])[1]
    worth = min(whole, max(EFFICIENT, worthwhile(problem, some.rule, some.wrappers)))
    longest = max(SECONDS, each / PARTS)
    most = min(whole, max(worth, int(longest / trial)))
    workers = max(1, round(seconds(group) / each))
    least = max(EFFICIENT, min(max(worth, -(-whole // 2)), -(-len(group) // workers)))
    return min(most, max(least, int(min(longest, each / STACKS_PER_JOB) / trial)))


def seconds(stack: Stack) -> float:
    """About how long `stack` trains, on a core like ours: right within a factor of two or so."""
    return side_by_side(stack[0], len(stack))


def side_by_side(trial: Trial, count: int) -> float:
    """About how many seconds `count` trials like this one take in one stack."""
    shared, each = _costs(trial)
    return shared + count * each


def apiece(trial: Trial) -> float:
    """About how many seconds a trial adds to those of a stack that it is in."""
    return _costs(trial)[1]


def _costs(trial: Trial) -> tuple[float, float]:
    """Seconds of a stack of such trials, however many there are, and of each."""
    problem, some = trial.problem, trial.configuration
    costs = (shared_cost, step_cost)
    shared, each = (problem.epochs * cost(problem, some.rule, some.wrappers) for cost in costs)
    return shared, each


def estimate(stacks: Sequence[Stack], jobs: int) -> float:
    """About how many seconds `stacks` take on `jobs` workers, each taking the next when free."""
    free = [0.0] * max(1, jobs)
    for stack in stacks:
        heapq.heappush(free, heapq.heappop(free) + EACH + seconds(stack))
    return max(free)
