"""Bands of training curves: quartiles over seeds, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.tables.curves import Block, blocks
from nncore.metrics import BUILT_IN_COLUMNS, TRAIN_LOSS, Columns

Array = NDArray[np.float64]
CURVE_BANDS = ["problem", "optimizer", "metric", "epoch", "seeds", "diverged"]
CURVE_BANDS += ["low", "median", "high"]


def curve_bands(
    trials: pd.DataFrame, curves: pd.DataFrame, metrics: Columns = BUILT_IN_COLUMNS
) -> pd.DataFrame:
    """Quartiles over seeds of every metric, by problem, optimizer and epoch.

    `trials` has one configuration per problem and optimizer; `curves` may hold more trials. Columns
    `problem, optimizer, metric, epoch, seeds, diverged, low, median, high`; `diverged` counts the
    runs that had diverged by that epoch; a value that is missing counts as the worst of its metric.
    """
    diverged = trials[trials["status"] == "diverged"]
    ended = {
        where: part.to_numpy(dtype=float)
        for where, part in diverged.groupby(["problem", "optimizer"])["diverged_epoch"]
    }
    parts = []
    for block in blocks(trials, curves):
        epochs = ended.get((block.problem, block.optimizer), np.empty(0))
        lost = (epochs[:, None] <= block.epochs).sum(axis=0)
        lost[-1:] = len(epochs)
        for name, samples in _applicable(block, metrics):
            low, median, high = (stats.quantile(samples, q) for q in (0.25, 0.5, 0.75))
            parts.append(
                pd.DataFrame(
                    {
                        "problem": block.problem,
                        "optimizer": block.optimizer,
                        "metric": name,
                        "epoch": block.epochs,
                        "seeds": len(block.seeds),
                        "diverged": lost,
                        "low": low,
                        "median": median,
                        "high": high,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CURVE_BANDS)


def _applicable(block: Block, metrics: Columns) -> Iterator[tuple[str, Array]]:
    """Metrics that the problem has: name and values `(records, seeds)` without NaN."""
    for name, values in block.metrics.items():
        missing = np.isnan(values)
        if name == TRAIN_LOSS or not missing.all():
            yield name, np.where(missing, metrics[name].worst, values).T
