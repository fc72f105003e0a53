"""Stored curves as tables read them: the metrics that are asked for, and the best record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.arrays import IntegerArray

from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.store.records import EVALUATIONS
from bench.store.store import CurveChunk, Store
from nncore.metrics import LOSS, TRAIN_LOSS, Columns
from nncore.trial import Target

Array = NDArray[np.float64]
At = Callable[[int, int], None]
Targets = Mapping[str, Mapping[str, float]]


def unwatched(done: int, count: int) -> None:
    """Takes no note of how many of some things are done."""


def curve_chunks(
    store: Store,
    trials: Sequence[Trial],
    metrics: Columns,
    *,
    counts: bool = False,
    at: At = unwatched,
) -> Iterator[CurveChunk]:
    """Stored curves in the order of `trials`, with those of `metrics` that they have.

    Positions are those of `trials`. What another version of a plugin measured is left out. `counts`
    asks for the evaluations, too, where they were counted. `at` is told how many trials are done.
    """
    done = 0
    for chunk in store.curves(Plan.of(trials).keys):
        kept = _kept(chunk.metrics, chunk.asked, metrics)
        if counts and EVALUATIONS in chunk.metrics:
            kept.append(EVALUATIONS)
        places = [chunk.metrics.index(name) for name in kept]
        yield chunk._replace(metrics=tuple(kept), values=chunk.values[:, places])
        done += len(chunk.positions)
        at(done, len(trials))


def metric_columns(store: Store, trials: Sequence[Trial], metrics: Columns) -> list[str]:
    """Those of `metrics` that occur, in their order."""
    layouts = store.layouts(Plan.of(trials).keys)
    seen = {name for it in layouts for name in _kept(it.metrics, it.asked, metrics)}
    return [name for name in metrics if name in seen]


def evaluations(chunk: CurveChunk) -> IntegerArray:
    """How often batches had been evaluated up to each record, one curve after another `(n * R,)`.

    Nothing where it was not counted, in folders from before.
    """
    if EVALUATIONS not in chunk.metrics:
        return pd.array([pd.NA] * (len(chunk.positions) * len(chunk.epochs)), dtype="Int64")
    counted = chunk.values[:, chunk.metrics.index(EVALUATIONS)]
    return pd.array(counted.reshape(-1).astype(np.int64), dtype="Int64")


def _kept(names: Sequence[str], asked: Sequence[str], metrics: Columns) -> list[str]:
    """Which columns of a layout are those of `metrics`, measured by the same code."""
    known = [name for name in names if name in metrics]
    return [n for n in known if not metrics[n].digest or metrics[n].identity in asked]


def arrivals(curves: CurveChunk, plan: Plan, column: str, targets: Targets) -> Array:
    """The epochs `(n,)` after which the trials of `curves` first reached their problem's target.

    `plan` has those that the positions of `curves` are of, `targets` by problem and column.
    Infinite: never; NaN: the problem has no target in that column, or nobody has looked.
    """
    found = np.full(len(curves.positions), np.nan)
    if column not in curves.metrics:
        return found
    names = plan.column(lambda span: span.problem_name, curves.positions)
    for name in set(names) & {name for name, own in targets.items() if column in own}:
        identity = Target(column, targets[name][column]).identity
        if identity in curves.numbers:
            here = names == name
            found[here] = curves.numbers[identity][here]
    return found


def best_records(curves: CurveChunk) -> NDArray[np.integer[Any]]:
    """The places `(n,)` of the lowest validation loss among the records of `n` curves.

    Of the training loss where there is no validation part: the test part never takes part in a
    choice.
    """
    validation = f"validation_{LOSS}"
    judge = validation if validation in curves.metrics else TRAIN_LOSS
    return np.asarray(curves.values[:, curves.metrics.index(judge)].argmin(axis=1))
