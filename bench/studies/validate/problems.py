"""Mean ranks over problems: how often intervals cover the mean over all problems, and how wide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from bench import stats
from bench.stats.arrays import Array

PROBLEMS = (3, 5, 9)
OPTIMIZERS, SEEDS = 5, 20
LIMITS = (1.0, float(OPTIMIZERS))
RESAMPLES = 399
RARE = 0.1
Ends = Callable[[Array, np.random.Generator], tuple[float, float]]


def _effects(rng: np.random.Generator, problems: int) -> Array:
    """Optimizers that differ by problem as much as by seed, none better on average."""
    of_problem = rng.standard_normal((OPTIMIZERS, problems, 1))
    return of_problem + rng.standard_normal((OPTIMIZERS, problems, SEEDS))


def _fails(rng: np.random.Generator, problems: int) -> Array:
    """The first optimizer is the best on most problems, and the last on a tenth of them."""
    costs = 1 + rng.random((OPTIMIZERS, problems, SEEDS))
    costs[0] = np.where(rng.random((problems, 1)) < RARE, 3.0, 0.0)
    return costs


@dataclass(frozen=True)
class Law:
    """How the costs of an experiment come about; the mean rank of the first over all problems."""

    draw: Callable[[np.random.Generator, int], Array]
    truth: float


LAWS = {
    "as apart by problem as by seed": Law(_effects, (1 + OPTIMIZERS) / 2),
    "fails on a tenth of problems": Law(_fails, (1 - RARE) + RARE * OPTIMIZERS),
}


def _hierarchical(ranks: Array, rng: np.random.Generator) -> tuple[float, float]:
    _, low, high = stats.hierarchical_interval(ranks[None], LIMITS, rng, resamples=RESAMPLES)
    return float(low[0]), float(high[0])


def _student(ranks: Array, rng: np.random.Generator) -> tuple[float, float]:
    """Student's, of the means of problems: these are independent, and have the seeds' noise."""
    means = ranks.mean(axis=1)
    reach = stdtrit(len(means) - 1, 0.975) * means.std(ddof=1) / np.sqrt(len(means))
    return max(LIMITS[0], means.mean() - reach), min(LIMITS[1], means.mean() + reach)


METHODS: dict[str, Ends] = {
    "hierarchical, with limits": _hierarchical,
    "Student's, of problem means (not taken)": _student,
}


def rates(law: str, method: str, problems: int, samples: int) -> tuple[float, float]:
    """How often the interval covers, and its median width in ranks."""
    digest = hashlib.sha256(f"{law}, {method}, {problems}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype="<u4"))
    truth, found = LAWS[law].truth, np.empty((samples, 2))
    for i in range(samples):
        ranks = stats.ranks(LAWS[law].draw(rng, problems))[0]
        found[i] = METHODS[method](ranks, rng)
    low, high = found.T
    inside = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    return float(inside.mean()), float(np.median(high - low))
