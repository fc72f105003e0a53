"""The store's content as tidy pandas frames: trials, curves, summary."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.plan.trials import Trial
from bench.store.store import Store
from bench.tables.columns import hyperparameters
from bench.tables.records import best_records, curve_chunks, metric_columns
from nncore.metrics import BUILT_IN_COLUMNS, LOSS, TRAIN_LOSS, Columns, columns, quantity

# Divergence is told by the loss; of other metrics it is known what they were.
LOSSES = columns([quantity(LOSS)])


def hyperparameter_columns(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row per trial, a column per hyperparameter; empty where a rule does not have it.

    The learning rate comes first, then `decay` and `momentum`, the rest by name; schedules and
    clipping only where some trial uses them.
    """
    rows: dict[int, dict[str, Any]] = {}
    for trial in trials:
        configuration = trial.configuration
        if id(configuration) in rows:
            continue
        row: dict[str, Any] = dict(configuration.hyperparameters)
        for name, value in (configuration.schedule or {}).items():
            row["schedule" if name == "name" else f"schedule.{name}"] = value
        for name in ("clip_norm", "clip_value"):
            if getattr(configuration, name) is not None:
                row[name] = getattr(configuration, name)
        rows[id(configuration)] = row
    first = ["learning_rate", "decay", "momentum"]
    names = sorted({name for row in rows.values() for name in row})
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    distinct = pd.DataFrame(list(rows.values()), columns=names)
    place = {key: i for i, key in enumerate(rows)}
    return distinct.iloc[[place[id(trial.configuration)] for trial in trials]].reset_index(
        drop=True
    )


def trials_frame(
    store: Store, trials: Sequence[Trial], metrics: Columns = BUILT_IN_COLUMNS
) -> pd.DataFrame:
    """`trials.csv`: a row per stored trial, in the order of the spec.

    `final_*` are the metrics of the last record, `best_*` those of the record `best_epoch`, the one
    with the lowest validation loss (training loss where the problem has no validation part): the
    test part never takes part in a choice.
    """
    found = store.trials([trial.key for trial in trials])
    mine = [trials[i] for i in found.positions]
    leading = pd.DataFrame(
        {
            "trial": [t.index for t in mine],
            "problem": pd.Series([t.problem_name for t in mine], dtype=str),
            "optimizer": pd.Series([t.optimizer for t in mine], dtype=str),
            "rule": pd.Series([t.configuration.rule for t in mine], dtype=str),
            "seed": [t.seed for t in mine],
        }
    )
    ending = pd.DataFrame(
        {
            "status": pd.Series(found.status, dtype=str),
            "diverged_epoch": pd.array(found.diverged_epoch, dtype="Int64"),
            "improved": pd.array(found.improved, dtype="boolean"),
        }
    )
    row_of = np.full(len(trials), -1)
    row_of[found.positions] = np.arange(len(mine))
    # The training loss has its columns even where every trial crashed.
    values: dict[str, NDArray[np.float64]] = {
        f"{kind}_{TRAIN_LOSS}": np.full(len(mine), np.nan) for kind in ("final", "best")
    }
    best_epoch = np.full(len(mine), -1, dtype=np.int64)
    for chunk in curve_chunks(store, trials, metrics):
        rows, records = row_of[chunk.positions], np.arange(len(chunk.positions))
        best = best_records(chunk)
        best_epoch[rows] = chunk.epochs[best]
        for m, metric in enumerate(chunk.metrics):
            for kind, record in (("final", -1), ("best", best)):
                column = values.setdefault(f"{kind}_{metric}", np.full(len(mine), np.nan))
                column[rows] = chunk.values[records, m, record]
    finals = [f"final_{m}" for m in metrics if f"final_{m}" in values]
    bests = [f"best_{m}" for m in metrics if f"best_{m}" in values]
    measured = pd.DataFrame({name: values[name] for name in finals})
    measured["best_epoch"] = pd.array(best_epoch, dtype="Int64")
    measured.loc[best_epoch < 0, "best_epoch"] = pd.NA
    measured = pd.concat([measured, pd.DataFrame({name: values[name] for name in bests})], axis=1)
    closing = pd.DataFrame(
        {
            "reason": pd.Series(found.reason, dtype=str),
            "key": pd.Series([t.key for t in mine], dtype=str),
            "train_seconds": found.train_seconds,
        }
    )
    return pd.concat([leading, hyperparameter_columns(mine), ending, measured, closing], axis=1)


def curve_frames(
    store: Store, trials: Sequence[Trial], metrics: Columns = BUILT_IN_COLUMNS
) -> Iterator[pd.DataFrame]:
    """`curves.csv` piece by piece: `trial, epoch` and every metric that occurs."""
    names = metric_columns(store, trials, metrics)
    for chunk in curve_chunks(store, trials, metrics):
        records = len(chunk.epochs)
        index = np.array([trials[i].index for i in chunk.positions])
        columns = {"trial": np.repeat(index, records), "epoch": np.tile(chunk.epochs, len(index))}
        empty = np.full(records * len(index), np.nan)
        for name in names:
            present = name in chunk.metrics
            m = chunk.metrics.index(name) if present else 0
            columns[name] = chunk.values[:, m].reshape(-1) if present else empty
        yield pd.DataFrame(columns)
    if not names:
        yield pd.DataFrame(columns=["trial", "epoch"])


def curves_frame(
    store: Store, trials: Sequence[Trial], metrics: Columns = BUILT_IN_COLUMNS
) -> pd.DataFrame:
    """`curves.csv` whole."""
    frames = list(curve_frames(store, trials, metrics))
    names = ["trial", "epoch", *metric_columns(store, trials, metrics)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)


def summary_frame(frame: pd.DataFrame, fixed: Collection[str] = ()) -> pd.DataFrame:
    """`summary.csv`: a row per problem and configuration, from the trials' frame.

    Every metric of the last and of the best record has its median over seeds and a 95% interval of
    that median. A diverged trial's losses count as infinite; crashed trials have no metrics and are
    counted. Problems in `fixed` have no randomness and so no interval.
    """
    names = hyperparameters(frame)
    metrics = [
        c
        for c in map(str, frame.columns.drop(names))
        if c.startswith(("final_", "best_")) and c != "best_epoch"
    ]
    keys = ["problem", "optimizer", "rule", *names]
    apart = ["phase"] if "phase" in frame else []
    groups = frame.groupby([*keys, *apart], sort=False, dropna=False, observed=True)
    number = groups.ngroup().to_numpy()
    out = frame.loc[~pd.Series(number).duplicated().to_numpy(), [*keys, *apart]].reset_index(
        drop=True
    )
    count = len(out)
    status = frame["status"].to_numpy()
    for column, word in (("seeds", None), ("diverged", "diverged"), ("crashed", "crashed")):
        chosen = number if word is None else number[status == word]
        out[column] = np.bincount(chosen, minlength=count)
    for column in apart:
        out[column] = out.pop(column)
    deterministic = out["problem"].isin(list(fixed)).to_numpy()
    columns: dict[str, NDArray[np.float64]] = {}
    for metric in metrics:
        values = frame[metric].to_numpy(dtype=float, copy=True)
        if metric.partition("_")[2] in LOSSES:
            values[status == "diverged"] = np.inf
        triple = np.full((3, count), np.nan)
        usable = (status != "crashed") & ~np.isnan(values)
        for rows, block in _blocks(number[usable], values[usable], count):
            triple[:, rows] = stats.median_interval(block)
        triple[1:, deterministic] = np.nan
        for suffix, ends in zip(("median", "low", "high"), triple, strict=True):
            columns[f"{metric}_{suffix}"] = ends
    return pd.concat([out, pd.DataFrame(columns)], axis=1)


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
