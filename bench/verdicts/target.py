"""How long it takes to reach the target; runs that never do are censored; `time_to_target.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.records import Targets

COSTS = ["problem", "optimizer", "metric", "target", "budget", "seed", "cost"]
COLUMNS = ["problem", "optimizer", "metric", "target", "budget", "seeds", "reached"]
COLUMNS += [f"{name}{end}" for name in ("share", "median") for end in ("", "_low", "_high")]
STAIRS = ["problem", "optimizer", "metric", "epoch", "share", "low", "high"]


def costs(judged: pd.DataFrame, bands: pd.DataFrame, targets: Targets) -> pd.DataFrame:
    """The epoch after which each trial of `judged` first reached each of its problem's targets.

    Infinity: not within the budget, the last epoch of its problem in `bands`. A run that reaches
    the target and diverges later has reached it, a crashed one has not. Optimizers of which every
    trial crashed have no row, nor have trials of which nobody has kept when they arrived.
    """
    budget = bands.groupby("problem")["epoch"].max().astype(float)
    parts = []
    for (problem, optimizer), runs in judged.groupby(["problem", "optimizer"], sort=False):
        for metric, value in targets.get(str(problem), {}).items():
            if (column := f"time_to_{metric}") not in runs:
                continue
            crashed = runs["status"] == "crashed"
            if crashed.all():
                continue
            runs = runs.assign(**{column: runs[column].mask(crashed, np.inf)})
            known = runs[runs[column].notna()].sort_values("trial", kind="stable")
            parts.append(
                pd.DataFrame(
                    {
                        "problem": problem,
                        "optimizer": optimizer,
                        "metric": metric,
                        "target": value,
                        "budget": budget.get(problem, np.nan),
                        "seed": known["seed"].to_numpy(),
                        "cost": known[column].to_numpy(dtype=float),
                    }
                )
            )
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COSTS)


def times(found: pd.DataFrame, fixed: frozenset[str]) -> pd.DataFrame:
    """A row per problem, optimizer and target: the share that reached it, and the median time.

    The median is Kaplan and Meier's, infinite where half of the runs never got there; intervals at
    95%, none for problems in `fixed`.
    """
    rows: list[dict[str, Any]] = []
    for where, part in _groups(found):
        cost, budget = part["cost"].to_numpy(dtype=float), float(part["budget"].iloc[0])
        n, reached = len(cost), int(np.isfinite(cost).sum())
        middle, low, high = stats.kaplan_meier(cost, budget).quantile()
        row = {
            **where,
            "target": part["target"].iloc[0],
            "budget": budget,
            "seeds": n,
            "reached": reached,
            "share": reached / n,
            "median": middle,
        }
        if where["problem"] not in fixed:
            share = stats.share_interval(reached, n)
            row |= {"share_low": float(share[0]), "share_high": float(share[1])}
            row |= {"median_low": low, "median_high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def staircases(found: pd.DataFrame) -> pd.DataFrame:
    """Kaplan and Meier's share that has reached the target by each epoch, with its interval."""
    parts = []
    for where, part in _groups(found):
        cost, budget = part["cost"].to_numpy(dtype=float), float(part["budget"].iloc[0])
        stairs = stats.kaplan_meier(cost, budget)
        steps = {"epoch": stairs.times, "share": stairs.share}
        parts.append(pd.DataFrame({**where, **steps, "low": stairs.low, "high": stairs.high}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=STAIRS)


def _groups(found: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    for where, part in found.groupby(["problem", "optimizer", "metric"], sort=False):
        names = ("problem", "optimizer", "metric")
        yield dict(zip(names, map(str, where), strict=True)), part
