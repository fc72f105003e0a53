"""A row per trial: what it is and how it ended; `trials.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.manifest import Manifest
from bench.plan.spans import Plan
from bench.store.keys import Keys
from bench.store.records import CONSTANT, EVALUATIONS
from bench.store.store import Store
from bench.tables.columns import leading_columns
from bench.tables.records import (
    At,
    arrivals,
    best_records,
    curve_chunks,
    evaluations,
    unwatched,
)
from nncore.metrics import TRAIN_LOSS
from nncore.trial import runaway

PIECE = 50_000  # rows that have their keys' texts at once


def hyperparameter_columns(plan: Plan, positions: NDArray[np.int64]) -> pd.DataFrame:
    """A row per trial at `positions` `(n,)`, a column per hyperparameter.

    Empty where a rule does not have it. The learning rate comes first, then `decay` and `momentum`,
    the rest by name; schedules and
    clipping only where some trial uses them.
    """
    rows: dict[int, dict[str, Any]] = {}
    for number in np.unique(plan.span_numbers(positions)).tolist():
        span = plan.spans[number]
        if span.configuration_index not in rows:
            rows[span.configuration_index] = span.configuration.columns
    first = ["learning_rate", "decay", "momentum"]
    names = sorted({name for row in rows.values() for name in row})
    names.sort(key=lambda name: first.index(name) if name in first else len(first))
    distinct = pd.DataFrame(list(rows.values()), columns=names)
    place = {number: i for i, number in enumerate(rows)}
    # Where there is no trial of a configuration, nobody asks for its place.
    places = plan.column(lambda s: place.get(s.configuration_index, 0), positions, np.intp)
    return distinct.take(places).reset_index(drop=True)


def trials_frame(
    store: Store, manifest: Manifest, at: At = unwatched, *, keys: bool = True
) -> pd.DataFrame:
    """`trials.csv`: a row per stored trial, in the order of the spec.

    `above_constant` says of a run that did not diverge whether it ends above twice the constant
    predictor's training loss: it came down, but slowly. `gradient_evaluations` counts how often a
    trial evaluated a batch. `final_*` are the metrics of the last record, `best_*` those of the
    record `best_epoch`, the one with the lowest validation loss (training loss where the problem
    has no validation part): the test part never takes part in a choice. `time_to_*` are the epochs
    after which the targets of their problem were first reached, infinite where they never were.
    Where configurations are tuned on seeds of their own, `phase` says what a trial is for. `at` is
    told how many trials are done. Without `keys` their texts, a third of it all, are left out.
    """
    plan, known = manifest.plan, manifest.columns
    found = store.trials(plan.keys)
    mine = found.positions
    ending = pd.DataFrame(
        {
            "status": pd.Series(found.status, dtype=str),
            "diverged_epoch": pd.array(found.diverged_epoch, dtype="Int64"),
            "improved": pd.array(found.improved, dtype="boolean"),
            "above_constant": pd.array([None] * len(mine), dtype="boolean"),
        }
    )
    if manifest.tuning is not None:
        ending["phase"] = pd.Series(manifest.phase_of_all()[mine], dtype=str)
    row_of = np.full(len(plan), -1)
    row_of[found.positions] = np.arange(len(mine))
    # The training loss has its columns even where every trial crashed.
    values: dict[str, NDArray[np.float64]] = {
        f"{kind}_{TRAIN_LOSS}": np.full(len(mine), np.nan) for kind in ("final", "best")
    }
    aimed = {column for targets in manifest.targets.values() for column in targets}
    times = {column: np.full(len(mine), np.nan) for column in known if column in aimed}
    best_epoch = np.full(len(mine), -1, dtype=np.int64)
    counted = pd.array([pd.NA] * len(mine), dtype="Int64")
    for chunk in curve_chunks(store, plan, known, counts=True, at=at):
        rows, records = row_of[chunk.positions], np.arange(len(chunk.positions))
        best = best_records(chunk)
        best_epoch[rows] = chunk.epochs[best]
        counted[rows] = evaluations(chunk)[len(chunk.epochs) - 1 :: len(chunk.epochs)]
        if CONSTANT in chunk.numbers:
            last = chunk.values[:, chunk.metrics.index(TRAIN_LOSS), -1]
            above = last > runaway(chunk.numbers[CONSTANT])
            ending.loc[rows, "above_constant"] = above & (ending["status"] == "ok")[rows]
        for name, epochs in times.items():
            epochs[rows] = arrivals(chunk, plan, name, manifest.targets)
        for m, metric in enumerate(chunk.metrics):
            for kind, record in (("final", -1), ("best", best)):
                column = values.setdefault(f"{kind}_{metric}", np.full(len(mine), np.nan))
                column[rows] = chunk.values[records, m, record]
    ending[EVALUATIONS] = counted
    finals = [f"final_{m}" for m in known if f"final_{m}" in values]
    bests = [f"best_{m}" for m in known if f"best_{m}" in values]
    metrics = pd.DataFrame({name: values[name] for name in finals}, copy=False)
    metrics["best_epoch"] = pd.array(best_epoch, dtype="Int64")
    metrics.loc[best_epoch < 0, "best_epoch"] = pd.NA
    others = {name: values[name] for name in bests}
    others |= {f"time_to_{name}": epochs for name, epochs in times.items()}
    metrics = pd.concat([metrics, pd.DataFrame(others, copy=False)], axis=1)
    closing = pd.DataFrame(
        {
            "reason": pd.Series(found.reason, dtype=str),
            **({"key": pd.Series(Keys(plan.keys.digests[mine]), dtype=str)} if keys else {}),
            "train_seconds": found.train_seconds,
        }
    )
    own = hyperparameter_columns(plan, mine)
    return pd.concat([leading_columns(plan, mine), own, ending, metrics, closing], axis=1)


def with_keys(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Rows of trials of `plan`, in its order and without their keys, with them."""
    whole = frame.copy()
    keys = pd.Series(plan.only(frame["trial"]).keys, frame.index, dtype=str)
    whole.insert(list(frame).index("train_seconds"), "key", keys)
    return whole


def pieces(frame: pd.DataFrame, plan: Plan, rows: int = PIECE) -> Iterator[pd.DataFrame]:
    """The rows of `trials_frame` without keys piece by piece, with them; one piece at least."""
    for start in range(0, max(len(frame), 1), rows):
        yield with_keys(frame.iloc[start : start + rows], plan)
