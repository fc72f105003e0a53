"""Bands of training curves: quartiles over seeds, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
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
    wanted = trials[trials["status"] != "crashed"]
    rows = curves[np.isin(curves["trial"].to_numpy(), wanted["trial"].to_numpy())]
    order = np.argsort(rows["trial"].to_numpy(), kind="stable")
    ids = rows["trial"].to_numpy()[order]
    names = [name for name in metrics if name in rows]
    values = rows[names].to_numpy(dtype=float)[order]
    epochs = rows["epoch"].to_numpy()[order]
    parts = []
    for (problem, optimizer), group in wanted.groupby(["problem", "optimizer"], sort=False):
        starts = np.searchsorted(ids, group["trial"].to_numpy(), side="left")
        stops = np.searchsorted(ids, group["trial"].to_numpy(), side="right")
        kept = stops > starts
        if not kept.any():
            continue
        # All trials of a problem have the same records.
        block = np.stack([values[a:b] for a, b in zip(starts[kept], stops[kept], strict=True)])
        epoch = epochs[starts[kept][0] : stops[kept][0]]
        ended = group["diverged_epoch"][group["status"] == "diverged"].to_numpy(dtype=float)
        lost = (ended[:, None] <= epoch).sum(axis=0)
        lost[-1:] = len(ended)
        for name, samples in _applicable(names, block, metrics):
            low, median, high = (stats.quantile(samples, q) for q in (0.25, 0.5, 0.75))
            parts.append(
                pd.DataFrame(
                    {
                        "problem": problem,
                        "optimizer": optimizer,
                        "metric": name,
                        "epoch": epoch,
                        "seeds": len(samples.T),
                        "diverged": lost,
                        "low": low,
                        "median": median,
                        "high": high,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CURVE_BANDS)


def _applicable(names: list[str], block: Array, metrics: Columns) -> Iterator[tuple[str, Array]]:
    """Metrics that the problem has: name and values `(records, seeds)` without NaN.

    `block` is `(seeds, records, metrics)`.
    """
    for m, name in enumerate(names):
        samples = block[:, :, m].T
        if name == TRAIN_LOSS or not np.isnan(samples).all():
            yield name, np.where(np.isnan(samples), metrics[name].worst, samples)
