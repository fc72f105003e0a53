"""Time to a target: runs that never reach it, diverged ones too, are censored, never left out.

A cost is the first epoch at or past the target, infinity where the run never got there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bench.stats.arrays import Array, fraction, numbers, sample
from bench.stats.location import CONFIDENCE, share_interval
from bench.stats.special import ndtri


def time_to_target(
    epochs: ArrayLike, curves: ArrayLike, target: float, at_least: bool = False
) -> Array:
    """Costs `(...)` of `curves` `(..., R)`, recorded at `epochs` `(R,)`, no finer than those.

    The first epoch whose value is at or below `target` (`at_least`: at or above, for accuracies);
    infinity where there is none. Raises ValueError for NaN, no records, or lengths that differ.

    >>> time_to_target([0, 10, 20], [[1.0, 0.4, 0.6], [1.0, np.inf, np.inf]], 0.5)
    array([10., inf])
    """
    epochs, curves = sample(epochs, "epochs"), numbers(curves, "curves")
    if epochs.size != curves.shape[-1]:
        raise ValueError(f"{epochs.size} epochs for {curves.shape[-1]} records")
    there = curves >= target if at_least else curves <= target
    return np.where(there.any(axis=-1), epochs[there.argmax(axis=-1)], np.inf)


@dataclass(frozen=True)
class Reached:
    """The share of runs that have reached the target by each time: a right-continuous staircase.

    `times`, `share`, `low`, `high`: `(K,)`; the first time is 0. `at_risk`, `events`: how many runs
    were still on their way just before, and arrived at, each time.
    """

    times: Array
    share: Array
    low: Array
    high: Array
    at_risk: Array
    events: Array

    def quantile(self, q: float = 0.5) -> tuple[float, float, float]:
        """The time by which a share `q` has reached the target, and the ends of its interval.

        Infinity: not reached within the budget, or by exactly a share `q` and nobody else: as the
        sample's median is infinite where half of it is. The interval holds all times whose own
        interval contains `q` (Brookmeyer & Crowley 1982); with one budget for all runs and no
        censoring before it, that is `quantile_interval` of the costs.
        """
        fraction(q, "q")
        last = self.share[-1] <= q * (1 + 1e-12)
        middle = float(np.inf) if last else self._first(self.share, q)
        return middle, self._first(self.high, q), self._first(self.low, q)

    def _first(self, stairs: Array, q: float) -> float:
        there = stairs >= q * (1 - 1e-12)
        return float(self.times[there.argmax()]) if there.any() else float(np.inf)


def kaplan_meier(costs: ArrayLike, budget: ArrayLike, confidence: float = CONFIDENCE) -> Reached:
    """Kaplan and Meier's estimate of the share that has reached the target, from costs `(n,)`.

    Infinite costs are censored at `budget`, a number or one for each run `(n,)`; at equal times
    arrivals come before censoring. Up to the first censoring the share is a plain proportion and
    has Clopper and Pearson's exact interval, pointwise; beyond it, Greenwood's variance on the
    scale of log(-log(1 - share)) (Kalbfleisch & Prentice 1980), which needs more runs to hold.

    Raises ValueError for NaN, empty samples, or a finite cost above its budget.
    """
    costs = sample(costs, "costs")
    budgets = np.broadcast_to(numbers(np.atleast_1d(budget), "budget"), costs.shape)
    reached = np.isfinite(costs)
    if (costs[reached] > budgets[reached]).any() or not np.isfinite(budgets).all():
        raise ValueError("budget: finite, and no cost may lie above it")
    left = np.where(reached, costs, budgets)
    times = np.union1d([0.0], left)
    at_risk = (left[:, None] >= times).sum(axis=0).astype(np.float64)
    events = (costs[:, None] == times).sum(axis=0).astype(np.float64)
    staying = np.cumprod(1 - events / at_risk)
    low, high = log_log_interval(staying, at_risk, events, confidence)
    uncensored = at_risk + np.cumsum(events) - events == costs.size
    low[uncensored], high[uncensored] = share_interval(
        np.cumsum(events)[uncensored], costs.size, confidence
    )
    return Reached(times, 1 - staying, low, high, at_risk, events)


def log_log_interval(
    staying: Array, at_risk: Array, events: Array, confidence: float = CONFIDENCE
) -> tuple[Array, Array]:
    """Pointwise intervals for `1 - staying`, `(K,)`: Greenwood's variance, log-log scale.

    low, high = 1 - staying ** exp(+- z * sqrt(sum events / (at_risk * (at_risk - events)))
                                      / log(staying))
    Where nobody or everybody has arrived the scale ends, and so does knowledge: (0, 1).
    """
    z = -float(ndtri((1 - fraction(confidence, "confidence")) / 2))
    inside = (staying > 0) & (staying < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events))))
        width = z * spread / np.abs(np.log(staying))
        low = np.where(inside, 1 - staying ** np.exp(-width), 0.0)
        high = np.where(inside, 1 - staying ** np.exp(width), 1.0)
    return low, high
