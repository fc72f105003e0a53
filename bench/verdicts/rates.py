"""How wide the range of good learning rates is, and how often runs diverge at which rate."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.headline import COST
from bench.tables.slices import best_by_rate
from bench.verdicts.samples import RESAMPLES, Pacing, stream, unpaced

WIDTHS = ["problem", "optimizer", "decades", "decades_low", "decades_high", "open_range"]
FEWEST = 3  # rates that have a range
LOST = ["problem", "optimizer", "learning_rate", "runs", "lost", "slow", "share"]


def widths(
    trials: pd.DataFrame,
    summary: pd.DataFrame,
    fixed: Collection[str] = (),
    pace: Pacing = unpaced,
) -> pd.DataFrame:
    """Decades of learning rates that come within 10% of the best, a row per search over rates.

    At each rate the other hyperparameters are the best for it. `open_range` says whether the range
    reaches an edge of the grid (`low`, `high`, `both`), so that it may be wider than was tried. The
    interval resamples seeds; 2,000 resamples.
    """
    rows = []
    # There may be millions: of their columns those that are looked at, of their rows too.
    found = trials[["problem", "configuration", "seed", COST]].dropna(subset=COST)
    by_problem = found.groupby("problem", sort=False).indices
    tried = summary.groupby(["problem", "optimizer"], sort=False)["learning_rate"]
    searched = summary[tried.transform("nunique") >= FEWEST]
    for problem, part in pace("ranges of rates", list(searched.groupby("problem", sort=False))):
        if problem not in by_problem:
            continue
        mine, best = found.iloc[by_problem[problem]], best_by_rate(part)
        seeds = mine["seed"].unique()
        mine = mine[mine["configuration"].isin(best["configuration"])]
        losses_of = mine.pivot(index="configuration", columns="seed", values=COST)
        losses_of = losses_of.reindex(columns=seeds)
        for optimizer, some in best.groupby("optimizer", sort=False):
            some = some[some["configuration"].isin(losses_of.index)]
            if len(some) < FEWEST:
                continue
            losses = losses_of.loc[some["configuration"]].dropna(axis=1).to_numpy(dtype=float)
            rates = some["learning_rate"].to_numpy(dtype=float)
            if not losses.shape[1] or (losses < 0).any():
                continue
            rng = stream("rates", str(problem), str(optimizer))
            seen, low, high = stats.sensitivity_interval(rates, losses, rng, resamples=RESAMPLES)
            if seen is None:
                continue
            interval = problem not in fixed
            edge = {(True, True): "both", (True, False): "low", (False, True): "high"}
            rows.append(
                {
                    "problem": problem,
                    "optimizer": optimizer,
                    "decades": seen.decades,
                    "decades_low": max(0.0, low) if interval else np.nan,
                    "decades_high": high if interval else np.nan,
                    "open_range": edge.get((seen.open_low, seen.open_high), ""),
                }
            )
    return pd.DataFrame(rows, columns=WIDTHS)


def divergence(trials: pd.DataFrame) -> pd.DataFrame:
    """The share of runs that diverged, by problem, optimizer and learning rate.

    Whatever the other hyperparameters; crashed runs do not count. `slow` counts those that came
    down, yet ended above twice the constant predictor's loss.
    """
    where = ["problem", "optimizer", "learning_rate"]
    ran = trials.loc[trials["status"] != "crashed", [*where, "status", "above_constant"]]
    ran = ran.assign(lost=ran["status"] == "diverged", slow=ran["above_constant"].fillna(False))
    groups = ran.groupby(where, sort=False)
    out = groups.agg(runs=("lost", "size"), lost=("lost", "sum"), slow=("slow", "sum"))
    out = out.reset_index()
    return out.assign(share=out["lost"] / out["runs"])[LOST]
