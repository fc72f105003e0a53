"""The stacks that trials train in, and about how long that takes; grouping changes no result."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from bench.plan.keys import problem_text
from bench.plan.trial import Stack, Trial
from nncore.stack.costs import LARGEST, stack_size, step_cost, worthwhile
from nncore.stack.parts import parts

# A stack is what is lost when a worker dies, and what progress counts.
SECONDS = 2.0
STACKS_PER_JOB = 4
# A round is what an interrupted run leaves of everyone.
ROUNDS = 4
# What a stack takes beside its epochs: it is sent, its data are drawn, its outcomes are stored.
EACH = 0.03
# Below this, calls cost more than arithmetic: a lone trial takes twice the time of one of four.
EFFICIENT = 4


def stacks(trials: Sequence[Trial], *, jobs: int, size: int | None = None) -> list[Stack]:
    """Group trials that can train side by side, each key once, in the order to train them.

    Everyone's first seeds come before anyone's last, so that what an interrupted run leaves can be
    compared: seeds are parted in `ROUNDS`, and in a round the longest stack is the first.

    A stack takes about two seconds, or longer where calls cost more than arithmetic otherwise, and
    is no larger than a worker may want to train side by side. It is smaller where `jobs` workers
    would be idle otherwise, but only so far as calls do not outweigh arithmetic, or as a group that
    is more than a worker's share needs to be shared out.
    `size` fixes the trials of a stack. How trials are grouped changes no result.
    """
    groups: dict[Any, dict[str, Trial]] = {}
    # Trials share their problems and configurations: each is described once.
    problems = {t.problem_name: t.problem for t in trials}
    texts = {name: problem_text(problem) for name, problem in problems.items()}
    configurations = {t.configuration_index: t.configuration for t in trials}
    paths = {number: configuration.path for number, configuration in configurations.items()}
    for trial in trials:
        group = texts[trial.problem_name], paths[trial.configuration_index]
        groups.setdefault(group, {}).setdefault(trial.key, trial)
    places = _places(trials)
    together = [
        tuple(sorted(group.values(), key=lambda t: places[t.problem_name, t.seed]))
        for group in groups.values()
    ]
    total = sum(map(seconds, together))
    each = total / max(1, jobs)
    found = [stack for group in together for stack in _cut(group, size or _size(group, each))]

    def order(stack: Stack) -> tuple[int, float, int]:
        place = places[stack[0].problem_name, stack[0].seed]
        return int(place * ROUNDS), -seconds(stack), stack[0].index

    return sorted(found, key=order)


def _places(trials: Sequence[Trial]) -> dict[tuple[str, int], float]:
    """Where a problem's seeds stand among those that are to be trained: from 0 to below 1."""
    seeds: dict[str, dict[int, int]] = {}
    for trial in trials:
        mine = seeds.setdefault(trial.problem_name, {})
        mine.setdefault(trial.seed, len(mine))
    return {
        (problem, seed): place / len(mine)
        for problem, mine in seeds.items()
        for seed, place in mine.items()
    }


def _size(group: Stack, each: float) -> int:
    """Trials per stack of a group, where every worker has `each` seconds to do in all."""
    problem, some = group[0].problem, group[0].configuration
    whole = stack_size(problem, some.rule, some.wrappers, LARGEST)
    trial = seconds(group[:1])
    worth = min(whole, max(EFFICIENT, worthwhile(problem, some.rule, some.wrappers)))
    most = min(whole, max(worth, int(SECONDS / trial)))
    workers = max(1, round(seconds(group) / each))
    least = max(EFFICIENT, min(max(worth, -(-whole // 2)), -(-len(group) // workers)))
    return min(most, max(least, int(min(SECONDS, each / STACKS_PER_JOB) / trial)))


def _cut(group: Stack, size: int) -> list[Stack]:
    """Cut into equal parts of at most `size`, one trial more or less."""
    return [group[part] for part in parts(len(group), size)]


def seconds(stack: Stack) -> float:
    """About how long `stack` trains; only relations between stacks are to be relied on."""
    problem, some = stack[0].problem, stack[0].configuration
    return len(stack) * problem.epochs * step_cost(problem, some.rule, some.wrappers)


def estimate(stacks: Sequence[Stack], jobs: int) -> float:
    """About how many seconds `stacks` take on `jobs` workers, each taking the next when free."""
    free = [0.0] * max(1, jobs)
    for stack in stacks:
        heapq.heappush(free, heapq.heappop(free) + EACH + seconds(stack))
    return max(free)
