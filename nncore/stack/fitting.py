"""How many trials train side by side fastest: this processor is asked, in some of their updates.

What a stack costs a trial falls with its size as long as calls cost more than arithmetic, and rises
when its arrays leave the caches: where, depends on the processor, on what else it does, on problem
and rule. So a handful of sizes takes turns in front of the first stack of its kind, for a small
share of the time that is then spent on training. Results do not depend on it.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nncore.datasets import datasets
from nncore.layers import parse
from nncore.losses import losses
from nncore.registry import BUILT_IN, Entry
from nncore.stack.costs import (
    LARGEST,
    SMALLEST,
    sizes,
    stack_size,
    step_cost,
    updates_per_epoch,
)
from nncore.stack.layouts import choose
from nncore.stack.parts import parts
from nncore.stack.training import Drawn, Training, draw, nothing, quietly
from nncore.streams import canonical
from nncore.trial import Configuration, Outcome, Problem, Seeds, Target

Clock = Callable[[], float]
SLICE_SECONDS = 0.0015  # of a turn, or one update where that takes longer
TURNS = 3
BATCHES = 4  # arrays of as many are made for it
BLOCKS = (3, 6)  # of the fastest size, in a stack whose updates are made at once
NEAR = 0.75  # of one size another tells how fast it is
# Of the time that the trials at hand take, at most this share is spent on trying.
SHARE = 0.04


class Fit(NamedTuple):
    """How many trials are updated side by side, and of how many of them a pass is made at once."""

    trials: int
    block: int

    @classmethod
    def of(cls, problem: Problem, trials: int, block: int) -> Fit:
        """Of as many trials, in such blocks where the problem's layout lets them pass apart."""
        _, batch, network = sizes(problem)
        first = choose(network, batch).blocks(trials, block)[0]
        return cls(trials, first.stop)


# What a trial's update takes in seconds, by kind of stack: tried in this process, or told to it.
_known: dict[str, dict[Fit, float]] = {}


def train_all(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Sequence[int | Seeds],
    names: Sequence[str] | None = None,
    *,
    targets: Sequence[Target] = (),
    progress: Callable[[], None] = nothing,
    fit: Fit | None = None,
) -> list[Outcome]:
    """Train any number of trials of one problem and rule, as many side by side as is fastest here.

    `fit` fixes how many these are at most. Other arguments, results and what is raised are those of
    `nncore.stack.training.train`.
    """
    with quietly():
        own = [Seeds.of(seed) for seed in seeds]
        drawn = draw(problem, own[:1], {}, progress)
        fit = fit or fitting(problem, configurations, own, drawn, progress)
        outcomes: list[Outcome] = []
        for part in parts(len(configurations), fit.trials):
            drawn = draw(problem, own[part], drawn, progress)
            some = problem, configurations[part], own[part]
            outcomes += Training(*some, names, targets, progress, drawn, fit.block).run()
        return outcomes


def known() -> dict[str, dict[tuple[int, int], float]]:
    """Seconds that an update of a trial takes, by kind of stack, trials and block."""
    return {
        kind: {(trials, block): seconds for (trials, block), seconds in own.items()}
        for kind, own in _known.items()
        if own
    }


def remember(tried: Mapping[str, Mapping[tuple[int, int], float]]) -> None:
    """Know what was `tried` elsewhere on this machine, where nothing was tried here."""
    for kind, fits in tried.items():
        _known.setdefault(kind, {Fit(*fit): seconds for fit, seconds in fits.items()})


def forget() -> None:
    """Try every kind of stack anew."""
    _known.clear()


def fitting(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Sequence[Seeds],
    drawn: Mapping[int, Drawn],
    progress: Callable[[], None] = nothing,
    *,
    clock: Clock = time.process_time,
) -> Fit:
    """In what stacks of at most all of these trials a trial's updates are the fastest.

    It is tried with these trials, on the data of the first, which `drawn` has, and known from then
    on in this process: first how many pass at once, then how many such blocks make a stack. Where
    trying would cost more than it can save, or the updates are somebody else's code, whose every
    call may count, it follows from the size of the caches.
    """
    some, count = configurations[0], len(configurations)
    size = min(count, stack_size(problem, some.rule, some.wrappers))
    likely = Fit(size, size)
    if count == 1 or any(piece.origin != BUILT_IN for piece in _pieces(problem, configurations)):
        return likely
    known = _known.setdefault(_kind(problem, some), {})
    grid = [size for size in _grid(problem, some) if size <= count]
    tried = [*grid, *(fit.trials for fit in known)]
    if not any(NEAR <= size / count <= 1 / NEAR for size in tried):
        grid.insert(0, count)
    epoch = step_cost(problem, some.rule, some.wrappers)
    update = epoch / updates_per_epoch(problem)
    price = (TURNS + 1) * sum(max(SLICE_SECONDS, size * update) for size in grid)
    affordable = price <= SHARE * count * problem.epochs * epoch

    def best() -> Fit:
        there = [fit for fit in known if NEAR * fit.trials <= count]
        trials, block = min(there, key=known.__getitem__, default=likely)
        return Fit(min(trials, count), min(block, count))

    def take_turns(fits: Iterable[Fit]) -> None:
        turns = {
            fit: _turn(problem, configurations[: fit.trials], seeds[0], drawn, progress, clock, fit)
            for fit in fits
            if fit not in known and 1 <= fit.trials <= count
        }
        for _ in range(TURNS):
            for fit, turn in turns.items():
                known[fit] = min(turn(), known.get(fit, np.inf))

    plain = [Fit(size, size) for size in grid]
    if affordable and not known.keys() >= set(plain):
        take_turns(plain)
        beside = (round(best().block / 2**0.5), round(best().block * 2**0.5))
        take_turns(Fit(size, size) for size in beside)
        block = best().block
        several = [blocks * block for blocks in BLOCKS if blocks * block <= grid[0]]
        take_turns(Fit.of(problem, trials, block) for trials in several)
    return best()


def _pieces(problem: Problem, configurations: Sequence[Configuration]) -> Iterator[Entry]:
    """All that updates call: every trial may have a schedule of its own."""
    yield losses[problem.loss]
    yield from (one.kind for one in parse(problem.layers))
    for configuration in configurations:
        yield from configuration.pieces


def _grid(problem: Problem, some: Configuration) -> list[int]:
    """From the largest size that may be the best to the smallest, each half the one before."""
    grid = [stack_size(problem, some.rule, some.wrappers, LARGEST)]
    smallest = stack_size(problem, some.rule, some.wrappers, SMALLEST)
    while grid[-1] // 2 >= smallest:
        grid.append(grid[-1] // 2)
    return grid


def _turn(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Seeds,
    drawn: Mapping[int, Drawn],
    progress: Callable[[], None],
    clock: Clock,
    fit: Fit,
) -> Callable[[], float]:
    """A function that makes some updates of these trials and returns the seconds of one of each."""
    trials, train = len(configurations), drawn[seeds.data]["train"]
    few = BATCHES * (problem.batch_size or len(train.X))
    part = {"train": train._replace(X=train.X[:few], y=train.y[:few])}
    own = [seeds] * trials
    data = {seeds.data: part}
    stack = Training(problem, configurations, own, (), (), progress, data, fit.block)
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
    """What decides how fast an update is: of data their shape, of a test function which it is."""
    samples, batch, network = sizes(problem)
    function = datasets[problem.dataset["name"]].kind == "function"
    data = dict(problem.dataset) if function else {"samples": samples, "features": network.features}
    shape = {"layers": list(problem.layers), "loss": problem.loss, "dtype": problem.dtype}
    batches = {"batch": batch, "shuffle": problem.shuffle}
    text = canonical({**shape, **batches, "data": data, "rule": some.name})
    return hashlib.sha256(text.encode()).hexdigest()
