"""What is compared: of every problem, a cost per optimizer and seed, seeds paired."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bench import stats
from bench.plan.manifest import Manifest
from bench.tables.headline import Headline, Headlines
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
class Terms:
    """On what terms the optimizers of a problem are compared.

    By how much costs may differ and be the same; the `floor` of the problem's loss; and what `data`
    it is on: two problems on the same are one where problems are put together.
    """

    margin: stats.Margin = field(default_factory=stats.Margin)
    floor: float = 0.0
    data: str = ""


@dataclass(frozen=True)
class Sample:
    """The costs `(k, n)` of k optimizers on the n seeds of one problem: of its headline.

    The worst cost is a diverged run's, NaN that of a run without an outcome, `crashed` or not
    trained yet. `random` is False for a problem without randomness, which has no part in tests.
    Losses at or below `floor` are rounding: between two of them there is nothing to tell, and
    within the `margin` nothing that matters. Optimizers with equal `runs` have chosen the same
    trials (none given: all have their own); problems with equal `data` are one where problems are
    put together. `labels` are what rows call the optimizers, `lost` is 1 for a diverged run (by
    default: where the cost is infinite).
    """

    problem: str
    optimizers: tuple[str, ...]
    seeds: tuple[int, ...]
    costs: Array
    random: bool = True
    floor: float = 0.0
    runs: tuple[str, ...] = ()
    data: str = ""
    margin: stats.Margin = field(default_factory=stats.Margin)
    headline: Headline = field(default_factory=Headline)
    labels: tuple[str, ...] = ()
    lost: Array | None = None
    crashed: NDArray[np.bool_] | None = None

    def label(self, a: int) -> str:
        """What a row calls an optimizer: by its name, or by those of all that it stands for."""
        return (self.labels or self.optimizers)[a]

    @property
    def diverged(self) -> Array:
        """1 for each run `(k, n)` that diverged."""
        return np.isinf(self.costs).astype(float) if self.lost is None else self.lost

    @property
    def told(self) -> Array:
        """The costs as they are compared: those at the floor are equal."""
        return self.level(self.costs)

    def level(self, costs: ArrayLike) -> Array:
        """`costs` of this problem, none below the floor."""
        floor = self.floor if self.scale is stats.Scale.RATIO else -np.inf
        return np.maximum(np.asarray(costs, dtype=float), floor)

    @property
    def scale(self) -> stats.Scale:
        """Ratios; differences of scores, which have an end, and where a cost is negative."""
        plain = self.headline.is_score or bool((self.costs < 0).any())
        return stats.Scale.DIFFERENCE if plain else stats.Scale.RATIO

    def pair(self, a: int, b: int) -> tuple[Array, Array]:
        """Costs of two optimizers on the seeds that both have; those at the floor are equal."""
        costs = self.told[[a, b]]
        first, second = costs[:, ~np.isnan(costs).any(axis=0)]
        return first, second

    def gaps(self, a: int, b: int) -> Array:
        """Paired differences of two optimizers on the scale, negative where the first is better."""
        first, second = self.pair(a, b)
        if not len(first):
            return first
        ratio = self.scale is stats.Scale.RATIO
        return stats.log_ratios(first, second) if ratio else stats.differences(first, second)

    def turned(self, middle: float, low: float, high: float) -> tuple[float, float, float]:
        """An estimate of costs, or of their differences, with its interval, as one of values."""
        ends = (low, high) if self.headline.quantity.lower else (high, low)
        found = (float(self.headline.values(x)) + 0.0 for x in (middle, *ends))  # no -0.0
        return next(found), next(found), next(found)

    @property
    def gone(self) -> NDArray[np.bool_]:
        """Which runs `(k, n)` crashed."""
        return np.zeros(self.costs.shape, bool) if self.crashed is None else self.crashed

    @property
    def charged(self) -> Array:
        """The costs, a crashed run's the worst: nobody is ranked by its survivors."""
        return np.where(self.gone, self.headline.worst, self.costs)

    def extremes(self, a: int, b: int) -> tuple[Array, Array]:
        """`gaps` that are as low and as high as can be: a crashed run may have been anything."""
        lacks = np.isnan(self.costs[[a, b]]) & ~self.gone[[a, b]]
        there = ~lacks.any(axis=0)
        known = ~np.any(self.gone[[a, b]], axis=0)[there]
        low, high = np.full(known.shape, -np.inf), np.full(known.shape, np.inf)
        low[known] = high[known] = self.gaps(a, b)
        return low, high

    def known(self, a: int) -> Array:
        """The costs of one optimizer, a crashed run's the worst; none where all crashed."""
        costs = self.charged[a]
        return costs[~np.isnan(costs)] if not np.isnan(self.costs[a]).all() else costs[:0]

    def complete(self) -> Sample:
        """The sample on those seeds alone that all optimizers have, crashed runs the worst."""
        charged = self.charged
        kept = ~(np.isnan(charged).any(axis=0) | self.gone.all(axis=0))
        seeds = tuple(np.array(self.seeds)[kept].tolist())
        lost, gone = self.diverged[:, kept], self.gone[:, kept]
        return replace(self, seeds=seeds, costs=charged[:, kept], lost=lost, crashed=gone)

    def of(self, optimizers: Sequence[str]) -> Sample:
        """The sample of some of its optimizers, in the order given."""
        rows = [self.optimizers.index(name) for name in optimizers]
        runs = tuple(self.runs[row] for row in rows) if self.runs else ()
        costs, lost, gone = self.costs[rows], self.diverged[rows], self.gone[rows]
        return replace(
            self,
            optimizers=tuple(optimizers),
            costs=costs,
            runs=runs,
            lost=lost,
            crashed=gone,
            labels=tuple(self.label(row) for row in rows),
        )

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


def terms_of(manifest: Manifest) -> dict[str, Terms]:
    """The terms of the problems of an experiment."""
    data = manifest.data
    return {
        name: Terms(manifest.judge_of(name).margin, floor_of(problem), data[name])
        for name, problem in manifest.problems.items()
    }


def samples(
    judged: pd.DataFrame,
    fixed: Collection[str] = (),
    headlines: Headlines | None = None,
    terms: Mapping[str, Terms] | None = None,
) -> list[Sample]:
    """A sample per problem of `judged`, the trials of one configuration per optimizer.

    Problems, optimizers and seeds keep the order of the rows. `terms` are those of the problems.
    """
    found = []
    for problem, rows in judged.groupby("problem", sort=False).indices.items():
        part = judged.iloc[rows]
        names, optimizers = pd.factorize(part["optimizer"])
        places, seeds = pd.factorize(part["seed"])
        name = str(problem)
        headline, own = (
            (headlines or Headlines()).of_problem(name),
            (terms or {}).get(name, Terms()),
        )
        costs = np.full((len(optimizers), len(seeds)), np.nan)
        lost, gone = np.zeros(costs.shape), np.zeros(costs.shape, bool)
        costs[names, places] = headline.costs(part)
        lost[names, places] = part["status"] == "diverged"
        gone[names, places] = part["status"] == "crashed"
        costs[gone] = np.nan
        # One trial in common, and so are all: its key has the configuration in it.
        runs = part.drop_duplicates("optimizer")["key"]
        found.append(
            Sample(
                name,
                tuple(map(str, optimizers)),
                tuple(int(seed) for seed in seeds),
                costs,
                random=problem not in fixed,
                floor=own.floor if headline.is_loss else 0.0,
                runs=tuple(map(str, runs)),
                data=own.data or name,
                margin=own.margin,
                headline=headline,
                lost=lost,
                crashed=gone,
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
    places: dict[str, list[int]] = {}
    for i, sample in enumerate(random):
        for name in sample.optimizers:
            places.setdefault(name, []).append(i)
    on = {name: frozenset(mine) for name, mine in places.items()}
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
    places: dict[tuple[str, ...], list[int]] = {}
    for place, same in enumerate(zip(*(sample.runs for sample in side_by_side), strict=True)):
        places.setdefault(same, []).append(place)
    one = side_by_side[0]
    labels = tuple(SAME.join(one.label(i) for i in group) for group in places.values())
    first = [one.optimizers[group[0]] for group in places.values()]
    return [replace(sample.of(first), labels=labels) for sample in side_by_side]


def stacked(side_by_side: Sequence[Sample]) -> Array:
    """Costs `(k, problems, n)` of a `block`, on as many seeds as every problem has complete."""
    whole = [s.complete().told for s in side_by_side]
    n = min((costs.shape[1] for costs in whole), default=0)
    return np.stack([x[:, :n] for x in whole], axis=1) if whole else np.empty((0, 0, 0))


def stream(*words: str) -> np.random.Generator:
    """A generator of its own for what `words` name, so that new results change no old ones."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype="<u4"))
