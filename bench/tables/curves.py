"""The metrics of trials at their recorded epochs: `curves.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.store.records import EVALUATIONS
from bench.store.store import CurveChunk, Store
from bench.tables.columns import leading_columns
from bench.tables.records import curve_chunks, evaluations, metric_columns
from nncore.metrics import BUILT_IN_COLUMNS, Columns

LEADING = ["trial", "problem", "optimizer", "configuration", "seed"]


def no_rows(names: Sequence[str]) -> pd.DataFrame:
    """`curves.csv` where nothing is stored, with the columns of the metrics `names`."""
    return pd.DataFrame(columns=[*LEADING, "epoch", EVALUATIONS, *names])


def curve_rows(chunk: CurveChunk, plan: Plan, names: Sequence[str]) -> pd.DataFrame:
    """The rows of some curves: `LEADING`, `epoch`, evaluations, the metrics `names`.

    Those that are not among theirs are empty. `plan` has the trials that their positions are of.
    """
    records, count = len(chunk.epochs), len(chunk.positions)
    leading = leading_columns(plan, chunk.positions)[LEADING]
    columns: dict[str, Any] = {
        "epoch": np.tile(chunk.epochs, count),
        EVALUATIONS: evaluations(chunk),
    }
    empty = np.full(records * count, np.nan)
    for name in names:
        present = name in chunk.metrics
        m = chunk.metrics.index(name) if present else 0
        columns[name] = chunk.values[:, m].reshape(-1) if present else empty
    repeated = leading.take(np.repeat(np.arange(count), records)).reset_index(drop=True)
    return pd.concat([repeated, pd.DataFrame(columns)], axis=1)


def curves_frame(
    store: Store, trials: Sequence[Trial], metrics: Columns = BUILT_IN_COLUMNS
) -> pd.DataFrame:
    """`curves.csv` whole, in the order of `trials`, with those of `metrics` that occur."""
    plan = Plan.of(trials)
    names = metric_columns(store, plan, metrics)
    chunks = curve_chunks(store, plan, metrics, counts=True)
    found = [curve_rows(chunk, plan, names) for chunk in chunks]
    return pd.concat(found or [no_rows(names)], ignore_index=True)
