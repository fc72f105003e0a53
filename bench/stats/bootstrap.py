"""Intervals by resampling seeds, for statistics without an exact interval.

Values are `(..., n)`: seeds last. All leading rows (optimizers) see the same resampled seeds, so
that whatever is computed across them stays paired. The generator is passed in: the same state
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.arrays import Array, fraction, numbers
from bench.stats.location import CONFIDENCE, quantile
from bench.stats.special import ndtr, ndtri, stdtrit

RESAMPLES = 9_999
PORTION = 1 << 20  # numbers drawn at once
Statistic = Callable[[Array], Array]
Method = Literal["expanded", "percentile", "bca"]


def interquartile_mean(values: ArrayLike) -> Array:
    """Means `(...)` of the middle half of `values` `(..., n)`.

    The sorted values are steps of a quantile function, whose mean between 1/4 and 3/4 this is:
    where n is no multiple of four, the two values at the quarters count in part. (Trimming
    `floor(n / 4)` values, as rliable and scipy's `trim_mean` do, is the same for multiples of four
    and otherwise estimates something that depends on n.) More than a quarter of infinities makes
    it infinite; with both signs inside the middle half the more frequent one wins, a draw is 0.

    >>> float(interquartile_mean([0.0, 1.0, 3.0, np.inf]))
    2.0
    """
    ordered = np.sort(numbers(values), axis=-1)
    n = ordered.shape[-1]
    # Products and sums, not a matrix product: its last bits depend on the number of rows.
    weights = np.diff(np.clip(np.arange(n + 1), n / 4, 3 * n / 4)) / (n / 2)
    kept = np.flatnonzero(weights)
    ordered, weights = ordered[..., kept[0] : kept[-1] + 1], weights[kept]
    finite = np.isfinite(ordered)
    mean = (np.where(finite, ordered, 0) * weights).sum(axis=-1)
    # Equal values must give their value, whatever the weights' roundings add up to.
    mean = np.clip(mean, ordered[..., 0], ordered[..., -1])
    if finite.all():
        return mean
    balance = (np.where(finite, 0, np.sign(ordered)) * weights).sum(axis=-1)
    torn = np.where(np.abs(balance) < 1e-9, 0.0, np.copysign(np.inf, balance))
    return np.where(finite.all(axis=-1), mean, torn)


def interquartile_mean_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[Array, Array, Array]:
    """Interquartile means of `values` `(..., n)` with the ends of their intervals, each `(...)`.

    Expanded percentile bootstrap: see `bootstrap_interval` for the method, the behaviour at n = 1
    and what is raised; docs/statistics.md for why not BCa.
    """
    return bootstrap_interval(interquartile_mean, values, rng, confidence, resamples)


def bootstrap_interval(
    statistic: Statistic,
    values: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    method: Method = "expanded",
) -> tuple[Array, Array, Array]:
    """`statistic` of each row of `values` `(..., n)` with the ends of its interval, each `(...)`.

    `statistic` maps `(..., n)` to `(...)`. With B resamples of n seeds each (the same for all
    rows) the ends are quantiles of the B statistics, at levels that depend on the method:

    - `percentile`: (1 - confidence) / 2 from either side. Too narrow for few seeds.
    - `expanded`: ndtr(-+ t * sqrt(n / (n - 1))), t the quantile of Student's law with n - 1
      degrees of freedom: it mends the resamples' missing factor of n / (n - 1) in the variance
      and the normal law's light tails. Hesterberg 2015, section 4.3, arXiv 1411.5279.
    - `bca`: bias-corrected and accelerated by the jackknife. Efron 1987, section 3. The
      acceleration counts as 0 where a jackknife value is infinite.

    One seed says nothing about the spread: both ends are infinite. Raises ValueError for NaN, for
    empty samples, and when `statistic` returns NaN.
    """
    rows = numbers(values)
    n = rows.shape[-1]
    estimate = numbers(statistic(rows)[..., None], "statistic")[..., 0]
    if n == 1:
        return estimate, np.full_like(estimate, -np.inf), np.full_like(estimate, np.inf)
    drawn = np.empty((*estimate.shape, resamples))
    for part in portions(resamples, n):
        picks = rng.integers(0, n, (part.stop - part.start, n))
        for row in np.ndindex(estimate.shape):
            drawn[row][part] = numbers(statistic(rows[row][picks]), "statistic")
    low, high = np.empty_like(estimate), np.empty_like(estimate)
    for row in np.ndindex(estimate.shape):
        levels = _levels(method, statistic, rows[row], float(estimate[row]), drawn[row], confidence)
        low[row], high[row] = (quantile(drawn[row], level) for level in levels)
    return estimate, low, high


def portions(resamples: int, numbers_each: int) -> Iterator[slice]:
    """Resamples some at a time, so that 10,000 seeds take no gigabytes; draws stay the same.

    >>> [(part.start, part.stop) for part in portions(5, PORTION // 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    each = max(1, PORTION // numbers_each)
    for start in range(0, resamples, each):
        yield slice(start, min(start + each, resamples))


def _levels(
    method: Method,
    statistic: Statistic,
    row: Array,
    estimate: float,
    drawn: Array,
    confidence: float,
) -> tuple[float, float]:
    """The levels of the `drawn` statistics that are the interval's ends."""
    n = row.size
    tail = (1 - fraction(confidence, "confidence")) / 2
    if method == "expanded":
        level = float(expanded_tail(tail, n - 1, n))
        return level, 1 - level
    if method == "percentile":
        return tail, 1 - tail
    below = ((drawn < estimate).mean() + (drawn <= estimate).mean()) / 2
    bias = ndtri(np.clip(below, 0.5 / drawn.size, 1 - 0.5 / drawn.size))
    others = statistic(row[np.nonzero(~np.eye(n, dtype=bool))[1].reshape(n, n - 1)])
    acceleration = 0.0
    if np.isfinite(others).all() and np.ptp(others) > 0:
        pull = others.mean() - others
        acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    ends = bias + ndtri([tail, 1 - tail])
    levels = ndtr(bias + ends / (1 - acceleration * ends))
    return float(levels[0]), float(levels[1])


def bounded_mean_interval(
    values: ArrayLike,
    limits: tuple[float, float],
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[Array, Array, Array]:
    """Means of `values` `(..., n)` that lie within `limits`, with interval ends: three `(...)`.

    The upper end is a quantile of randomly weighted means of the values and the upper limit, with
    weights uniform on the simplex; the lower end likewise. Of zeros and ones that is Clopper and
    Pearson's interval, and as that one it keeps its width where all values are equal, where a
    bootstrap collapses. Gaffke 2005, section 4; Learned-Miller & Thomas 2019, arXiv 1905.06208.
    All rows see the same weights. Raises ValueError for NaN, empty samples and values outside.
    """
    rows = limited(values, limits)
    estimate = rows.mean(axis=-1)
    drawn, of_limit = np.empty((*estimate.shape, resamples)), np.empty(resamples)
    for part in portions(resamples, rows.shape[-1] + 1):
        weights = rng.standard_exponential((part.stop - part.start, rows.shape[-1] + 1))
        weights /= weights.sum(axis=1, keepdims=True)
        of_limit[part] = weights[:, 0]
        for row in np.ndindex(estimate.shape):
            drawn[row][part] = (weights[:, 1:] * rows[row]).sum(axis=1)
    return enclosed(estimate, drawn, of_limit, limits, confidence)


def limited(values: ArrayLike, limits: tuple[float, float]) -> Array:
    """`values` as an array; raises ValueError for NaN, empty samples and what lies outside."""
    rows, (lowest, highest) = numbers(values), limits
    if (rows < lowest).any() or (rows > highest).any():
        raise ValueError(f"values lie outside of {lowest:g} to {highest:g}")
    return rows


def enclosed(
    estimate: Array, drawn: Array, of_limit: Array, limits: tuple[float, float], confidence: float
) -> tuple[Array, Array, Array]:
    """An `estimate` `(...)` with interval ends from randomly weighted means.

    `drawn` `(..., resamples)` are the values' shares in them, `of_limit` `(resamples,)` the weights
    of a limit, which is the lower one for the lower end.
    """
    tail, (lowest, highest) = (1 - fraction(confidence, "confidence")) / 2, limits
    low = np.asarray(quantile(drawn + of_limit * lowest, tail))
    high = np.asarray(quantile(drawn + of_limit * highest, 1 - tail))
    # Weights that add up to 1 but for rounding must not lead out of the limits.
    return estimate, np.clip(low, lowest, estimate), np.clip(high, estimate, highest)


def expanded_tail(tail: float, freedom: int, n: int) -> float:
    """The level that stands for `tail` after expansion for samples of `n`; see `expanded` above.

    >>> round(expanded_tail(0.025, 9, 10), 4)
    0.0086
    """
    return float(ndtr(stdtrit(freedom, tail) * np.sqrt(n / (n - 1))))
