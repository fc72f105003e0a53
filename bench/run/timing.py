"""Measuring in a worker: what an epoch of each rule takes, as a task that takes a stack.

So a rule that raises, dies or hangs is dealt with as in training, and costs its neighbours nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.run import worker
from nncore.trial import Outcome

if TYPE_CHECKING:
    from bench.plan.trial import Stack
    from bench.store.records import Record

METRIC = "epoch_seconds"


def measure_stack(stack: Stack) -> Sequence[worker.Outcome]:
    """A curve for the rule of each trial in `stack`, all of one problem: seconds, by round."""
    from nncore.stack.timing import epoch_seconds

    names = [trial.configuration.name for trial in stack]
    found = epoch_seconds(stack[0].problem, names, progress=worker.progress)
    rounds = np.arange(found.shape[1])
    return [
        Outcome(
            status="ok",
            reason="",
            diverged_epoch=None,
            improved=None,
            epochs=rounds,
            metrics={METRIC: seconds},
            evaluations=np.zeros_like(rounds),
            constant=None,
            arrivals={},
        )
        for seconds in found
    ]


def measured(record: Record) -> NDArray[np.float64]:
    """The seconds of a record that `measure_stack` left, empty where the rule failed."""
    if METRIC not in record.metrics:
        return np.empty(0)
    curve = np.frombuffer(record.curve).reshape(len(record.metrics), -1)
    return curve[record.metrics.index(METRIC)]
