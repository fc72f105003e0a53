"""The summary of trials over seeds: `summary.csv`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.tables.columns import hyperparameters
from bench.tables.headline import COST
from nncore.metrics import LOSS, columns, quantity

# Divergence is told by the loss; of other metrics it is known what they were.
LOSSES = columns([quantity(LOSS)])


def summary_frame(frame: pd.DataFrame, fixed: Collection[str] = ()) -> pd.DataFrame:
    """`summary.csv`: a row per problem and configuration, from the trials' frame.

    Every metric of the last and of the best record has its median over seeds and a 95% interval of
    that median. A diverged trial's losses count as infinite; crashed trials have no metrics and are
    counted, as are those that came down slowly (`above_constant`). Problems in `fixed` have no
    randomness and so no interval. Costs, where trials have them, are summarised as well: crashed
    trials have one, the worst.
    """
    own = hyperparameters(frame)
    rest = [str(c) for c in frame if c not in (*own, "best_epoch")]
    metrics = [c for c in rest if c.startswith(("final_", "best_")) or c == COST]
    keys = ["problem", "optimizer", "rule", "configuration", *own]
    apart = ["phase"] if "phase" in frame else []
    number = frame.groupby(["problem", "configuration", *apart], sort=False).ngroup().to_numpy()
    first = ~pd.Series(number).duplicated().to_numpy()
    out = frame.loc[first, [*keys, *apart]].reset_index(drop=True)
    count = len(out)
    status = frame["status"].to_numpy()
    for column, word in (("seeds", None), ("diverged", "diverged"), ("crashed", "crashed")):
        chosen = number if word is None else number[status == word]
        out[column] = np.bincount(chosen, minlength=count)
    slow = frame["above_constant"].fillna(False).to_numpy(dtype=bool)
    out["above_constant"] = np.bincount(number[slow], minlength=count)
    for column in apart:
        out[column] = out.pop(column)
    deterministic = out["problem"].isin(list(fixed)).to_numpy()
    measured: dict[str, NDArray[np.float64]] = {}
    for metric in metrics:
        values = frame[metric].to_numpy(dtype=float, copy=True)
        if metric.partition("_")[2] in LOSSES:
            values[status == "diverged"] = np.inf
        triple = np.full((3, count), np.nan)
        usable = ((status != "crashed") | (metric == COST)) & ~np.isnan(values)
        for rows, block in _blocks(number[usable], values[usable], count):
            triple[:, rows] = stats.median_interval(block)
        triple[1:, deterministic] = np.nan
        for suffix, ends in zip(("median", "low", "high"), triple, strict=True):
            measured[f"{metric}_{suffix}"] = ends
    return pd.concat([out, pd.DataFrame(measured)], axis=1)


def _blocks(
    number: NDArray[np.int64], values: NDArray[np.float64], count: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Groups of equal size as `(groups, n)` arrays with the groups' numbers."""
    order = np.argsort(number, kind="stable")
    number, values = number[order], values[order]
    sizes = np.bincount(number, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        yield rows, values[starts[rows][:, None] + np.arange(size)]
