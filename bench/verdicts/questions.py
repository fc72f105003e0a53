"""A claim -> the quantities that decide it, each with the range that it is claimed to lie in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.spec.claims import Claim, numbers_of, numerics_of, target_of
from bench.spec.formulas import formula
from bench.stats.decision import Scale
from bench.tables.best import best_trials
from bench.verdicts.evidence import Evidence, Measure
from bench.verdicts.samples import Terms

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """A quantity of a claim: `values` `(n,)`, one a seed, and the range claimed of their median.

    NaN is the value of a run that crashed, or of which it is not known: it may have been anything.
    Of a `share` values are 0 or 1, and it is their mean. `problems`, `optimizer` and `other` say
    whose it is; on the ratio `scale` values are logarithms. `by` is the size that is claimed, as a
    spec gives it. Where nothing is `random` one number decides, which may miss an end by
    `tolerance`, and so it is between `twins`, which have chosen the same trials. What takes part
    was chosen on the very seeds that judge it among as many configurations as `searched` says (of
    several choices: combinations); `compares` says that choices are set against each other.
    `points` are what a trend goes through: the numbers it goes over, with the metric's median at
    each.
    """

    problems: tuple[str, ...]
    optimizer: str
    other: str
    metric: str
    scale: Scale
    values: Array
    least: float
    most: float
    by: float = math.nan
    random: bool = True
    twins: bool = False
    searched: int = 1
    compares: bool = False
    share: bool = False
    tolerance: float = 0.0
    points: tuple[tuple[float, float], ...] = ()

    @property
    def exact(self) -> bool:
        """Whether one number decides."""
        return self.twins or not self.random

    @property
    def flattered(self) -> bool:
        """Whether it compares what was chosen on the seeds that judge it: then nobody can tell.

        Who searches more looks better, and twins have the luck of the same choice.
        """
        return self.compares and self.searched > 1

    @property
    def counts(self) -> int:
        """For how many intervals it counts among those that hold together.

        What was chosen might have been any of the configurations that were searched.
        """
        return self.searched if self.random and not self.flattered else 0


class Point(NamedTuple):
    """A number that a trend goes over, on a problem, with the metric's values there by seed.

    They are those of the best of as many configurations as are `searched`.
    """

    number: float
    problem: str
    searched: int
    series: pd.Series


def _terms(
    claim: Claim, problem: str, optimizers: Sequence[str], evidence: Evidence
) -> dict[str, Any]:
    """What all questions of a claim about these optimizers on one problem have in common."""
    random = problem not in evidence.fixed
    # What is still to be chosen, on seeds of its own, will be one.
    sizes = [max(1, len(evidence.judged(claim, problem, name)[1])) for name in optimizers]
    return {
        "problems": (problem,),
        "random": random,
        "searched": math.prod(sizes) if random else 1,
        "tolerance": claim.tolerance,
    }


def _size(claim: Claim, problem: str, scale: Scale, evidence: Evidence) -> tuple[float, float]:
    """The claimed size on a scale, and as a spec gives it: the claim's own, else the margin."""
    margin = evidence.terms.get(problem, Terms()).margin
    by = claim.by
    if by is None:
        by = margin.ratio if scale is Scale.RATIO else margin.difference
    if scale is Scale.DIFFERENCE:
        return by, by
    return (-math.log1p(-by) if by < 1 else math.inf), by


def _pair(claim: Claim, problem: str, one: str, other: str, evidence: Evidence) -> Question:
    """By how much `one` is better than `other` on the same seeds; no range is claimed yet."""
    measure, definition = Measure.of(claim, problem, evidence), evidence.problems[problem]
    rows = [evidence.best(claim, problem, name) for name in (one, other)]
    series = [measure.ranked(part, definition, evidence) for part in rows]
    both = pd.concat(series, axis=1, join="inner")
    first, second = (measure.costs(both[i].to_numpy()) for i in (0, 1))
    scale = measure.scale(*(measure.costs(s.to_numpy()) for s in series))
    return Question(
        optimizer=one,
        other=other,
        metric=measure.text,
        scale=scale,
        values=_gaps(first, second, scale, measure.floor(problem, evidence)),
        least=-math.inf,
        most=math.inf,
        # Optimizers of the same trials are equal, however few seeds there are.
        twins=len(rows[0]) > 0 and evidence.keys(rows[0]) == evidence.keys(rows[1]),
        compares=True,
        **_terms(claim, problem, [one, other], evidence),
    )


def _gaps(first: Array, second: Array, scale: Scale, floor: float) -> Array:
    """By how much `first` is below `second`, seed by seed `(n,)`; NaN where one is not known."""
    known = ~(np.isnan(first) | np.isnan(second))
    found = np.full(known.shape, np.nan)
    if scale is Scale.RATIO:
        first, second = np.maximum(first, floor), np.maximum(second, floor)
    gap = stats.log_ratios if scale is Scale.RATIO else stats.differences
    if known.any():
        found[known] = gap(second[known], first[known])
    return found


def _better(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    pairs = [(one, other) for one in claim.optimizers for other in claim.others]
    yield from _ahead(claim, pairs, evidence)


def _order(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    yield from _ahead(claim, list(pairwise(claim.optimizers)), evidence)


def _ahead(
    claim: Claim, pairs: Sequence[tuple[str, str]], evidence: Evidence
) -> Iterator[Question]:
    for problem in claim.problems:
        for one, other in pairs:
            found = _pair(claim, problem, one, other, evidence)
            size, by = _size(claim, problem, found.scale, evidence)
            yield replace(found, least=size, by=by)


def _same(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    for problem in claim.problems:
        for one, other in combinations(claim.optimizers, 2):
            found = _pair(claim, problem, one, other, evidence)
            size, by = _size(claim, problem, found.scale, evidence)
            yield replace(found, least=-size, most=size, by=by)


def _value(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    for problem in claim.problems:
        measure, definition = Measure.of(claim, problem, evidence), evidence.problems[problem]
        for optimizer in claim.optimizers:
            rows = evidence.best(claim, problem, optimizer)
            least, most, by = claim.low, claim.high, math.nan
            if claim.equals is not None:
                alone = replace(measure, formula=formula(claim.equals), headline=None, timed=False)
                some = alone.values(rows.head(1), definition, evidence)
                middle = float(some.iloc[0]) if len(some) else math.nan
                size, by = _size(claim, problem, Scale.DIFFERENCE, evidence)
                least, most = middle - size, middle + size
            assert least is not None
            assert most is not None
            yield Question(
                optimizer=optimizer,
                other="",
                metric=measure.text,
                scale=Scale.DIFFERENCE,
                values=measure.values(rows, definition, evidence).to_numpy(),
                least=least,
                most=most,
                by=by,
                **_terms(claim, problem, [optimizer], evidence),
            )


def _reaches(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    assert claim.low is not None
    assert claim.high is not None
    for problem in claim.problems:
        column = target_of(claim, evidence.targets.get(problem, {}))
        by = evidence.problems[problem].epochs if claim.epoch is None else claim.epoch
        for optimizer in claim.optimizers:
            rows = evidence.best(claim, problem, optimizer)
            nothing = pd.Series(np.nan, rows.index)
            times = rows.get(f"time_to_{column}", nothing).to_numpy(dtype=float)
            yield Question(
                optimizer=optimizer,
                other="",
                metric=f"time_to_{column}",
                scale=Scale.DIFFERENCE,
                values=np.where(np.isnan(times), np.nan, times <= by),
                least=claim.low,
                most=claim.high,
                share=True,
                **_terms(claim, problem, [optimizer], evidence),
            )


def _trend(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    """A trend of each optimizer: on each problem over its own numbers, if it is to have them.

    Else over those of the problems.
    """
    for optimizer in claim.optimizers:
        rows = {problem: evidence.runs(claim, problem, optimizer) for problem in claim.problems}
        own = {problem: _own(claim, problem, optimizer, evidence) for problem in claim.problems}
        if any(own.values()):
            for problem, some in own.items():
                points = [
                    _point(claim, x, problem, rows[problem], mine, evidence)
                    for x, mine in sorted(some.items())
                ]
                yield _through(claim, optimizer, points, evidence)
        else:
            points = []
            for problem in claim.problems:
                x = numbers_of(evidence.problems[problem])[str(claim.over)]
                _, planned = evidence.judged(claim, problem, optimizer)
                points.append(_point(claim, x, problem, rows[problem], list(planned), evidence))
            yield _through(claim, optimizer, sorted(points, key=lambda p: p.number), evidence)


def _own(claim: Claim, problem: str, optimizer: str, evidence: Evidence) -> dict[float, list[int]]:
    """The configurations at each value that a hyperparameter of this name is planned to have."""
    found: dict[float, list[int]] = {}
    for number, one in evidence.judged(claim, problem, optimizer)[1].items():
        value = numerics_of(one).get(str(claim.over))
        if value is not None:
            found.setdefault(value, []).append(number)
    return found


def _point(
    claim: Claim,
    number: float,
    problem: str,
    rows: pd.DataFrame,
    configurations: Sequence[int],
    evidence: Evidence,
) -> Point:
    """The point of a trend at a number, where of `rows` the best configuration takes part."""
    measure = Measure.of(claim, problem, evidence)
    best = best_trials(rows[rows["configuration"].isin(configurations)])
    series = measure.ranked(best, evidence.problems[problem], evidence)
    return Point(number, problem, max(1, len(configurations)), series)


def _through(claim: Claim, optimizer: str, points: Sequence[Point], evidence: Evidence) -> Question:
    """How a metric goes over some numbers, by the median slope between any two of them.

    Theil 1950 and Sen 1968: infinite values have their place in it. Over positive numbers slopes
    are over logarithms, and losses have theirs. A claimed power is the slope itself; else it is the
    change that the slope makes from the least number to the largest.
    """
    problems = tuple(dict.fromkeys(point.problem for point in points))
    measure = Measure.of(claim, problems[0], evidence)
    x = np.array([point.number for point in points])
    table = _by_seed(points, evidence)
    scale = Scale.RATIO if claim.power else measure.scale(table)
    if scale is Scale.RATIO:
        table = np.maximum(table, [measure.floor(point.problem, evidence) for point in points])
    medians = tuple(
        (point.number, float(stats.median(column[~np.isnan(column)])))
        for point, column in zip(points, table.T, strict=True)
        if not np.isnan(column).all()
    )
    along = np.log(x) if (x > 0).all() else x
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(table) if scale is Scale.RATIO else table
    slopes = slope(along, y) if len(x) > 1 else np.empty(0)
    slopes[np.isnan(table[: len(slopes)]).any(axis=1)] = np.nan
    values, kept, by = slopes, Scale.DIFFERENCE, math.nan
    if claim.power:
        least, most = claim.low, claim.high
        assert least is not None
        assert most is not None
    else:
        sign = 1 if claim.way == "rises" else -1
        values, kept = sign * slopes * float(along.max() - along.min()), scale
        (least, by), most = _size(claim, problems[0], scale, evidence), math.inf
    return Question(
        problems=problems,
        optimizer=optimizer,
        other="",
        metric=measure.text,
        scale=kept,
        values=values,
        least=least,
        most=most,
        by=by,
        random=any(problem not in evidence.fixed for problem in problems),
        searched=math.prod(p.searched for p in points if p.problem not in evidence.fixed),
        compares=True,
        tolerance=claim.tolerance,
        points=medians,
    )


def _by_seed(points: Sequence[Point], evidence: Evidence) -> Array:
    """The values at k points `(n, k)` on the seeds that all have.

    Without randomness there is one value, whatever the seed.
    """
    fixed = [point.problem in evidence.fixed for point in points]
    drawn = [p.series for p, one in zip(points, fixed, strict=True) if not one]
    seeds = pd.concat(drawn or [p.series for p in points], axis=1, join="inner").index
    columns = [
        np.resize(p.series, len(seeds)) if drawn and one and len(p.series)
        else p.series.reindex(seeds).to_numpy()
        for p, one in zip(points, fixed, strict=True)
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def slope(x: Array, y: Array) -> Array:
    """The median slope between any two of the points `x` (k,), `y` (n, k), for each row: `(n,)`.

    Two equal infinities differ by nothing; what is no number counts as infinite.

    >>> slope(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 2.0, 4.0], [0.0, 1.0, np.inf]])).tolist()
    [2.0, inf]
    """
    if not len(y):
        return np.empty(0)
    y = np.where(np.isnan(y), np.inf, y)
    found = [
        stats.differences(y[:, j], y[:, i]) / (x[j] - x[i])
        for i, j in combinations(range(len(x)), 2)
    ]
    return np.asarray(stats.median(np.stack(found, axis=1)))


QUESTIONS: dict[str, Callable[[Claim, Evidence], Iterator[Question]]] = {
    "better": _better,
    "same": _same,
    "value": _value,
    "order": _order,
    "trend": _trend,
    "reaches": _reaches,
}
