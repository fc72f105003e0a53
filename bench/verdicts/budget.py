"""What tuning buys: the best loss after k configurations have been tried; `budget.csv`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.headline import MEDIAN, Headlines
from bench.verdicts.samples import RESAMPLES, Array, Pacing, stream, unpaced

COLUMNS = ["problem", "optimizer", "configurations", "k"]
COLUMNS += ["median_best", "median_best_low", "median_best_high"]
COLUMNS += ["expected_best", "expected_best_low", "expected_best_high"]
MOST = 300  # configurations whose resamples fit in a second
POINTS = 40


def budget(
    summary: pd.DataFrame,
    fixed: Collection[str] = (),
    headlines: Headlines | None = None,
    pace: Pacing = unpaced,
) -> pd.DataFrame:
    """A row per problem, optimizer and number k of configurations tried, drawn from the sweep.

    A configuration's score is its median headline over seeds. `median_best` of k is the value that
    the best of k random ones beats half of the time, with a 95% interval that holds for
    every k; an end at infinity says that the sweep is too small to tell. `expected_best` is its
    mean (Tang et al. 2020), infinite while all k may diverge; its interval is given up to a tenth
    of the configurations, beyond which it would not hold (docs/statistics.md).
    """
    parts = []
    searches = list(summary.groupby(["problem", "optimizer"], sort=False))
    for (problem, optimizer), rows in pace("searches", searches):
        scores = rows[MEDIAN].to_numpy(dtype=float)
        scores = np.where(np.isnan(scores), np.inf, scores)
        m = len(scores)
        if m < 2:
            continue
        k = points(m)
        columns = dict.fromkeys(COLUMNS[4:], np.full(len(k), np.nan))
        columns["expected_best"] = stats.expected_best(scores, k)
        columns["median_best"], low, high = stats.median_best(scores, counts=k)
        if problem not in fixed:
            columns["median_best_low"], columns["median_best_high"] = low, high
        if problem not in fixed and 10 <= m <= MOST:
            rng = stream("budget", str(problem), str(optimizer))
            ends = stats.expected_best_interval(scores, rng, resamples=RESAMPLES)[1:]
            for name, values in zip(("low", "high"), ends, strict=True):
                columns[f"expected_best_{name}"] = np.where(k <= m / 10, values[k - 1], np.nan)
        if not (headlines or Headlines()).of_search(str(problem)).quantity.lower:
            columns = _turned(columns)
        where = {"problem": problem, "optimizer": optimizer, "configurations": m, "k": k}
        parts.append(pd.DataFrame({**where, **columns}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _turned(columns: Mapping[str, Array]) -> dict[str, Array]:
    """Estimates and intervals of costs as those of values of which more is better."""
    other = {"low": "high", "high": "low"}
    found = {}
    for name in columns:
        stem, _, end = name.rpartition("_")
        found[name] = 0.0 - columns[f"{stem}_{other[end]}" if end in other else name]
    return found


def points(m: int) -> np.ndarray:
    """Numbers from 1 to `m`, all of them when there are few, at equal ratios when many.

    >>> points(5).tolist(), len(points(2000))
    ([1, 2, 3, 4, 5], 40)
    """
    if m <= POINTS:
        return np.arange(1, m + 1)
    exact = np.unique(np.rint(np.geomspace(1, m, POINTS)).astype(int))
    few = np.setdiff1d(np.arange(1, POINTS + 1), exact)[: POINTS - len(exact)]
    return np.union1d(exact, few)
