"""The metrics of trials at their recorded epochs: `curves.csv`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from bench.plan.trials import Trial
from bench.store.store import Store
from bench.tables.columns import METRICS, leading_columns

LEADING = ["trial", "problem", "optimizer", "configuration", "seed"]


def curve_frames(store: Store, trials: Sequence[Trial]) -> Iterator[pd.DataFrame]:
    """`curves.csv` piece by piece: `LEADING`, `epoch` and every metric that occurs.

    In the order of `trials`; at least one piece, empty where nothing is stored.
    """
    keys = [trial.key for trial in trials]
    seen = store.metrics(keys)
    names = [name for name in METRICS if name in seen]
    if not names:
        yield pd.DataFrame(columns=[*LEADING, "epoch"])
    for chunk in store.curves(keys):
        records, count = len(chunk.epochs), len(chunk.positions)
        leading = leading_columns([trials[i] for i in chunk.positions])[LEADING]
        columns = {"epoch": np.tile(chunk.epochs, count)}
        empty = np.full(records * count, np.nan)
        for name in names:
            present = name in chunk.metrics
            m = chunk.metrics.index(name) if present else 0
            columns[name] = chunk.values[:, m].reshape(-1) if present else empty
        repeated = leading.take(np.repeat(np.arange(count), records)).reset_index(drop=True)
        yield pd.concat([repeated, pd.DataFrame(columns)], axis=1)


def curves_frame(store: Store, trials: Sequence[Trial]) -> pd.DataFrame:
    """`curves.csv` whole."""
    return pd.concat(curve_frames(store, trials), ignore_index=True)
