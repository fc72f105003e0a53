"""Problems that tell nobody apart, whatever the optimizers: too easy, or asked too little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.slices import by_problem
from bench.verdicts.samples import Sample

EARLY = 0.02  # of the budget of epochs
HALF = 0.5


def unseparated(
    found: Sequence[Sample], reached: pd.DataFrame, ranking: pd.DataFrame
) -> dict[str, list[str]]:
    """By problem, in what it tells nobody apart.

    In the loss, where half of the runs or more end at its floor; in time, where all reach the first
    target (`reached` is that of `bench.verdicts.target.costs`) within the first epochs; in scores,
    where these are 1 for all.
    """
    told: dict[str, list[str]] = {}
    arrived, ranked = by_problem(reached), by_problem(ranking)
    for sample in found:
        if not sample.random or len(sample.optimizers) < 2:
            continue
        reasons = []
        costs = sample.costs[~np.isnan(sample.costs)]
        if sample.scale is stats.Scale.RATIO and len(costs):
            level = float((costs <= sample.floor).mean())
            if sample.floor > 0 and level >= HALF:
                reasons.append(
                    "its loss tells nobody apart: half of the runs or more end at its floor"
                )
        times = arrived[sample.problem]
        times = times[times["metric"] == times["metric"].iloc[0]] if len(times) else times
        if len(times) and (times["cost"] <= np.maximum(EARLY * times["budget"], 1)).all():
            early = f"all runs reach it in the first {EARLY:.0%} of the epochs"
            reasons.append(f"its target tells nobody apart: {early}")
        scores = ranked[sample.problem]["score"].dropna()
        if len(scores) and (scores == 1).all():
            reasons.append("its target tells nobody apart: all end there or beyond, scores are 1")
        if reasons:
            told[sample.problem] = reasons
    return told
