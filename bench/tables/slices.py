"""Slices of tables: the rows of a problem; of a search, the best at every rate or pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bench.tables.best import lowest
from bench.tables.headline import MEDIAN


def by_problem(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The rows of every problem, looked for once; none of a problem that has none."""
    parts = frame.groupby("problem", sort=False)
    found = {str(problem): rows for problem, rows in parts}
    return defaultdict(lambda: frame.iloc[:0], found)


def best_by_rate(summary: pd.DataFrame) -> pd.DataFrame:
    """The best configuration of every optimizer at every learning rate, by rate.

    `summary` is that of one problem. `runs` and `lost` count its runs and those of them that
    diverged. `best` marks one rate of each optimizer.
    """
    where = ["optimizer", "learning_rate"]
    chosen = lowest(summary, summary[MEDIAN].to_numpy(dtype=float), where)
    out = summary.iloc[chosen]
    out = out.assign(runs=out["seeds"] - out["crashed"], lost=out["diverged"])
    best = lowest(out, out[MEDIAN].to_numpy(dtype=float), ["optimizer"])
    out = out.assign(best=np.isin(np.arange(len(out)), best))
    return out.sort_values(where, kind="stable")


def best_by_pair(summary: pd.DataFrame, hyperparameter: str) -> pd.DataFrame:
    """The best configuration at every pair of learning rate and `hyperparameter`.

    `summary` is that of one problem and optimizer.
    """
    rows = summary[summary[hyperparameter].notna()]
    where = ["learning_rate", hyperparameter]
    return rows.iloc[lowest(rows, rows[MEDIAN].to_numpy(dtype=float), where)]
