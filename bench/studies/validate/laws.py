"""Laws of losses, each as its quantile function: medians and other truths are exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, pdtr

from bench.stats.arrays import Array

Law = Callable[[Any], Array]
LEVELS = (np.arange(20_000) + 0.5) / 20_000


def _mixture(share: float) -> Law:
    """A narrow mode at 0 (converged runs) and one at 3, which has `share` of them (stuck runs)."""
    grid = np.linspace(-2, 5, 70_001)
    below = (1 - share) * ndtr(grid / 0.1) + share * ndtr((grid - 3) / 0.3)
    return lambda u: np.asarray(np.interp(u, below, grid))


def _diverging(share: float) -> Law:
    """A log-normal of which `share` diverge."""
    return lambda u: np.where(
        u < 1 - share, np.exp(ndtri(np.minimum(u / (1 - share), 1 - 1e-12))), np.inf
    )


LAWS: dict[str, Law] = {
    "normal": ndtri,
    "log-normal, over decades": lambda u: np.exp(2 * ndtri(u)),
    "Cauchy": lambda u: np.tan(np.pi * (u - 0.5)),
    "35% stuck": _mixture(0.35),
    "48% stuck": _mixture(0.48),
    "Poisson, many ties": lambda u: (pdtr(np.arange(30.0), 2.0) < u[..., None]).sum(-1) * 1.0,
    "10% diverged": _diverging(0.1),
    "40% diverged": _diverging(0.4),
}
HARD = ("log-normal, over decades", "35% stuck", "48% stuck")


def median_truth(law: Law) -> float:
    """The median of `law`."""
    return float(law(np.array(0.5)))


def interquartile_truth(law: Law) -> float:
    """The mean of `law`'s quantile function between 1/4 and 3/4."""
    return float(law(0.25 + LEVELS / 2).mean())


def expected_best_truth(law: Law, k: int) -> float:
    """The expected lowest of `k` draws of `law`, whose levels are 1 - (1 - uniform)^(1/k)."""
    return float(law(1 - (1 - LEVELS) ** (1 / k)).mean())


def median_best_truth(law: Law, k: int) -> float:
    """The median of the lowest of `k` draws of `law`."""
    return float(law(np.array(1 - 0.5 ** (1 / k))))
