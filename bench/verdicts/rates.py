"""How wide the range of good learning rates is, and how often runs diverge at which rate."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.columns import hyperparameters
from bench.tables.headline import final_losses
from bench.tables.slices import best_by_rate
from bench.verdicts.samples import RESAMPLES, stream

WIDTHS = ["problem", "optimizer", "decades", "decades_low", "decades_high", "open_range"]
LOST = ["problem", "optimizer", "learning_rate", "runs", "lost", "share"]


def widths(
    trials: pd.DataFrame, summary: pd.DataFrame, fixed: Collection[str] = ()
) -> pd.DataFrame:
    """Decades of learning rates that come within 10% of the best, a row per search over rates.

    At each rate the other hyperparameters are the best for it. `open_range` says whether the range
    reaches an edge of the grid (`low`, `high`, `both`), so that it may be wider than was tried. The
    interval resamples seeds; 2,000 resamples.
    """
    rows = []
    keys = ["problem", "optimizer", "rule", *hyperparameters(summary)]
    numbered = summary[keys].assign(row=np.arange(len(summary)))
    found = trials[keys].assign(loss=final_losses(trials), seed=trials["seed"])
    found = found.merge(numbered, on=keys, how="inner").dropna(subset="loss")
    groups = dict(tuple(found.groupby("row", sort=False)))
    for problem, part in summary.assign(row=np.arange(len(summary))).groupby("problem", sort=False):
        chosen = best_by_rate(part)
        for optimizer, some in chosen.groupby("optimizer", sort=False):
            places = [row for row in some["row"] if row in groups]
            if len(places) < 3:
                continue
            wide = pd.concat(
                {row: groups[row].set_index("seed")["loss"] for row in places}, axis=1
            ).dropna()
            losses = wide.to_numpy(dtype=float).T
            rates = some.set_index("row").loc[places, "learning_rate"].to_numpy(dtype=float)
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

    Whatever the other hyperparameters; crashed runs do not count.
    """
    ran = trials[trials["status"] != "crashed"]
    where = ["problem", "optimizer", "learning_rate"]
    groups = ran.assign(lost=ran["status"] == "diverged").groupby(where, sort=False)["lost"]
    out = groups.agg(runs="size", lost="sum").reset_index()
    return out.assign(share=out["lost"] / out["runs"])[LOST]
