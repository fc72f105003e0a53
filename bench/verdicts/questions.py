"""A claim -> the quantities that decide it, each with the range that it is claimed to lie in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.spec.claims import Claim, numbers_of, target_of
from bench.spec.formulas import formula
from bench.stats.decision import Scale
from bench.tables.best import best_trials
from bench.verdicts.evidence import Evidence, Measure
from bench.verdicts.samples import Terms

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """A quantity of a claim: `values` `(n,)`, one a seed, and the range claimed of their median.

    Of a `share` values are 0 or 1, and it is their mean. `problems`, `optimizer` and `other` say
    whose it is; on the ratio `scale` values are logarithms. Where it is `exact` one number decides,
    which may miss an end by `tolerance`; it `counts` among the intervals that hold together if its
    problem is random. `points` are what a trend goes through: the numbers it goes over, with the
    metric's median at each.
    """

    problems: tuple[str, ...]
    optimizer: str
    other: str
    metric: str
    scale: Scale
    values: Array
    least: float
    most: float
    exact: bool = False
    counts: bool = True
    share: bool = False
    tolerance: float = 0.0
    points: tuple[tuple[float, float], ...] = ()


def _terms(claim: Claim, problem: str, evidence: Evidence) -> dict[str, Any]:
    """What all questions of a claim on one problem have in common."""
    exact = problem in evidence.fixed
    tolerance = claim.tolerance
    return {"problems": (problem,), "exact": exact, "counts": not exact, "tolerance": tolerance}


def _size(claim: Claim, problem: str, scale: Scale, evidence: Evidence) -> float:
    """The claimed size on a scale: the claim's own, else the problem's margin."""
    margin = evidence.terms.get(problem, Terms()).margin
    if claim.by is None:
        return margin.size(scale)
    return -math.log1p(-claim.by) if scale is Scale.RATIO else claim.by


def _pair(claim: Claim, problem: str, one: str, other: str, evidence: Evidence) -> Question:
    """By how much `one` is better than `other` on the same seeds; no range is claimed yet."""
    measure = Measure.of(claim, problem, evidence)
    definition, common = evidence.problems[problem], _terms(claim, problem, evidence)
    rows = [evidence.best(claim, problem, name) for name in (one, other)]
    series = [measure.values(part, definition, evidence) for part in rows]
    both = pd.concat(series, axis=1, join="inner").dropna()
    costs = [measure.costs(both[i].to_numpy()) for i in (0, 1)]
    scale = measure.scale(*costs) if len(both) else Scale.DIFFERENCE
    if not len(both):
        scale = measure.scale(*(measure.costs(s.to_numpy()) for s in series))
    if scale is Scale.RATIO:
        floor = measure.floor(problem, evidence)
        first, second = (np.maximum(c, floor) for c in costs)
        gaps = stats.log_ratios(second, first) if len(both) else costs[0]
    else:
        gaps = stats.differences(costs[1], costs[0]) if len(both) else costs[0]
    # Optimizers of the same trials are equal, however few seeds there are.
    twins = len(rows[0]) > 0 and set(rows[0]["key"]) == set(rows[1]["key"])
    common["exact"] = common["exact"] or twins
    return Question(
        optimizer=one,
        other=other,
        metric=measure.text,
        scale=scale,
        values=np.asarray(gaps),
        least=-math.inf,
        most=math.inf,
        **common,
    )


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
            yield replace(found, least=_size(claim, problem, found.scale, evidence))


def _same(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    for problem in claim.problems:
        for one, other in combinations(claim.optimizers, 2):
            found = _pair(claim, problem, one, other, evidence)
            size = _size(claim, problem, found.scale, evidence)
            yield replace(found, least=-size, most=size)


def _value(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    for problem in claim.problems:
        measure = Measure.of(claim, problem, evidence)
        for optimizer in claim.optimizers:
            rows = evidence.best(claim, problem, optimizer)
            values = measure.values(rows, evidence.problems[problem], evidence).dropna()
            least, most = claim.low, claim.high
            if claim.equals is not None:
                alone = replace(measure, formula=formula(claim.equals), headline=None, timed=False)
                some = alone.values(rows.head(1), evidence.problems[problem], evidence)
                middle = float(some.iloc[0]) if len(some) else math.nan
                size = _size(claim, problem, Scale.DIFFERENCE, evidence)
                least, most = middle - size, middle + size
            assert least is not None
            assert most is not None
            yield Question(
                optimizer=optimizer,
                other="",
                metric=measure.text,
                scale=Scale.DIFFERENCE,
                values=values.to_numpy(),
                least=least,
                most=most,
                **_terms(claim, problem, evidence),
            )


def _reaches(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    assert claim.low is not None
    assert claim.high is not None
    for problem in claim.problems:
        column = target_of(claim, evidence.targets.get(problem, {}))
        by = evidence.problems[problem].epochs if claim.epoch is None else claim.epoch
        for optimizer in claim.optimizers:
            rows = evidence.best(claim, problem, optimizer)
            times = rows.get(f"time_to_{column}", pd.Series(dtype=float)).dropna()
            yield Question(
                optimizer=optimizer,
                other="",
                metric=f"time_to_{column}",
                scale=Scale.DIFFERENCE,
                values=(times.to_numpy(dtype=float) <= by).astype(float),
                least=claim.low,
                most=claim.high,
                share=True,
                **_terms(claim, problem, evidence),
            )


def _trend(claim: Claim, evidence: Evidence) -> Iterator[Question]:
    over = str(claim.over)
    for optimizer in claim.optimizers:
        own: list[tuple[str, list[tuple[float, pd.Series]]]] = []
        across: list[tuple[float, pd.Series]] = []
        for problem in claim.problems:
            rows, definition = evidence.runs(claim, problem, optimizer), evidence.problems[problem]
            measure = Measure.of(claim, problem, evidence)
            numbers = pd.to_numeric(rows[over], errors="coerce") if over in rows else None
            if numbers is not None and numbers.notna().any():
                points = []
                for x in sorted(numbers.dropna().unique()):
                    part = best_trials(rows[numbers == x])
                    points.append((float(x), measure.values(part, definition, evidence)))
                own.append((problem, points))
            else:
                part = best_trials(rows)
                x = numbers_of(definition).get(over, math.nan)
                across.append((x, measure.values(part, definition, evidence)))
        for problem, points in own:
            yield _through(claim, [problem], optimizer, points, evidence)
        if across:
            points = sorted(across, key=lambda point: point[0])
            yield _through(claim, claim.problems, optimizer, points, evidence)


def _through(
    claim: Claim,
    problems: Sequence[str],
    optimizer: str,
    points: Sequence[tuple[float, pd.Series]],
    evidence: Evidence,
) -> Question:
    """How a metric goes over some numbers, by the median slope between any two of them.

    Theil 1950 and Sen 1968: infinite values have their place in it. Over positive numbers slopes
    are over logarithms, and losses have theirs. A claimed power is the slope itself; else it is the
    change that the slope makes from the least number to the largest.
    """
    first = problems[0]
    measure = Measure.of(claim, first, evidence)
    x = np.array([number for number, _ in points])
    table = pd.concat([s for _, s in points], axis=1, join="inner").dropna().to_numpy(float)
    scale = Scale.RATIO if claim.power else measure.scale(table)
    medians = tuple(
        (float(number), float(stats.median(table[:, i])))
        for i, number in enumerate(x)
        if len(table)
    )
    along = np.log(x) if (x > 0).all() else x
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(table) if scale is Scale.RATIO else table
    slopes = slope(along, y) if len(x) > 1 else np.empty(0)
    if claim.power:
        values, kept = slopes, Scale.DIFFERENCE
        least, most = claim.low, claim.high
        assert least is not None
        assert most is not None
    else:
        sign = 1 if claim.way == "rises" else -1
        values, kept = sign * slopes * float(along.max() - along.min()), scale
        least, most = _size(claim, first, scale, evidence), math.inf
    exact = all(name in evidence.fixed for name in problems)
    return Question(
        problems=tuple(problems),
        optimizer=optimizer,
        other="",
        metric=measure.text,
        scale=kept,
        values=values,
        least=least,
        most=most,
        points=medians,
        exact=exact,
        counts=not exact,
        tolerance=claim.tolerance,
    )


def slope(x: Array, y: Array) -> Array:
    """The median slope between any two of the points `x` (k,), `y` (n, k), for each row: `(n,)`.

    Two equal infinities differ by nothing; what is no number counts as infinite.

    >>> slope(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 2.0, 4.0], [0.0, 1.0, np.inf]])).tolist()
    [2.0, inf]
    """
    y = np.where(np.isnan(y), np.inf, y)
    found = [
        stats.differences(y[:, j], y[:, i]) / (x[j] - x[i])
        for i, j in combinations(range(len(x)), 2)
    ]
    if not len(y):
        return np.empty(0)
    return np.asarray(stats.median(np.stack(found, axis=1)))


QUESTIONS: dict[str, Callable[[Claim, Evidence], Iterator[Question]]] = {
    "better": _better,
    "same": _same,
    "value": _value,
    "order": _order,
    "trend": _trend,
    "reaches": _reaches,
}
