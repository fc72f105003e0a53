"""Across problems: what holds for a new one, of which those at hand are a sample.

Values are `(k, problems, seeds)`: k optimizers, problems drawn from those that could have been
asked, seeds within each. Few problems say little, however many seeds they have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.arrays import Array, fraction, numbers
from bench.stats.bootstrap import RESAMPLES, enclosed, limited, portions
from bench.stats.location import CONFIDENCE, quantile
from bench.stats.special import betaincinv, ndtr


def hierarchical_interval(
    values: ArrayLike,
    limits: tuple[float, float],
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[Array, Array, Array]:
    """Means of `values` `(..., problems, n)` within `limits`, with interval ends: three `(...)`.

    The interval speaks of the mean over all problems, not of these: problems are weighted at
    random, and seeds within each. Weights over problems and a limit are uniform on the simplex, as
    in `bounded_mean_interval`, so two problems give a wide interval and equal values no empty one.
    Raises ValueError for NaN, empty samples and values outside of the limits.
    """
    rows = limited(values, limits)
    problems, n = rows.shape[-2:]
    estimate = rows.mean(axis=(-2, -1))
    drawn, of_limit = np.empty((*estimate.shape, resamples)), np.empty(resamples)
    for part in portions(resamples, problems * (n + 1) + 1):
        size = part.stop - part.start
        outer = rng.standard_exponential((size, problems + 1))
        outer /= outer.sum(axis=1, keepdims=True)
        inner = rng.standard_exponential((size, problems, n))
        inner /= inner.sum(axis=2, keepdims=True)
        of_limit[part] = outer[:, 0]
        for row in np.ndindex(estimate.shape):
            means = (inner * rows[row]).sum(axis=2)
            drawn[row][part] = (outer[:, 1:] * means).sum(axis=1)
    return enclosed(estimate, drawn, of_limit, limits, confidence)


def best_on_next(
    costs: ArrayLike,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[Array, Array, Array]:
    """How probable it is that each has the lowest median on a new problem: three arrays `(k,)`.

    On each problem of `costs` `(k, problems, n)` somebody is the best, with the chances that
    resampled seeds give; a tie is shared. Of these counts w among p problems the probability is
    (w + 1/k) / (p + 1), with the interval of the beta distribution: a Dirichlet prior as heavy as
    one problem (Perks 1947). They add up to 1. Raises ValueError for NaN or a single optimizer.
    """
    table = numbers(costs)
    k, problems, n = table.shape
    if k < 2:
        raise ValueError("costs: at least 2 optimizers needed")
    won = np.zeros((k, problems))
    for part in portions(resamples, k * n):
        picks = rng.integers(0, n, (part.stop - part.start, n))
        for p in range(problems):
            medians = quantile(table[:, p][:, picks], 0.5)
            first = medians == medians.min(axis=0)
            won[:, p] += (first / first.sum(axis=0)).sum(axis=1)
    counts = (won / resamples).sum(axis=1) + 1 / k
    tail = (1 - fraction(confidence, "confidence")) / 2
    rest = problems + 1 - counts
    low, high = betaincinv(counts, rest, tail), betaincinv(counts, rest, 1 - tail)
    return counts / (problems + 1), low, high


def critical_difference(k: int, problems: int, level: float = 0.05) -> float:
    """By how much mean ranks of `k` optimizers over `problems` have to differ: Nemenyi's test.

    All pairs at once, at `level`; asymptotic. Demsar 2006, Journal of Machine Learning Research 7,
    section 3.2.2, with its table 5a:

    >>> round(critical_difference(5, 30), 3)
    1.114
    """
    reach = studentized_range(1 - fraction(level, "level"), k)
    return float(reach / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * problems)))


def studentized_range(chance: float, k: int) -> float:
    """What the range of `k` standard normal values does not exceed with a `chance`.

    >>> round(studentized_range(0.95, 3), 3)
    3.314
    """
    z = np.linspace(-9, 9, 4_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        inside = (k * density * (ndtr(z) - ndtr(z - middle)) ** (k - 1)).sum()
        low, high = (middle, high) if inside < chance else (low, middle)
    return (low + high) / 2


def together(ranks: ArrayLike, difference: float) -> list[NDArray[np.intp]]:
    """The largest groups of mean `ranks` `(k,)` that differ by less than the critical `difference`.

    Each has the places of its members, at least two, the lowest rank first.

    >>> [group.tolist() for group in together([1.0, 3.0, 2.2, 4.9], 1.5)]
    [[0, 2], [2, 1]]
    """
    values = numbers(ranks)
    order = np.argsort(values, kind="stable")
    found: list[NDArray[np.intp]] = []
    last = -1
    for start in range(len(order)):
        near = values[order] - values[order[start]] < difference
        stop = int(np.flatnonzero(near)[-1])
        if stop > max(start, last):
            found.append(order[start : stop + 1])
            last = stop
    return found
