"""Where a sample lies, with exact intervals: quantiles, medians and shares.

Samples are `(..., n)`: the last axis holds one value per seed, all others are vectorised over.
Infinity (a diverged run) is an ordinary value: it takes part in every order and in every count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.arrays import Array, between, fraction, numbers
from bench.stats.special import bdtr, betaincinv

CONFIDENCE = 0.95


def median(values: ArrayLike) -> Array:
    """Medians `(...)` of `values` `(..., n)`: the middle value, or half-way between the middle two.

    Half-way to infinity is infinity, and half-way between -inf and inf is 0. Raises ValueError for
    NaN or empty samples.

    >>> float(median([1.0, 2.0, np.inf])), float(median([1.0, 2.0, np.inf, np.inf]))
    (2.0, inf)
    """
    return quantile(values, 0.5)


def quantile(values: ArrayLike, q: float) -> Array:
    """Quantiles `(...)` of `values` `(..., n)` at level `q` (0 to 1), linear between neighbours.

    The definition is NumPy's default (Hyndman & Fan 1996, type 7), which itself returns NaN next
    to an infinity; here an infinite neighbour wins as soon as its weight is positive. Raises
    ValueError for NaN, empty samples or `q` outside [0, 1].
    """
    return quantiles(values, [q])[0]


def quantiles(values: ArrayLike, levels: Sequence[float]) -> list[Array]:
    """`quantile` at several levels of values that are sorted once.

    >>> [q.tolist() for q in quantiles([[3.0, 1.0, 2.0], [5.0, 4.0, np.inf]], [0.25, 0.5])]
    [[1.5, 4.5], [2.0, 5.0]]
    """
    for q in levels:
        if not 0 <= q <= 1:
            raise ValueError(f"q: {q} is not between 0 and 1")
    ordered = np.sort(numbers(values), axis=-1)
    last = ordered.shape[-1] - 1
    found = []
    for q in levels:
        below = int(np.floor(q * last))
        ends = ordered[..., below], ordered[..., min(below + 1, last)]
        found.append(between(*ends, q * last - below))
    return found


def interval_ranks(
    n: int, q: float = 0.5, confidence: float = CONFIDENCE
) -> tuple[int | None, int | None]:
    """Which order statistics (from 0) of `n` values enclose the quantile `q`; None: none does.

    Of n values, at most k lie at or below the quantile with a probability of no more than
    `P(B <= k)`, B binomial(n, q), whatever the law, ties and infinities included. Each end is the
    innermost order statistic that misses with a probability of at most `(1 - confidence) / 2`.
    See docs/statistics.md for how far above the nominal level the coverage lies.

    >>> interval_ranks(10), interval_ranks(20), interval_ranks(5)
    ((1, 8), (5, 14), (None, None))
    """
    fraction(q, "q")
    tail = (1 - fraction(confidence, "confidence")) / 2 * (1 + 1e-12)
    ranks = np.arange(n)
    misses_low = np.flatnonzero(bdtr(ranks.astype(float), n, q) <= tail)
    # P(B >= k + 1), seen from the other side so that small tails keep their digits.
    misses_high = np.flatnonzero(bdtr((n - 1 - ranks).astype(float), n, 1 - q) <= tail)
    return (
        int(misses_low[-1]) if misses_low.size else None,
        int(misses_high[0]) if misses_high.size else None,
    )


def quantile_interval(
    values: ArrayLike, q: float, confidence: float = CONFIDENCE
) -> tuple[Array, Array, Array]:
    """Quantiles at level `q` of `values` `(..., n)`, with interval ends: three arrays `(...)`.

    The ends are order statistics (see `interval_ranks`), so they cover with at least the nominal
    probability under any law and move along with any increasing transform, as `log`. Where n is
    too small for an end, the end is -inf or inf: "nothing is known", never a narrower guess.

    Source: Conover 1999, Practical nonparametric statistics, section 3.2.
    Raises ValueError for NaN or empty samples.
    """
    ordered = np.sort(numbers(values), axis=-1)
    low, high = interval_ranks(ordered.shape[-1], q, confidence)
    unknown = np.full(ordered.shape[:-1], np.inf)
    return (
        quantile(ordered, q),
        -unknown if low is None else ordered[..., low],
        unknown if high is None else ordered[..., high],
    )


def median_interval(
    values: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Array, Array, Array]:
    """Medians of `values` `(..., n)` with the ends of their intervals: `(median, low, high)`.

    Order statistics (see `quantile_interval`). Fewer than six values cannot give 95%: their
    smallest and largest enclose the median with probability `1 - 2^(1 - n)` only, so both ends are
    infinite.

    >>> [float(x) for x in median_interval([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, np.inf])]
    [0.4, 0.1, inf]
    """
    return quantile_interval(values, 0.5, confidence)


def share_interval(
    count: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Array, Array]:
    """Clopper and Pearson's interval for a probability after `count` successes in `n`, elementwise.

    Exact: it covers with at least `confidence` for every probability, also near 0 and 1, where
    Wilson's falls to 83%. No tries at all give (0, 1). Clopper & Pearson 1934.

    >>> [round(float(x), 3) for x in share_interval(10, 10)]
    [0.692, 1.0]
    """
    tail = (1 - fraction(confidence, "confidence")) / 2
    k, n = np.broadcast_arrays(np.asarray(count, dtype=float), np.asarray(n, dtype=float))
    if ((k < 0) | (k > n)).any():
        raise ValueError("counts must lie between 0 and n")
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return low, high
