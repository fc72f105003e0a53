"""The curves of trials as the page holds them: a sheet for trials of one problem and layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bench.page import packing
from bench.page.packing import Blob
from bench.plan.spans import Plan
from bench.store.records import EVALUATIONS
from bench.store.store import CurveChunk, Store
from bench.tables.columns import leading_columns
from bench.tables.records import curve_chunks
from nncore.metrics import Columns
from nncore.rules import rules

MOST = 8_000_000  # values of curves that a page holds; those of the default experiment are 2.5
NUMBERS = ("trial", "optimizer", "configuration", "seed")
BANDS = ("low", "median", "high")


@dataclass
class Points:
    """The packed curves of one problem: blobs are made when all of its sheets are there.

    `sheets` are headers, `updates` says how many updates an epoch has, if any trial tells.
    """

    blob: Blob = field(default_factory=Blob)
    sheets: list[dict[str, Any]] = field(default_factory=list)
    bands: list[dict[str, Any]] = field(default_factory=list)
    updates: float | None = None
    step: float = 0.0

    def text(self) -> str:
        """The blob."""
        header = {"sheets": self.sheets, "bands": self.bands, "updates": self.updates}
        return self.blob.text(header)


def kept(trials: pd.DataFrame, runs: pd.DataFrame, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Of which trials a page has all points: of all; of the best configurations; of none.

    `sizes` are the values of one curve, by problem. The first of these that has room.
    """
    for some in (trials, runs):
        if int(some["problem"].map(sizes).sum()) <= MOST:
            return some
    return runs.iloc[:0]


def packed(store: Store, plan: Plan, metrics: Columns, spoken: Callable[[str], Points]) -> None:
    """Add the curves of `plan` to the points of their problems, `spoken(problem)`."""
    for chunk in curve_chunks(store, plan, metrics, counts=True):
        problems = plan.column(lambda span: span.problem_name, chunk.positions)
        for problem in dict.fromkeys(problems):
            here = np.flatnonzero(problems == problem)
            _sheet(spoken(str(problem)), chunk, here, plan, metrics)


def _sheet(
    points: Points, chunk: CurveChunk, here: np.ndarray, plan: Plan, metrics: Columns
) -> None:
    """One more sheet: the rows `here` of a chunk, which are curves of `plan`."""
    mine = leading_columns(plan, chunk.positions[here])
    codes, optimizers = pd.factorize(mine["optimizer"])
    numbers = mine[["trial", "configuration", "seed"]].assign(optimizer=codes)
    sheet: dict[str, Any] = {
        "optimizers": list(optimizers),
        "epochs": chunk.epochs.tolist(),
        **{n: points.blob.reference(numbers[n].to_numpy(np.float64)) for n in NUMBERS},
    }
    values = {
        name: chunk.values[here, chunk.metrics.index(name)]
        for name in chunk.metrics
        if name in metrics
    }
    sheet["metrics"] = {
        name: packing.curves(points.blob, found, metrics[name])
        for name, found in values.items()
        if not np.isnan(found).all()
    }
    points.step = max(points.step, packing.coarsest(sheet["metrics"]))
    if EVALUATIONS in chunk.metrics:
        counted = chunk.values[here, chunk.metrics.index(EVALUATIONS)]
        patterns, of = np.unique(counted, axis=0, return_inverse=True)
        sheet["evaluations"] = {
            "patterns": patterns.astype(int).tolist(),
            "of": points.blob.reference(of.reshape(-1).astype(np.float64)),
        }
        points.updates = points.updates or _updates(
            plan, chunk.positions[here], chunk.epochs, counted
        )
    points.sheets.append(sheet)


def _updates(
    plan: Plan, positions: np.ndarray, epochs: np.ndarray, counted: np.ndarray
) -> float | None:
    """How many updates an epoch has: as many as gradients are evaluated by a rule without a search.

    None where no trial has such a rule, free of wrappers.
    """
    later = np.flatnonzero(epochs > 0)
    numbers = plan.span_numbers(positions)
    for place in np.flatnonzero(np.diff(numbers, prepend=-1)):
        some = plan.spans[numbers[place]].configuration
        plain = some.rule in rules and not rules[some.rule].evaluates
        if plain and "wrap" not in some.modifiers and len(later):
            return float(counted[place, later[0]] / epochs[later[0]])
    return None


def banded(points: Points, bands: pd.DataFrame, metrics: Columns) -> None:
    """Add the quartiles of best configurations, rows of `Tables.bands` of one problem."""
    for (optimizer, metric), rows in bands.groupby(["optimizer", "metric"], sort=False):
        values = rows[list(BANDS)].to_numpy(dtype=float).T
        how = packing.curves(points.blob, values, metrics[str(metric)])
        points.step = max(points.step, packing.coarsest({"": how}))
        points.bands.append(
            {
                "optimizer": optimizer,
                "metric": metric,
                "seeds": int(rows["seeds"].iloc[0]),
                "epochs": rows["epoch"].tolist(),
                "values": how,
            }
        )
