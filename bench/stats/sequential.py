"""Confidence sequences: intervals of a median that hold at every number of seeds at once.

An ordinary interval holds at a number of seeds fixed beforehand; whoever looks after every round
and stops when the answer pleases errs more often. Here the error holds over all looks together.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator
from functools import lru_cache

from numpy.typing import ArrayLike

from bench.stats.arrays import fraction, sample
from bench.stats.location import CONFIDENCE
from bench.stats.special import betainc, betaln, xlog1py, xlogy


def log_evidence(above: int, n: int) -> float:
    """Logarithm of the evidence that values lie above a point more often than not.

    After `above` of `n` values lay above it. It is the capital, from 1, of a gambler who bets on
    the next value lying above, averaged over stakes uniform on [0, 1]: with q uniform on [1/2, 1],

        mean over q of 2^n q^above (1 - q)^(n - above)

    If no value lies above with a probability over 1/2, given those before it, the capital is a
    supermartingale, so that it ever reaches 1 / level has a probability of at most `level` (Ville
    1939). Ties with the point do not lie above it. Robbins 1970; Howard & Ramdas 2022, Sequential
    estimation of quantiles, https://arxiv.org/abs/1906.09712.

    >>> log_evidence(0, 0), log_evidence(20, 20) > math.log(1 / 1e-4)
    (0.0, True)
    """
    a, b = above + 1, n - above + 1
    tail = float(betainc(b, a, 0.5))  # of Beta(a, b), above 1/2
    if tail == 0:
        return -math.inf
    return (n + 1) * math.log(2) + float(betaln(a, b)) + math.log(tail)


@lru_cache(maxsize=4096)
def fewest_above(n: int, level: float) -> int | None:
    """How many of `n` values must lie above a point to say that the median does.

    None: `n` is too few. At an error of at most `level` over all n together.

    >>> [fewest_above(n, 0.025) for n in (5, 8, 20, 100)]
    [None, 8, 17, 66]
    """
    fraction(level, "level")
    wanted = -math.log(level)
    if log_evidence(n, n) < wanted:
        return None
    low, high = n // 2, n  # the evidence grows with the count
    while high - low > 1:
        middle = (low + high) // 2
        if log_evidence(middle, n) < wanted:
            low = middle
        else:
            high = middle
    return high


def fewest_watched(comparisons: int = 1, level: float = 0.05) -> int:
    """The number of seeds below which `median_sequence` says nothing of any of some comparisons.

    At a two-sided `level` that is shared out over them.

    >>> fewest_watched(), fewest_watched(96)
    (8, 15)
    """
    each = fraction(level, "level") / comparisons / 2
    return next(n for n in range(1, 2000) if fewest_above(n, each) is not None)


def median_sequence(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the median of `values` `(n,)`, in the order they came, that may be watched.

    With probability `confidence` the median lies in the intervals of all n together, whatever the
    law, infinities and ties included; so this is the intersection of those of the first 1, 2, ... n
    values. Each end is an order statistic, infinite while values are too few. Where nothing is left
    of the intersection, the sequence has missed: it begins again with the interval of n alone.
    Raises ValueError for NaN or an empty sample.

    >>> median_sequence([1.0, 2.0, 3.0] * 10)
    (1.0, 3.0)
    """
    *_, last = median_sequences(values, confidence)
    return last


def median_sequences(
    values: ArrayLike, confidence: float = CONFIDENCE
) -> Iterator[tuple[float, float]]:
    """The intervals of `median_sequence` after the first 1, 2, ... n values."""
    d = sample(values)
    level = (1 - fraction(confidence, "confidence")) / 2
    low, high = -math.inf, math.inf
    ordered: list[float] = []
    for n, value in enumerate(d.tolist(), start=1):
        insort(ordered, value)
        needed = fewest_above(n, level)
        if needed is not None:
            mine = ordered[n - needed], ordered[needed - 1]
            low, high = max(low, mine[0]), min(high, mine[1])
            if low > high:
                low, high = mine
        yield low, high


def share_sequence(successes: ArrayLike, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a probability that may be watched, from `successes` `(n,)`, 0 or 1, in order.

    With probability `confidence` it lies in the intervals of all n together: outside of each are
    the shares p against which a gambler has 1 / level times his capital, who bets as if the share
    were uniform on [0, 1],

        B(k + 1, n - k + 1) / (p^k (1 - p)^(n - k))

    after k successes in n (Ville 1939; Robbins 1970). Raises ValueError for NaN or no tries.

    >>> [round(x, 2) for x in share_sequence([1.0] * 20)]
    [0.74, 1.0]
    """
    tries = sample(successes)
    level = 1 - fraction(confidence, "confidence")
    low, high, count = 0.0, 1.0, 0
    for n, success in enumerate(tries.tolist(), start=1):
        count += bool(success)
        mine = _share_ends(count, n, level)
        low, high = max(low, mine[0]), min(high, mine[1])
        if low > high:  # it has missed: begin again with this n alone
            low, high = mine
    return low, high


def _share_ends(count: int, n: int, level: float) -> tuple[float, float]:
    """Where the capital against a share after `count` successes in `n` is 1 / `level`."""
    wanted = float(betaln(count + 1, n - count + 1)) + math.log(level)

    def within(p: float) -> bool:
        told = xlogy(count, p) + xlog1py(n - count, -p)
        return bool(told > wanted)

    def end(outside: float, inside: float) -> float:
        if within(outside):
            return outside
        for _ in range(60):
            middle = (outside + inside) / 2
            outside, inside = (outside, middle) if within(middle) else (middle, inside)
        return outside

    middle = count / n
    return end(0.0, middle), end(1.0, middle)
