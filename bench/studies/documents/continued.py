"""Document 003's own training cells, beyond the last line that the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.studies.documents.keep import Arrays
from bench.studies.documents.reruns import RUNS

EVERY = 100


def continued(run: Mapping[str, Any], epochs: int) -> Arrays:
    """`epoch`, `loss` and `accuracy` of a cell's `run` every 100 epochs, in its own arithmetic.

    From the cell's place in the seeded stream, on every machine the same: its first lines are the
    page's.
    """
    places = range(0, epochs, EVERY)
    whole = {**run, "formats": {"loss": "", "accuracy": "", "learning_rate": ""}}
    lines = RUNS["spiral"](whole, [f"epoch {epoch}" for epoch in places])
    return {
        "epoch": np.array(places),
        "loss": np.array([float(line["loss"]) for line in lines]),
        "accuracy": np.array([float(line["accuracy"]) for line in lines]),
    }
