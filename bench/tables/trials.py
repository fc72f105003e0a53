"""A row per trial: what it is and how it ended; `trials.csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.manifest import Manifest
from bench.plan.spans import Plan, Span
from bench.store.keys import Keys
from bench.store.records import CONSTANT, EVALUATIONS
from bench.store.store import CurveChunk, Store
from bench.tables.columns import leading_columns
from bench.tables.records import (
    At,
    arrivals,
    best_records,
    curve_chunks,
    evaluations,
    metric_columns,
    unwatched,
)
from nncore.metrics import TRAIN_LOSS
from nncore.trial import runaway

PIECE = 50_000  # rows at once
See = Callable[[CurveChunk, Plan], None]


class Hyperparameters:
    """Those of the configurations of some spans as columns.

    Empty where a rule does not have one. The learning rate comes first, then `decay` and
    `momentum`, the rest by name; schedules and clipping only where some configuration uses them.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        rows = {span.configuration_index: span.configuration for span in spans}
        first = ["learning_rate", "decay", "momentum"]
        values = [configuration.columns for configuration in rows.values()]
        names = sorted({name for row in values for name in row})
        names.sort(key=lambda name: first.index(name) if name in first else len(first))
        self._place = {number: i for i, number in enumerate(rows)}
        self._distinct = pd.DataFrame(values, columns=names)

    def rows(self, plan: Plan, positions: NDArray[np.int64]) -> pd.DataFrame:
        """A row for each trial at `positions` `(n,)` of `plan`, of these configurations."""
        # Where there is no trial of a configuration, nobody asks for its place.
        place = plan.column(lambda s: self._place.get(s.configuration_index, 0), positions, np.intp)
        return self._distinct.take(place).reset_index(drop=True)


class TrialRows:
    """How the stored trials of an experiment become rows of `trials.csv`, some at a time.

    `above_constant` says of a run that did not diverge whether it ends above twice the constant
    predictor's training loss: it came down, but slowly. `gradient_evaluations` counts how often a
    trial evaluated a batch. `final_*` are the metrics of the last record, `best_*` those of the
    record `best_epoch`, the one with the lowest validation loss (training loss where the problem
    has no validation part): the test part never takes part in a choice. `time_to_*` are the epochs
    after which the targets of their problem were first reached, infinite where they never were.
    Where configurations are tuned on seeds of their own, `phase` says what a trial is for. All
    rows have the same columns, whichever are asked for.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self._store, self._manifest, self._plan = store, manifest, manifest.plan
        stored, ran = np.zeros((2, len(self._plan.spans)), dtype=bool)
        for _, positions, statuses in store.endings(self._plan.keys):
            numbers = self._plan.span_numbers(positions)
            stored[numbers] = True
            ran[numbers[statuses != "crashed"]] = True
        self._ran = [self._plan.spans[number] for number in np.flatnonzero(ran)]
        self._own = Hyperparameters(self._plan.spans[number] for number in np.flatnonzero(stored))
        # The training loss has its columns even where every trial crashed.
        there = {TRAIN_LOSS, *metric_columns(store, self._plan, manifest.columns)}
        self._metrics = [name for name in manifest.columns if name in there]
        aimed = {column for targets in manifest.targets.values() for column in targets}
        self._aimed = [name for name in manifest.columns if name in aimed]

    @property
    def alive(self) -> set[tuple[str, int]]:
        """The problems and configurations of which some trial has not crashed."""
        return {(span.problem_name, span.configuration_index) for span in self._ran}

    def pieces(
        self, at: At = unwatched, *, see: See | None = None, least: int = PIECE
    ) -> Iterator[pd.DataFrame]:
        """All rows in the order of the plan, with keys; at least one piece, which may be empty.

        Every piece has whole configurations, in each phase, and some more than `least` trials.
        `see` is shown the curves that it was made of, with the plan that their positions are of;
        `at` is told how many trials are done.
        """
        done, count = 0, len(self._plan)
        for part in self._plan.parts(least, self._manifest.phases):

            def further(read: int, _: int, before: int = done) -> None:
                at(before + read, count)

            yield self.rows(part, see=see, at=further)
            done += len(part)

    def rows(
        self, plan: Plan, *, see: See | None = None, at: At = unwatched, keys: bool = True
    ) -> pd.DataFrame:
        """The rows of those trials of `plan`, all of the experiment, that are stored, in its order.

        Without `keys` their texts, a third of it all, are left out.
        """
        found = self._store.trials(plan.keys)
        mine = found.positions
        ending = pd.DataFrame(
            {
                "status": pd.Series(found.status, dtype=str),
                "diverged_epoch": pd.array(found.diverged_epoch, dtype="Int64"),
                "improved": pd.array(found.improved, dtype="boolean"),
                "above_constant": pd.array([None] * len(mine), dtype="boolean"),
            }
        )
        if self._manifest.tuning is not None:
            ending["phase"] = pd.Series(self._manifest.phase_of_all(plan)[mine], dtype=str)
        row_of = np.full(len(plan), -1)
        row_of[mine] = np.arange(len(mine))
        finals = {f"final_{name}": np.full(len(mine), np.nan) for name in self._metrics}
        bests = {f"best_{name}": np.full(len(mine), np.nan) for name in self._metrics}
        times = {f"time_to_{name}": np.full(len(mine), np.nan) for name in self._aimed}
        best_epoch = np.full(len(mine), -1, dtype=np.int64)
        counted = pd.array([pd.NA] * len(mine), dtype="Int64")
        known, targets = self._manifest.columns, self._manifest.targets
        for chunk in curve_chunks(self._store, plan, known, counts=True, at=at):
            rows, records = row_of[chunk.positions], np.arange(len(chunk.positions))
            best = best_records(chunk)
            best_epoch[rows] = chunk.epochs[best]
            counted[rows] = evaluations(chunk)[len(chunk.epochs) - 1 :: len(chunk.epochs)]
            if CONSTANT in chunk.numbers:
                last = chunk.values[:, chunk.metrics.index(TRAIN_LOSS), -1]
                above = last > runaway(chunk.numbers[CONSTANT])
                ending.loc[rows, "above_constant"] = above & (ending["status"] == "ok")[rows]
            for name in self._aimed:
                times[f"time_to_{name}"][rows] = arrivals(chunk, plan, name, targets)
            for m, name in enumerate(chunk.metrics):
                if name != EVALUATIONS:
                    finals[f"final_{name}"][rows] = chunk.values[:, m, -1]
                    bests[f"best_{name}"][rows] = chunk.values[records, m, best]
            if see is not None:
                see(chunk, plan)
        ending[EVALUATIONS] = counted
        metrics = pd.DataFrame(finals, copy=False)
        metrics["best_epoch"] = pd.array(best_epoch, dtype="Int64")
        metrics.loc[best_epoch < 0, "best_epoch"] = pd.NA
        metrics = pd.concat([metrics, pd.DataFrame(bests | times, copy=False)], axis=1)
        closing = pd.DataFrame(
            {
                "reason": pd.Series(found.reason, dtype=str),
                **({"key": pd.Series(Keys(plan.keys.digests[mine]), dtype=str)} if keys else {}),
                "train_seconds": found.train_seconds,
            }
        )
        leading = leading_columns(plan, mine)
        return pd.concat([leading, self._own.rows(plan, mine), ending, metrics, closing], axis=1)


def trials_frame(store: Store, manifest: Manifest) -> pd.DataFrame:
    """`trials.csv` whole: a row per stored trial, in the order of the spec."""
    return TrialRows(store, manifest).rows(manifest.plan)
