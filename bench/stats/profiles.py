"""Across problems: ranks, wins, performance profiles and normalised scores.

Costs are `(optimizers, problems)`, lower is better, infinity is "never reached".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.arrays import Array, midranks, numbers
from bench.stats.bootstrap import RESAMPLES, Statistic, expanded_tail, interquartile_mean, portions
from bench.stats.location import CONFIDENCE, quantile


def ranks(costs: ArrayLike) -> Array:
    """Ranks `(optimizers, ...)` of `costs` along the first axis: 1 is the lowest cost.

    Ties share their mean rank; infinities tie at the end. Raises ValueError for NaN.
    """
    return np.moveaxis(midranks(np.moveaxis(_table(costs), 0, -1)), -1, 0)


def win_matrix(costs: ArrayLike) -> Array:
    """Shares of columns `(k, k)` on which the row's optimizer is strictly below the column's.

    `costs` is `(k, n)`. Two infinities tie, and a tie is nobody's win: entries (i, j) and (j, i)
    add up to 1 less the share of ties; the diagonal is 0. Raises ValueError for NaN.

    >>> win_matrix([[1.0, np.inf], [2.0, np.inf]])
    array([[0. , 0.5],
           [0. , 0. ]])
    """
    table = _table(costs)
    return (table[:, None] < table[None]).mean(axis=-1)


def performance_ratios(costs: ArrayLike) -> Array:
    """`costs` `(optimizers, problems)` over the lowest cost on each problem, at least 1.

    Infinity stays infinity, also where nobody reached the target: solving nothing is no win.
    A cost of 0 (the untrained network meets the target) is the best and its own ratio is 1.
    Raises ValueError for NaN or negative costs.
    """
    table = _table(costs)
    if (table < 0).any():
        raise ValueError("costs: negative")
    best = table.min(axis=0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isinf(table), np.inf, np.where(table == best, 1.0, table / best))


def performance_profile(costs: ArrayLike, factors: ArrayLike) -> Array:
    """Dolan and More's profiles `(optimizers, F)`: shares of problems within factors of the best.

    `costs` `(optimizers, problems)` are epochs to the target (several seeds of a problem are
    several columns), `factors` `(F,)` are at least 1. Dolan & More 2002, arXiv cs/0102001.
    Problems that nobody solved count in the share, so a profile may end below 1.

    >>> performance_profile([[10, 40], [20, np.inf]], [1, 2])
    array([[1. , 1. ],
           [0. , 0.5]])
    """
    within = performance_ratios(costs)[:, :, None] <= np.asarray(factors, dtype=np.float64)
    return within.mean(axis=1)


def normalised_scores(losses: ArrayLike, initial: ArrayLike, target: ArrayLike) -> Array:
    """How far `losses` came from `initial` (score 0) to `target` (score 1) on a log scale.

    log(initial / loss) / log(initial / target), clipped to [0, 1]; the three broadcast. A loss of
    infinity scores 0, of 0 scores 1. Raises ValueError for NaN, negative losses, or unless
    initial > target > 0.
    """
    losses, initial, target = (
        np.asarray(numbers(np.atleast_1d(x), what))
        for x, what in ((losses, "losses"), (initial, "initial"), (target, "target"))
    )
    if (losses < 0).any() or not ((initial > target) & (target > 0) & (initial < np.inf)).all():
        raise ValueError("scores need losses of at least 0 and infinity > initial > target > 0")
    with np.errstate(divide="ignore"):
        way = (np.log(initial) - np.log(losses)) / (np.log(initial) - np.log(target))
    return np.clip(way, 0.0, 1.0)


def flat_interquartile_mean(scores: ArrayLike) -> Array:
    """Interquartile means `(...)` of `scores` `(..., problems, seeds)`, all runs in one sample."""
    scores = numbers(scores)
    return interquartile_mean(scores.reshape(*scores.shape[:-2], -1))


def stratified_interval(
    scores: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    statistic: Statistic = flat_interquartile_mean,
) -> tuple[Array, Array, Array]:
    """`statistic` of `scores` `(..., problems, seeds)` with interval ends: three arrays `(...)`.

    Seeds are resampled within each problem, the same for all leading rows (optimizers), so
    differences of rows may be passed too; the problems stay as they are: the interval speaks of
    these problems with other seeds. Expanded percentile bootstrap as in `bootstrap_interval`, the
    freedom that of one problem; one seed gives infinite ends. Agarwal et al. 2021,
    arXiv 2108.13264, take plain percentiles. Raises ValueError for NaN or empty samples.
    """
    scores = numbers(scores)
    problems, n = scores.shape[-2:]
    estimate = numbers(statistic(scores)[..., None], "statistic")[..., 0]
    if n == 1:
        return estimate, np.full_like(estimate, -np.inf), np.full_like(estimate, np.inf)
    drawn = np.empty((*estimate.shape, resamples))
    for part in portions(resamples, problems * n):
        picks = rng.integers(0, n, (part.stop - part.start, problems, n))
        for row in np.ndindex(estimate.shape):
            drawn[row][part] = statistic(np.take_along_axis(scores[row][None], picks, axis=-1))
    level = expanded_tail((1 - confidence) / 2, n - 1, n)
    return estimate, quantile(drawn, level), quantile(drawn, 1 - level)


def _table(costs: ArrayLike) -> Array:
    table = numbers(costs, "costs")
    if table.ndim < 2:
        raise ValueError("costs: optimizers and problems are two axes")
    return table
