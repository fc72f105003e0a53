"""How the best configurations went, epoch by epoch over their seeds, in so much memory and no more.

Curves are read, and gone, one configuration after another: what is kept of them is what is shown.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.plan.spans import Plan, Span
from bench.store.records import EVALUATIONS
from bench.store.store import Store
from bench.tables.records import At, curve_chunks, metric_columns, unwatched
from nncore.metrics import BUILT_IN_COLUMNS, TRAIN_LOSS, Columns

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
MEMORY = 32 << 20  # bytes of values at once
WHERE = ["problem", "optimizer"]
CURVE_BANDS = [*WHERE, "metric", "epoch", "seeds", "diverged", "low", "median", "high"]


@dataclass(frozen=True)
class Course:
    """What is shown of the curves of one configuration per problem and optimizer.

    `bands` has quartiles over seeds of every metric, a row per problem, optimizer, metric and
    epoch: `CURVE_BANDS`; `diverged` counts the runs that had diverged by that epoch; a value that
    is missing counts as the worst of its metric. `starts` has the training loss before training
    by problem and seed, `counted` how often a batch had been evaluated by an epoch: the median,
    NaN where nobody counted.
    """

    bands: pd.DataFrame
    starts: pd.DataFrame
    counted: pd.DataFrame

    @classmethod
    def of(cls, parts: Iterable[Course]) -> Course:
        """Those of several configurations below each other."""
        found = list(parts) or [EMPTY]
        each = [[getattr(part, field.name) for part in found] for field in fields(cls)]
        return cls(*(pd.concat(frames, ignore_index=True) for frames in each))


EMPTY = Course(
    pd.DataFrame(columns=CURVE_BANDS),
    pd.DataFrame(columns=["problem", "seed", TRAIN_LOSS]),
    pd.DataFrame(columns=[*WHERE, "epoch", EVALUATIONS]),
)


class Series(NamedTuple):
    """A metric at some records of a configuration's curves: `values` `(records, n)` from `first`.

    `positions` `(n,)` are those of its trials, `epochs` `(R,)` those of all records.
    """

    metric: str
    first: int
    values: Array
    positions: Numbers
    epochs: Numbers


def courses(
    store: Store,
    plan: Plan,
    runs: pd.DataFrame,
    metrics: Columns = BUILT_IN_COLUMNS,
    at: At = unwatched,
    memory: int = MEMORY,
) -> Course:
    """The course of the trials of `plan`, one configuration per problem and optimizer.

    `runs` are their rows. Whoever has no curves, because all runs crashed, is left out. It takes
    three times `memory` bytes, however many there are; `at` is told how many trials are done.
    """
    spans: dict[tuple[str, str], list[Span]] = {}
    for span in plan.spans:
        spans.setdefault((span.problem_name, span.optimizer), []).append(span)
    diverged = runs[runs["status"] == "diverged"].groupby(WHERE)["diverged_epoch"]
    ended = {where: epochs.to_numpy(dtype=float) for where, epochs in diverged}
    parts: list[Course] = []
    done = 0
    for where, some in spans.items():
        own = Plan(some)
        parts += _course(_series(store, own, metrics, memory), own, metrics, ended.get(where))
        done += len(own)
        at(done, len(plan))
    return Course.of(parts)


def _course(
    series: Iterable[Series], plan: Plan, metrics: Columns, ended: Array | None
) -> Iterator[Course]:
    """That of one configuration, some of whose runs `ended` diverged after these epochs."""
    where = {"problem": plan.spans[0].problem_name, "optimizer": plan.spans[0].optimizer}
    bands: dict[str, list[Array]] = {}
    counted: list[Array] = []
    starts, known = EMPTY.starts, {TRAIN_LOSS}
    for metric, first, values, positions, epochs in series:
        missing = np.isnan(values)
        if metric == EVALUATIONS:
            nobody = missing.all(axis=1)
            values[nobody] = 0.0
            counted.append(np.where(nobody, np.nan, np.nanmedian(values, axis=1)))
            continue
        if metric == TRAIN_LOSS and first == 0 == epochs[0]:
            columns = {"seed": plan.seeds[positions], TRAIN_LOSS: values[0].copy()}
            starts = pd.DataFrame({"problem": where["problem"], **columns})
        if not missing.all():
            known.add(metric)
        values[missing] = metrics[metric].worst
        quartiles = np.stack(stats.quantiles(values, (0.25, 0.5, 0.75)))
        bands.setdefault(metric, []).append(quartiles)
    if not bands:
        return
    ended = np.empty(0) if ended is None else ended
    lost = (ended[:, None] <= epochs).sum(axis=0)
    lost[-1:] = len(ended)
    frames = []
    for metric in [name for name in bands if name in known]:
        low, median, high = np.concatenate(bands[metric], axis=1)
        told = {"metric": metric, "epoch": epochs, "seeds": len(positions), "diverged": lost}
        frames.append(pd.DataFrame({**where, **told, "low": low, "median": median, "high": high}))
    evaluated = pd.DataFrame({**where, "epoch": epochs, EVALUATIONS: np.concatenate(counted)})
    yield Course(pd.concat(frames, ignore_index=True), starts, evaluated)


def _series(store: Store, plan: Plan, metrics: Columns, memory: int) -> Iterator[Series]:
    """The curves of the trials of `plan`, all with the same records, in about `memory` bytes.

    Metric by metric, each from its first record to its last; evaluations come after them. In the
    store a trial's records stand side by side; where all are too much at once, they are put down in
    a file without a name, beside the store if that can be written, and read from it as they are
    wanted, some records of all trials.
    """
    names = [*metric_columns(store, plan, metrics), EVALUATIONS]
    positions, epochs = [], np.empty(0, np.int64)
    folder = str(store.path.parent)
    beside = folder if os.access(folder, os.W_OK) else None
    with tempfile.SpooledTemporaryFile(max_size=memory, dir=beside) as file:
        for chunk in curve_chunks(store, plan, metrics, counts=True):
            positions.append(chunk.positions)
            epochs = chunk.epochs
            records = np.full((len(names), len(epochs), len(chunk.positions)), np.nan)
            for name in {*chunk.metrics} & {*names}:
                records[names.index(name)] = chunk.values[:, chunk.metrics.index(name)].T
            file.write(records.tobytes())
        if not positions:
            return
        there = np.concatenate(positions)
        starts = np.cumsum([0, *map(len, positions)]).tolist()
        wide = max(1, memory // (8 * len(there)))
        for number, name in enumerate(names):
            for first in range(0, len(epochs), wide):
                values = np.empty((min(wide, len(epochs) - first), len(there)))
                for start, end in itertools.pairwise(starts):
                    before = start * len(names) + (end - start) * number
                    file.seek(8 * (before * len(epochs) + (end - start) * first))
                    found = np.frombuffer(file.read(8 * (end - start) * len(values)))
                    values[:, start:end] = found.reshape(len(values), -1)
                yield Series(name, first, values, there, epochs)
