"""Two optimizers on the same seeds: differences, tests and effect sizes.

Samples `a` and `b` are `(..., n)`, seed i in the same place of both. Losses: lower is better, and
infinity is a diverged run. Two diverged runs tie, one loses to any finite loss; no pair of runs is
ever dropped. Intervals of a median difference: `median_interval(differences(a, b))`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.arrays import Array, midranks, numbers, sample
from bench.stats.location import CONFIDENCE, share_interval
from bench.stats.special import bdtr, ndtr

EXACT_UP_TO = 200


def differences(a: ArrayLike, b: ArrayLike) -> Array:
    """`a - b`, seed by seed, `(..., n)`; 0 where both are the same infinity.

    >>> differences([1.0, np.inf, np.inf], [0.5, 1.0, np.inf])
    array([0.5, inf, 0. ])
    """
    a, b = _pair(a, b)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(a == b, 0.0, a - b)


def log_ratios(a: ArrayLike, b: ArrayLike) -> Array:
    """`log(a / b)`, seed by seed, `(..., n)`: negative where `a` is better; 0 where both are equal.

    A loss of 0 is infinitely better than a positive one, infinity infinitely worse than a finite
    one. Raises ValueError for negative values, which have no ratio.
    """
    a, b = _pair(a, b)
    if (a < 0).any() or (b < 0).any():
        raise ValueError("log ratios are for values of at least 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a == b, 0.0, np.log(a) - np.log(b))


@dataclass(frozen=True)
class SignedRanks:
    """Wilcoxon's test: sums of the ranks of positive and negative differences; two-sided p."""

    positive: float
    negative: float
    p: float

    @property
    def correlation(self) -> float:
        """Matched-pairs rank-biserial correlation, -1 (all negative) to 1 (all positive)."""
        total = self.positive + self.negative
        return (self.positive - self.negative) / total if total else 0.0


def wilcoxon(difference: ArrayLike) -> SignedRanks:
    """Wilcoxon's signed-rank test that `difference` `(n,)` is symmetric around 0, two-sided.

    Equal sizes share their mean rank, infinities too. Zeros are ranked with the others and then
    leave (Pratt 1959), so they cost power instead of creating it. Given the ranks, each sign is a
    fair coin under the null: up to 200 differences the law of the rank sum is computed exactly,
    ties and zeros included; beyond, normal with the conditional variance and a continuity
    correction of 1/2. With zeros alone p is 1. Raises ValueError for NaN or no differences.

    >>> wilcoxon([3.0, 1.0, 2.0, 4.0, 5.0, np.inf]).p == 2 / 2**6
    True
    """
    d = sample(difference)
    ranks = midranks(np.abs(d))[d != 0]
    positive = float(ranks[d[d != 0] > 0].sum())
    negative = float(ranks.sum() - positive)
    if not ranks.size:
        return SignedRanks(0.0, 0.0, 1.0)
    smaller = min(positive, negative)
    if d.size <= EXACT_UP_TO:
        p = 2 * _at_most(np.rint(2 * ranks).astype(int), round(2 * smaller))
    else:
        gap = max(0.0, ranks.sum() / 2 - smaller - 0.5)
        p = 2 * float(ndtr(-gap / math.sqrt((ranks**2).sum() / 4)))
    return SignedRanks(positive, negative, min(1.0, p))


def _at_most(ranks: np.ndarray, bound: int) -> float:
    """The chance that a sum of `ranks`, each taken with probability 1/2, is at most `bound`."""
    chances = np.zeros(bound + 1)
    chances[0] = 1.0
    for rank in ranks:
        moved = chances / 2
        if rank <= bound:
            moved[rank:] += chances[: bound + 1 - rank] / 2
        chances = moved
    return float(chances.sum())


@dataclass(frozen=True)
class Signs:
    """The sign test: how many differences are positive, zero, negative; two-sided p."""

    positive: int
    zero: int
    negative: int
    p: float


def sign_test(difference: ArrayLike) -> Signs:
    """The exact sign test that `difference` `(n,)` is as often positive as negative, two-sided.

    Zeros say nothing about the direction and leave (Dixon & Mood 1946); with zeros alone p is 1.
    Without zeros it rejects at 5% just when the 95% `median_interval` excludes 0.
    Raises ValueError for NaN or no differences.
    """
    d = sample(difference)
    positive, negative = int((d > 0).sum()), int((d < 0).sum())
    n = positive + negative
    p = min(1.0, 2 * float(bdtr(float(min(positive, negative)), n, 0.5))) if n else 1.0
    return Signs(positive, d.size - n, negative, p)


def holm(p: ArrayLike) -> Array:
    """Holm's adjusted p-values for `p` `(m,)`: reject those at or below the level.

    The i-th smallest is multiplied by the number of hypotheses not yet rejected, never below the
    one before. Holds the chance of any false rejection whatever the dependence. Holm 1979.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values: one axis, between 0 and 1")
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


@dataclass(frozen=True)
class Superiority:
    """On how many seeds `a` is below `b`, ties with it, is above; the share below, its interval."""

    wins: int
    ties: int
    losses: int
    share: float
    low: float
    high: float


def superiority(a: ArrayLike, b: ArrayLike, confidence: float = CONFIDENCE) -> Superiority:
    """How often `a` `(n,)` reaches a lower loss than `b` on the same seed, strictly.

    Ties count for neither: the shares of (a, b) and (b, a) add up to 1 only without them. The
    interval is `share_interval`'s. Raises ValueError for NaN or empty samples.

    >>> superiority([1.0, 1.0, 2.0, 3.0], [2.0, np.inf, 3.0, 3.0]).share
    0.75
    """
    d = sample(differences(a, b))
    wins, losses = int((d < 0).sum()), int((d > 0).sum())
    low, high = share_interval(wins, d.size, confidence)
    return Superiority(wins, d.size - wins - losses, losses, wins / d.size, float(low), float(high))


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    a, b = numbers(a, "a"), numbers(b, "b")
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"pairs need the same seeds: {a.shape[-1]} and {b.shape[-1]} given")
    return a, b
