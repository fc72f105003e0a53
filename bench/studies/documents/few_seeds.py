"""Curves of a few seeds beside what the documents print that ran without one."""

from __future__ import annotations

import numpy as np

from bench.studies.documents import log_linear, runs
from bench.studies.documents.printed import Trace
from bench.studies.documents.runs import Array
from nncore.stack.training import train

SEEDS = 40
EVERY = 20  # epochs between two of document 004's per-sample losses as printed
SPECS = {
    "blobs": "000_blobs",
    "people": "001_people",
    "full_batch": "004_as_printed",
    "per_sample": "004_log_linear",
}


def curves(trace: Trace) -> tuple[Array, Array]:
    """Of the first `SEEDS` seeds, trained as the page does: its epochs `(E,)`, and values `(S, E)`.

    Losses are in the page's scale, infinite where a run is not finite.
    """
    experiment = runs.experiment(SPECS[trace.problem])
    [problem] = [p.problem for p in experiment.problems if p.name == trace.problem]
    [configuration] = experiment.optimizers[0].configurations
    first = experiment.seeds[:SEEDS]
    if trace.problem == "per_sample":
        epochs = tuple(range(0, int(trace.epochs[-1]) + 1, EVERY))
        found = log_linear.last_samples(problem, configuration, first, epochs)
        return np.array(epochs, dtype=float), found.printed
    outcomes = train(problem, [configuration] * len(first), first, names=[])
    moved = outcomes[0].epochs - int(trace.records[0] - trace.epochs[0])
    values = trace.scale * np.array([outcome.metrics[trace.metric] for outcome in outcomes])
    shown = (moved >= 0) & (moved <= trace.epochs[-1])
    return moved[shown].astype(float), values[:, shown]
