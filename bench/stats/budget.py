"""What tuning buys: the best of k configurations, and how sensitive an optimizer is to its rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.arrays import Array, fraction, numbers, sample
from bench.stats.bootstrap import RESAMPLES, expanded_tail, portions
from bench.stats.location import CONFIDENCE, median, quantile, quantile_interval

TABLE = 300  # values of which weights for every count are built at once


def best_weights(m: int, counts: ArrayLike | None = None) -> Array:
    """The chance `(len(counts), i)` that the i-th lowest of `m` values is the lowest of a count.

    Drawn without replacement, so C(m - i - 1, k - 1) / C(m, k) for a count k and i from 0, built up
    without large numbers. `counts` are 1, 2, ..., m if they are not given; of a large `m` a row
    each is built, not a table whose size is the square of it.

    >>> best_weights(3).round(3)
    array([[0.333, 0.333, 0.333],
           [0.667, 0.333, 0.   ],
           [1.   , 0.   , 0.   ]])
    """
    wanted, ranks = _counts(m, counts), np.arange(m)
    if m <= TABLE:
        weights = np.empty((m, m))
        weights[0] = 1 / m
        for k in range(1, m):
            weights[k] = weights[k - 1] * np.maximum(m - ranks - k, 0) * (k + 1) / (k * (m - k))
        return weights[wanted - 1]
    above = m - 1 - ranks[:-1]  # values above the i-th
    steps = np.maximum(above - wanted[:, None] + 1, 0) / above
    return wanted[:, None] / m * np.cumprod(np.insert(steps, 0, 1.0, axis=1), axis=1)


def _counts(m: int, counts: ArrayLike | None) -> NDArray[np.intp]:
    return np.arange(1, m + 1) if counts is None else np.asarray(counts, dtype=np.intp)


def expected_best(scores: ArrayLike, counts: ArrayLike | None = None) -> Array:
    """Expected lowest score `(..., m)` after 1, 2, ..., m of the m configurations in `(..., m)`.

    Or after `counts` of them.

    The estimator without replacement of Tang et al. 2020, arXiv 2004.13705: unbiased for each k,
    unlike the one with replacement. Infinite as long as all k may be infinite ones: see
    `median_best` for a curve that is finite from the start. Raises ValueError for NaN or no scores.

    >>> expected_best([1.0, 4.0, np.inf]).tolist()
    [inf, 2.0, 1.0]
    """
    ordered = np.sort(numbers(scores), axis=-1)
    m = ordered.shape[-1]
    wanted = _counts(m, counts)
    weights = best_weights(m, wanted)
    finite = np.isfinite(ordered)
    best = np.einsum("...i,ki->...k", np.where(finite, ordered, 0.0), weights)
    if finite.all():
        return best
    # Of k values the lowest may be any but the k - 1 highest.
    best = np.where(ordered[..., m - wanted] == np.inf, np.inf, best)
    return np.where(ordered[..., :1] == -np.inf, -np.inf, best)


def expected_best_interval(
    scores: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[Array, Array, Array]:
    """`expected_best` of `scores` `(m,)` with interval ends, each `(m,)`, configurations resampled.

    Expanded percentile bootstrap. It holds while k is small beside m only (docs/statistics.md says
    how small): the best of nearly all configurations depends on the few lowest, of which a
    resample knows no others. `median_best` has an interval that holds for every k.
    """
    row = sample(scores, "scores")
    m = row.size
    estimate = expected_best(row)
    if m == 1:
        return estimate, np.full(1, -np.inf), np.full(1, np.inf)
    drawn = expected_best(row[rng.integers(0, m, (resamples, m))]).T
    level = expanded_tail((1 - fraction(confidence, "confidence")) / 2, m - 1, m)
    return estimate, quantile(drawn, level), quantile(drawn, 1 - level)


def median_best(
    scores: ArrayLike, confidence: float = CONFIDENCE, counts: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    """Median of the lowest score after 1, 2, ..., m draws, with interval ends, each `(m,)`.

    Or after `counts` draws.

    The best of k independent draws lies below x with probability 1 - (1 - F(x))^k, so its median is
    F's quantile at 1 - 2^(-1/k), whose order-statistic interval is exact for every k, infinities
    included; -inf where m configurations cannot say how good the best of k may be. The estimate is
    the lowest score that the best of k of these m, without replacement, beats or meets half of the
    time. Compare Lourie et al. 2023, arXiv 2311.09480. Raises ValueError for NaN or no scores.

    >>> median_best([1.0, 2.0, 3.0, np.inf])[0].tolist()
    [2.0, 1.0, 1.0, 1.0]
    """
    ordered = np.sort(sample(scores, "scores"))
    m = ordered.size
    wanted = _counts(m, counts)
    chances = np.cumsum(best_weights(m, wanted), axis=1)
    estimate = ordered[(chances >= 0.5 - 1e-12).argmax(axis=1)]
    levels = [1 - 0.5 ** (1 / k) for k in wanted.tolist()]
    ends = [quantile_interval(ordered, level, confidence) for level in levels]
    return estimate, np.array([low for _, low, _ in ends]), np.array([high for *_, high in ends])


@dataclass(frozen=True)
class Sensitivity:
    """The range of rates around the best that is as good within a tolerance.

    `decades` is log10(high / low). `open_low`, `open_high`: the range reaches that edge of the
    grid, so that it may be wider than the grid can show.
    """

    best: float
    low: float
    high: float
    decades: float
    open_low: bool
    open_high: bool


def sensitivity(rates: ArrayLike, losses: ArrayLike, tolerance: float = 0.1) -> Sensitivity | None:
    """How wide the range of `rates` `(m,)` is whose `losses` `(m,)` lie within 10% of the lowest.

    The connected range around the best rate (the lowest rate of equally good ones), in decades.
    Between a rate inside and the next one outside, log loss is taken to be linear in log rate;
    beside a diverged rate the range ends at the last rate inside, as it does beside a loss of 0.
    None where every rate diverged. Raises ValueError for NaN, rates that are not positive, finite
    and distinct, or negative losses.

    >>> sensitivity([0.01, 0.1, 1.0], [1.0, 1.0, np.inf]).decades
    1.0
    """
    losses = sample(losses, "losses")
    best, low, high, left, right = _range(rates, losses, tolerance)
    if np.isinf(losses).all():
        return None
    return Sensitivity(
        float(best), float(low), float(high), float(np.log10(high) - np.log10(low)),
        bool(left), bool(right),
    )  # fmt: skip


def sensitivity_interval(
    rates: ArrayLike,
    losses: ArrayLike,
    rng: np.random.Generator,
    tolerance: float = 0.1,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[Sensitivity | None, float, float]:
    """`sensitivity` of the medians of `losses` `(m, n)` over n seeds, and an interval of `decades`.

    Seeds are resampled jointly for all rates; expanded percentile bootstrap; a resample that
    diverges at every rate has 0 decades. One seed gives infinite ends.
    """
    table = numbers(losses, "losses")
    n = table.shape[-1]
    estimate = sensitivity(rates, median(table), tolerance)
    if n == 1:
        return estimate, -np.inf, np.inf
    decades = np.empty(resamples)
    for part in portions(resamples, table.size):
        picks = rng.integers(0, n, (part.stop - part.start, n))
        drawn = median(table.T[picks].swapaxes(1, 2))
        _, low, high, _, _ = _range(rates, drawn, tolerance)
        wide = np.log10(high) - np.log10(low)
        decades[part] = np.where(np.isinf(drawn).all(axis=1), 0.0, wide)
    level = expanded_tail((1 - fraction(confidence, "confidence")) / 2, n - 1, n)
    return estimate, float(quantile(decades, level)), float(quantile(decades, 1 - level))


def _range(
    rates: ArrayLike, losses: Array, tolerance: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Best, lowest and highest rate inside, and whether the edges are open, each `(...)`.

    `rates` `(m,)`, `losses` `(..., m)`, both in the same order.
    """
    rates = sample(rates, "rates")
    order = np.argsort(rates)
    rates, losses = rates[order], losses[..., order]
    if not (rates[0] > 0 and np.isfinite(rates[-1]) and (np.diff(rates) > 0).all()):
        raise ValueError("rates: positive, finite and distinct")
    if (losses < 0).any():
        raise ValueError("losses: negative")
    m = rates.size
    best = losses.argmin(axis=-1)
    level = losses.min(axis=-1) * (1 + tolerance)
    place = np.arange(m)
    outside = losses > level[..., None]
    left = np.where(outside & (place < best[..., None]), place, -1).max(axis=-1)
    right = np.where(outside & (place > best[..., None]), place, m).min(axis=-1)
    open_left, open_right = left < 0, right >= m
    low = _crossing(rates, losses, level, left + 1, np.maximum(left, 0))
    high = _crossing(rates, losses, level, right - 1, np.minimum(right, m - 1))
    return rates[best], low, high, open_left, open_right


def _crossing(rates: Array, losses: Array, level: Array, inside: Any, outside: Any) -> Array:
    """The rates `(...)` between two neighbours at which the loss crosses `level` `(...)`."""
    within, beyond = (
        np.take_along_axis(losses, place[..., None], axis=-1)[..., 0] for place in (inside, outside)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        way = np.log(level / within) / np.log(beyond / within)
    way = np.where((within == 0) | (inside == outside), 0.0, way)
    # The power keeps a rate of the grid to the last digit.
    return rates[inside] * (rates[outside] / rates[inside]) ** way
