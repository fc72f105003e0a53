"""What holds across problems, a sample of those that could have been asked; `across.csv`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench import stats
from bench.verdicts.samples import ALL, RESAMPLES, Sample, stacked, stream

COLUMNS = ["optimizer", "problems", "mean_rank", "mean_rank_low", "mean_rank_high"]
COLUMNS += ["rank_of_medians", "critical_difference"]
COLUMNS += ["best_next", "best_next_low", "best_next_high", "first_without"]


def across(side_by_side: Sequence[Sample]) -> pd.DataFrame:
    """A row per optimizer of a `block` of problems; empty where there is none.

    `mean_rank` is the mean over problems of the mean over seeds of the rank on the same seed, its
    interval hierarchical (problems, then seeds): for problems like these, not for these.
    `best_next` is the probability of the lowest median cost on a new one. `rank_of_medians` is the
    mean over problems of the rank of the median, and two of these differ if by the
    `critical_difference` (Nemenyi's, at 5%). `first_without` names the problems without any one of
    which the optimizer has the best mean rank.
    """
    costs = stacked(side_by_side)
    k, problems, n = costs.shape if costs.size else (0, 0, 0)
    if not n:
        return pd.DataFrame(columns=COLUMNS)
    names = [side_by_side[0].label(i) for i in range(k)]
    ranks = stats.ranks(costs)
    mean = stats.hierarchical_interval(
        ranks, (1.0, float(k)), stream("ranks", ALL), resamples=RESAMPLES
    )
    best = stats.best_on_next(costs, stream("best", ALL), resamples=RESAMPLES)
    medians = stats.ranks(stats.median(costs))
    without: dict[int, list[str]] = {}
    own = ranks.sum(axis=2)  # of whole and half numbers, and so exact
    others = own.sum(axis=1, keepdims=True) - own
    for sample, rest in zip(side_by_side, others.T, strict=True):
        for i in np.flatnonzero(rest == rest.min()):
            without.setdefault(int(i), []).append(sample.problem)
    return pd.DataFrame(
        {
            "optimizer": names,
            "problems": problems,
            **dict(zip(COLUMNS[2:5], mean, strict=True)),
            "rank_of_medians": medians.mean(axis=1),
            "critical_difference": stats.critical_difference(k, problems),
            **dict(zip(COLUMNS[7:10], best, strict=True)),
            "first_without": ["; ".join(without.get(i, ())) for i in range(k)],
        }
    )
