"""What is compared: of every problem, a loss per optimizer and seed, seeds paired."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bench import stats
from bench.tables.headline import final_losses
from nncore.losses import CLIP
from nncore.trial import Problem

Array = NDArray[np.float64]
RESAMPLES = 1_999
LEVEL = 0.05
ALL = "all problems"
# How long steps are gone through: what they are, and what there is to go through.
Pacing = Callable[[str, Sequence[Any]], Iterable[Any]]
SAME = " = "  # between the names of optimizers that have chosen the same trials


def unpaced(what: str, items: Sequence[Any]) -> Iterable[Any]:
    """Go through `items` without a word."""
    return items


@dataclass(frozen=True)
class Sample:
    """The final training losses `(k, n)` of k optimizers on the n seeds of one problem.

    Infinity is a diverged run, NaN a run without an outcome (crashed, or not trained yet). `random`
    is False for a problem without randomness, which has no part in tests. Losses at or below
    `floor` are rounding: between two of them there is nothing to tell. Optimizers with equal `runs`
    have chosen the same trials (none given: all have their own); problems with equal `data` are one
    where problems are put together. `labels` are what rows call the optimizers.
    """

    problem: str
    optimizers: tuple[str, ...]
    seeds: tuple[int, ...]
    losses: Array
    random: bool = True
    floor: float = 0.0
    runs: tuple[str, ...] = ()
    data: str = ""
    labels: tuple[str, ...] = ()

    def label(self, a: int) -> str:
        """What a row calls an optimizer: by its name, or by those of all that it stands for."""
        return (self.labels or self.optimizers)[a]

    @property
    def told(self) -> Array:
        """The losses as they are compared: those at the floor are equal."""
        return self.level(self.losses)

    def level(self, losses: ArrayLike) -> Array:
        """`losses` of this problem, none below the floor."""
        floor = self.floor if self.scale is stats.Scale.RATIO else -np.inf
        return np.maximum(np.asarray(losses, dtype=float), floor)

    @property
    def scale(self) -> stats.Scale:
        """Ratios, or differences where a loss is negative and has none."""
        negative = bool((self.losses < 0).any())
        return stats.Scale.DIFFERENCE if negative else stats.Scale.RATIO

    def pair(self, a: int, b: int) -> tuple[Array, Array]:
        """Losses of two optimizers on the seeds that both have; those at the floor are equal."""
        losses = self.told[[a, b]]
        first, second = losses[:, ~np.isnan(losses).any(axis=0)]
        return first, second

    def known(self, a: int) -> Array:
        """The losses of one optimizer that are known."""
        return self.losses[a, ~np.isnan(self.losses[a])]

    def complete(self) -> Sample:
        """The sample on those seeds alone that all optimizers have."""
        kept = ~np.isnan(self.losses).any(axis=0)
        seeds = tuple(np.array(self.seeds)[kept].tolist())
        return replace(self, seeds=seeds, losses=self.losses[:, kept])

    def of(self, optimizers: Sequence[str]) -> Sample:
        """The sample of some of its optimizers, in the order given."""
        rows = [self.optimizers.index(name) for name in optimizers]
        runs = tuple(self.runs[row] for row in rows) if self.runs else ()
        return replace(self, optimizers=tuple(optimizers), losses=self.losses[rows], runs=runs)

    def distinct(self) -> Sample:
        """The sample with one row, all their names joined, for optimizers of the same trials."""
        return _joined([self])[0]


def floor_of(problem: Problem) -> float:
    """The loss at or below which there is only rounding, for outputs and targets of about 1.

    Cross-entropy cannot tell a probability from 1 within the clipping or the spacing of numbers
    there; a squared error is no smaller than the square of that spacing.
    """
    spacing = float(np.finfo(problem.dtype).eps)
    if "crossentropy" in problem.loss:
        return 1.001 * max(spacing, CLIP)  # a little more: logarithm and mean round as well
    return spacing**2


def samples(
    judged: pd.DataFrame,
    fixed: Collection[str] = (),
    floors: Mapping[str, float] | None = None,
    data: Mapping[str, str] | None = None,
) -> list[Sample]:
    """A sample per problem of `judged`, the trials of one configuration per optimizer.

    Problems, optimizers and seeds keep the order of the rows. `floors` are those of the problems,
    `data` tells which of them are on the same data.
    """
    found = []
    values = final_losses(judged)
    for problem, rows in judged.groupby("problem", sort=False).indices.items():
        part = judged.iloc[rows]
        names, optimizers = pd.factorize(part["optimizer"])
        places, seeds = pd.factorize(part["seed"])
        losses = np.full((len(optimizers), len(seeds)), np.nan)
        losses[names, places] = values[rows]
        # One trial in common, and so are all: its key has the configuration in it.
        runs = part.drop_duplicates("optimizer")["key"]
        found.append(
            Sample(
                str(problem),
                tuple(map(str, optimizers)),
                tuple(int(seed) for seed in seeds),
                losses,
                problem not in fixed,
                (floors or {}).get(str(problem), 0.0),
                tuple(map(str, runs)),
                (data or {}).get(str(problem), str(problem)),
            )
        )
    return found


def block(found: Sequence[Sample]) -> list[Sample]:
    """The samples that can be put side by side: the same optimizers on each, as many as possible.

    Problems without randomness stay out, and of those on the same data all but the first. Among the
    choices of at least two optimizers that meet on at least two problems, the one with most pairs
    of the two; an empty list where there is none. Optimizers of the same trials everywhere are one.
    """
    random = [s for s in found if s.random]
    on = {
        name: frozenset(i for i, s in enumerate(random) if name in s.optimizers)
        for s in random
        for name in s.optimizers
    }
    best: tuple[int, list[str], list[int]] = (0, [], [])
    for chosen in dict.fromkeys(on.values()):
        names = [name for name, where in on.items() if where >= chosen]
        first = {random[i].data or str(i): i for i in sorted(chosen, reverse=True)}
        size = len(names) * len(first)
        if len(names) > 1 and len(first) > 1 and size > best[0]:
            best = size, names, sorted(first.values())
    found = _joined([random[i].of(best[1]) for i in best[2]])
    return found if found and len(found[0].optimizers) > 1 else []


def aside(found: Sequence[Sample]) -> dict[str, str]:
    """Problems that could stand in the `block`, but for another one on the same data: by name."""
    side_by_side = block(found)
    there = {sample.data: sample.problem for sample in side_by_side if sample.data}
    names = set(side_by_side[0].optimizers) if side_by_side else set()
    return {
        s.problem: there[s.data]
        for s in found
        if s.random and s.data in there and s.problem != there[s.data] and names <= {*s.optimizers}
    }


def _joined(side_by_side: Sequence[Sample]) -> list[Sample]:
    """Samples of the same optimizers, those that have the same trials on each of them as one."""
    if not side_by_side or not all(sample.runs for sample in side_by_side):
        return list(side_by_side)
    names: dict[tuple[str, ...], list[str]] = {}
    runs = zip(*(sample.runs for sample in side_by_side), strict=True)
    for name, same in zip(side_by_side[0].optimizers, runs, strict=True):
        names.setdefault(same, []).append(name)
    labels = tuple(SAME.join(group) for group in names.values())
    first = [group[0] for group in names.values()]
    return [replace(sample.of(first), labels=labels) for sample in side_by_side]


def stacked(side_by_side: Sequence[Sample]) -> Array:
    """Losses `(k, problems, n)` of a `block`, on as many seeds as every problem has complete."""
    whole = [s.complete().told for s in side_by_side]
    n = min((losses.shape[1] for losses in whole), default=0)
    return np.stack([x[:, :n] for x in whole], axis=1) if whole else np.empty((0, 0, 0))


def stream(*words: str) -> np.random.Generator:
    """A generator of its own for what `words` name, so that new results change no old ones."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype="<u4"))
