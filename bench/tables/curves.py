"""The metrics of trials at their recorded epochs: `curves.csv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.store.records import EVALUATIONS
from bench.store.store import Store
from bench.tables.columns import leading_columns
from bench.tables.records import At, curve_chunks, evaluations, metric_columns, unwatched
from nncore.metrics import BUILT_IN_COLUMNS, Columns

Array = NDArray[np.float64]
LEADING = ["trial", "problem", "optimizer", "configuration", "seed"]


def curve_frames(
    store: Store,
    trials: Sequence[Trial],
    metrics: Columns = BUILT_IN_COLUMNS,
    at: At = unwatched,
) -> Iterator[pd.DataFrame]:
    """`curves.csv` piece by piece: `LEADING`, `epoch`, evaluations, those of `metrics` that occur.

    In the order of `trials`; at least one piece, empty where nothing is stored. `at` is told how
    many trials are done.
    """
    plan = Plan.of(trials)
    names = metric_columns(store, plan, metrics)
    if not names:
        yield pd.DataFrame(columns=[*LEADING, "epoch", EVALUATIONS])
    for chunk in curve_chunks(store, plan, metrics, counts=True, at=at):
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
        yield pd.concat([repeated, pd.DataFrame(columns)], axis=1)


def curves_frame(
    store: Store,
    trials: Sequence[Trial],
    metrics: Columns = BUILT_IN_COLUMNS,
    at: At = unwatched,
) -> pd.DataFrame:
    """`curves.csv` whole."""
    return pd.concat(curve_frames(store, trials, metrics, at), ignore_index=True)


@dataclass(frozen=True)
class Block:
    """Curves of one configuration side by side: metrics `(n, R)` of n `seeds` at R `epochs`."""

    problem: str
    optimizer: str
    seeds: NDArray[np.int64]
    epochs: NDArray[np.int64]
    metrics: Mapping[str, Array]


def blocks(runs: pd.DataFrame, curves: pd.DataFrame) -> Iterator[Block]:
    """The curves of `runs`, trials of one configuration per problem and optimizer, in their order.

    `curves` may hold those of more trials. Whoever has none, because all runs crashed, is left out.
    """
    mine = curves[curves["trial"].isin(runs["trial"])]
    where = ["problem", "optimizer"]
    parts = dict(tuple(mine.groupby(where, sort=False)))
    names = [str(name) for name in curves if name not in (*LEADING, "epoch", EVALUATIONS)]
    for problem, optimizer in runs[where].drop_duplicates().itertuples(index=False, name=None):
        if (part := parts.get((problem, optimizer))) is None:
            continue
        part = part.sort_values("trial", kind="stable")
        # All trials of a problem have the same records.
        seeds = part.loc[~part["trial"].duplicated(), "seed"].to_numpy()
        n = len(seeds)
        yield Block(
            str(problem),
            str(optimizer),
            seeds,
            part["epoch"].to_numpy()[: len(part) // n],
            {name: part[name].to_numpy(dtype=float).reshape(n, -1) for name in names},
        )
