"""How many trials train side by side fastest: this processor is asked, in some of their updates.

What a stack costs a trial falls with its size as long as calls cost more than arithmetic, and rises
when its arrays leave the caches: where, depends on the processor, on what else it does, on problem
and rule. So a handful of sizes takes turns in front of the first stack of its kind, for a small
share of the time that is then spent on training. Results do not depend on it.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nncore.registry import BUILT_IN
from nncore.stack.costs import LARGEST, SMALLEST, stack_size, step_cost, updates_per_epoch
from nncore.stack.training import Drawn, Training, draw, nothing, quietly
from nncore.streams import canonical
from nncore.trial import Configuration, Outcome, Problem, Seeds, Target

Clock = Callable[[], float]
SLICE_SECONDS = 0.0015  # of a turn, or one update where that takes longer
TURNS = 3
BATCHES = 4  # arrays of as many are made for it
# Of the time that the trials at hand take, at most this share is spent on trying.
SHARE = 0.04


# What a trial's update takes in seconds, by kind of stack and size: this process has tried it.
_known: dict[str, dict[int, float]] = {}


def train_all(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Sequence[int | Seeds],
    names: Sequence[str] | None = None,
    *,
    targets: Sequence[Target] = (),
    progress: Callable[[], None] = nothing,
    size: int | None = None,
) -> list[Outcome]:
    """Train any number of trials of one problem and rule, as many side by side as is fastest here.

    `size` fixes how many these are at most. Other arguments, results and what is raised are those
    of `nncore.stack.training.train`.
    """
    with quietly():
        own = [Seeds.of(seed) for seed in seeds]
        drawn = draw(problem, own[:1], {}, progress)
        size = size or fitting_size(problem, configurations, own, drawn, progress)
        outcomes: list[Outcome] = []
        for start, end in itertools.pairwise(cuts(len(configurations), size)):
            drawn = draw(problem, own[start:end], drawn, progress)
            some = configurations[start:end]
            training = Training(problem, some, own[start:end], names, targets, progress, drawn)
            outcomes += training.run()
        return outcomes


def forget() -> None:
    """Try every kind of stack anew."""
    _known.clear()


def cuts(count: int, size: int) -> list[int]:
    """Where `count` trials are cut into equal parts of at most `size`, one more or less.

    >>> cuts(10, 4)
    [0, 3, 6, 10]
    """
    parts = -(-count // max(1, size))
    return [count * part // parts for part in range(parts + 1)]


def fitting_size(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Sequence[Seeds],
    drawn: Mapping[int, Drawn],
    progress: Callable[[], None] = nothing,
    *,
    clock: Clock = time.process_time,
) -> int:
    """The size of stacks, at most all of these trials, in which a trial's updates are the fastest.

    It is tried with these trials, on the data of the first, which `drawn` has, and known from then
    on in this process. Where trying would cost more than it can save, or the updates are somebody
    else's code, whose every call may count, it follows from the size of the caches.
    """
    some, count = configurations[0], len(configurations)
    likely = min(count, stack_size(problem, some.rule, some.wrappers))
    if count == 1 or any(piece.origin != BUILT_IN for piece in some.pieces):
        return likely
    known = _known.setdefault(_kind(problem, some), {})
    grid = [size for size in _grid(problem, some) if size <= count]
    step = step_cost(problem, some.rule, some.wrappers) / updates_per_epoch(problem)
    price = (TURNS + 1) * sum(max(SLICE_SECONDS, size * step) for size in grid)
    affordable = price <= SHARE * count * step * updates_per_epoch(problem) * problem.epochs

    def best() -> int:
        return min((size for size in known if size <= count), key=known.__getitem__, default=likely)

    def take_turns(sizes: Sequence[int]) -> None:
        turns = {
            size: _turn(problem, configurations[:size], seeds[0], drawn, progress, clock)
            for size in sizes
            if size not in known
        }
        for _ in range(TURNS):
            for size, turn in turns.items():
                known[size] = min(turn(), known.get(size, np.inf))

    if affordable and not known.keys() >= set(grid):
        take_turns(grid)
        beside = (round(best() / 2**0.5), round(best() * 2**0.5))
        take_turns([size for size in beside if 1 <= size <= count])
    return best()


def _grid(problem: Problem, some: Configuration) -> list[int]:
    """From the largest size that may be the best to the smallest, each half the one before."""
    sizes = [stack_size(problem, some.rule, some.wrappers, LARGEST)]
    smallest = stack_size(problem, some.rule, some.wrappers, SMALLEST)
    while sizes[-1] // 2 >= smallest:
        sizes.append(sizes[-1] // 2)
    return sizes


def _turn(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Seeds,
    drawn: Mapping[int, Drawn],
    progress: Callable[[], None],
    clock: Clock,
) -> Callable[[], float]:
    """A function that makes some updates of these trials and returns the seconds of one of each."""
    trials, train = len(configurations), drawn[seeds.data]["train"]
    few = BATCHES * (problem.batch_size or len(train.X))
    part = {"train": train._replace(X=train.X[:few], y=train.y[:few])}
    stack = Training(
        problem, configurations, [seeds] * trials, (), progress=progress, drawn={seeds.data: part}
    )
    numbers = itertools.cycle(range(len(stack.batches)))
    stack.data.shuffle()

    def seconds(updates: int) -> float:
        began = clock()
        for number in itertools.islice(numbers, updates):
            stack.update(number)
        return (clock() - began) / updates

    seconds(1)  # memory is asked for in the first
    updates = max(1, math.ceil(SLICE_SECONDS / max(seconds(1), 1e-9)))
    return lambda: seconds(updates) / trials


def _kind(problem: Problem, some: Configuration) -> str:
    """What decides how fast an update is: all but for how long, and how often it is recorded."""
    shape = replace(problem, epochs=1, record_every=1)
    return canonical({**shape.content, "rule": some.name})
