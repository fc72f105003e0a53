"""Where variance comes from: the share of each of several independent sources.

A row of runs is one whose sources are all drawn for it, and, for each source, one that differs from
it in that source alone. Rows are independent of each other, so that all of it is made of means over
rows. Bouthillier et al. 2021, https://arxiv.org/abs/2103.03098, hold all sources but one fixed;
averaged over what is held, the variance that remains is a total effect in the sense of Sobol'
(Homma and Saltelli 1996, https://doi.org/10.1016/0951-8320(96)00002-6), and half the mean squared
difference of the two runs estimates it (Jansen 1999, https://doi.org/10.1016/S0010-4655(98)00154-4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.arrays import Array, fraction, midranks, numbers
from bench.stats.location import CONFIDENCE
from bench.stats.special import stdtrit


@dataclass(frozen=True)
class Shares:
    """Shares of a `variance` `(...)`, with interval ends, of m sources: `(..., m)`.

    `share` is what of the variance remains, on average, where the others are held: all that would
    go if the source were, its part in joint effects included. `alone` is what it explains without
    the others, NaN where the runs do not tell. Together the first are at least 1, the second at
    most; both are equal, and add up to 1, where effects only add up.
    """

    variance: Array
    share: Array
    low: Array
    high: Array
    alone: Array
    alone_low: Array
    alone_high: Array


def variance_shares(values: ArrayLike, confidence: float = CONFIDENCE) -> Shares:
    """The shares of the sources in the variance of `values` `(..., n, 1 + m)`.

    The first column has runs in which everything is drawn anew, column j their twins that have
    another draw of source j. Ends are those of a jackknife over rows, on a logarithmic scale, with
    Student's quantile for as many degrees of freedom as the fourth moment of the pseudo-values
    leaves (Miller 1968, https://doi.org/10.1214/aoms/1177698418; Satterthwaite 1946). Where they
    cannot be had, as where hardly any twin differs, they are 0 and 1. Of one source alone the share
    is 1; where all values are equal, there is none: NaN. Raises ValueError for values that are not
    finite, fewer than 3 rows, or no source.

    >>> everything = [[1.0, 2.0, 1.0], [5.0, 3.0, 5.0], [2.0, 8.0, 2.0], [0.0, 4.0, 0.0]]
    >>> variance_shares(everything).share.round(2).tolist()
    [1.0, 0.0]
    """
    y = numbers(values)
    if y.ndim < 2 or y.shape[-2] < 3 or y.shape[-1] < 2 or not np.isfinite(y).all():
        raise ValueError("values: finite ones (n, 1 + m) are needed, 3 rows and a source at least")
    m = y.shape[-1] - 1
    size = np.abs(y).max(axis=(-2, -1), keepdims=True)
    y = y / np.where(size > 0, size, 1.0)
    y = y - y.mean(axis=(-2, -1), keepdims=True)
    # Of equal values the mean is off by its rounding.
    varies = np.ptp(y, axis=(-2, -1)) > 0
    whole, without = _between(y)
    variance = np.where(varies, whole * size[..., 0, 0] ** 2, 0.0)
    known = np.where(varies, 1.0, np.nan)[..., None]
    if m == 1:
        return Shares(variance, *[known] * 6)

    def shares(pairs: Sequence[Sequence[int]]) -> list[Array]:
        found = [_ends(y[..., a] - y[..., b], whole, without, confidence) for a, b in pairs]
        return [known * np.stack(part, axis=-1) for part in zip(*found, strict=True)]

    share, low, high = shares([(0, j) for j in range(1, m + 1)])
    if m > 3:
        return Shares(variance, share, low, high, *[np.full(share.shape, np.nan)] * 3)
    # Two runs of a row that have nothing but one source in common.
    others = [[k for k in range(m + 1) if k != j][m - 2 :][:2] for j in range(1, m + 1)]
    rest, least, most = shares(others)
    return Shares(variance, share, low, high, 1 - rest, 1 - most, 1 - least)


def as_ranks(values: ArrayLike) -> Array:
    """The ranks of `values` among all of them, as shares of their number, of any shape.

    >>> as_ranks([[1.0, np.inf], [0.5, np.inf]]).tolist()
    [[0.375, 0.75], [0.125, 0.75]]
    """
    array = numbers(values)
    return (midranks(array.reshape(-1)).reshape(array.shape) - 0.5) / array.size


def _between(y: Array) -> tuple[Array, Array]:
    """The variance of one value `(...)`, from values of different rows; without each row."""
    n, columns = y.shape[-2:]
    sums, squares = y.sum(axis=-1), (y**2).sum(axis=-1)
    parts = sums, squares, sums**2

    def estimate(rows: int, total: Array, square: Array, own: Array) -> Array:
        pairs = (rows - 1) * columns * square - (total**2 - own)
        return np.asarray(np.maximum(pairs / (rows * (rows - 1) * columns**2), 0.0))

    every = [part.sum(axis=-1, keepdims=True) for part in parts]
    left = [whole - part for whole, part in zip(every, parts, strict=True)]
    return estimate(n, *every)[..., 0], estimate(n - 1, *left)


def _ends(
    differences: Array, whole: Array, without: Array, confidence: float
) -> tuple[Array, Array, Array]:
    """The share of half the mean squared difference `(..., n)` in a variance, and its ends."""
    n = differences.shape[-1]
    halves = differences**2 / 2
    total = halves.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = total / n / whole
        logarithm = np.log(share)
        left = np.log((total[..., None] - halves) / (n - 1) / without)
        pseudo = n * logarithm[..., None] - (n - 1) * left
        centred = pseudo - pseudo.mean(axis=-1, keepdims=True)
        second, fourth = (centred**2).mean(axis=-1), (centred**4).mean(axis=-1)
        # A fourth moment of few values comes out too low; below the normal law's it is not trusted.
        heavy = np.maximum(fourth / second**2, 3.0) * (1 + 10 / n)
        freedom = np.clip(2 * n / (heavy - 1), 2, n - 1)
        reach = stdtrit(freedom, (1 + fraction(confidence, "confidence")) / 2)
        width = reach * np.sqrt(second / (n - 1))
        low, high = np.exp(logarithm - width), np.exp(logarithm + width)
    found = np.isfinite(low) & np.isfinite(high)
    low, high = np.where(found, low, 0.0), np.where(found, high, 1.0)
    return np.minimum(share, 1.0), np.minimum(low, 1.0), np.minimum(high, 1.0)
