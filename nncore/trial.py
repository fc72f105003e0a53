"""What a trial is: a problem, a configuration, a seed; and what it leaves, an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import datasets, initializers

# A final loss so many times the constant predictor's has diverged.
RUNAWAY = 2.0


@dataclass(frozen=True)
class Problem:
    """What is trained, every parameter filled in.

    `dataset` and `initializer` are `{"name": ..., parameters}`; `batch_size` None: the full batch.
    """

    dataset: Mapping[str, Any]
    layers: tuple[str, ...]
    initializer: Mapping[str, Any]
    loss: str
    batch_size: int | None
    shuffle: bool
    epochs: int
    record_every: int
    dtype: str = "float32"


@dataclass(frozen=True)
class Configuration:
    """A rule with one value for every hyperparameter.

    `hyperparameters` holds the rule's own, `learning_rate`, `decay`, and `bias.NAME` where biases
    have a value of their own.
    """

    rule: str
    hyperparameters: Mapping[str, float]
    schedule: Mapping[str, Any] | None = None
    clip_norm: float | None = None
    clip_value: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a trial leaves: how it ended, and its curve.

    `status` is `ok` or `diverged` (whoever runs trials adds `crashed`); `epochs` is `(R,)`, every
    metric of `metrics` too. From the epoch at which a parameter or loss was not finite, losses are
    infinite, accuracy is 0 and R squared minus infinity.
    """

    status: str
    reason: str
    diverged_epoch: int | None
    improved: bool | None
    epochs: NDArray[np.int64]
    metrics: Mapping[str, NDArray[np.float64]]


def recorded_epochs(epochs: int, record_every: int) -> NDArray[np.int64]:
    """The epochs at which metrics are recorded: 0, every `record_every`, and the last.

    >>> recorded_epochs(10, 4).tolist()
    [0, 4, 8, 10]
    """
    every = np.arange(0, epochs + 1, record_every, dtype=np.int64)
    return every if every[-1] == epochs else np.append(every, np.int64(epochs))


def is_random(problem: Problem) -> bool:
    """Whether the seed changes anything: in the data, the initial parameters or the order."""
    return (
        datasets.datasets[problem.dataset["name"]].random
        or initializers.is_random(problem.initializer)
        or problem.shuffle
    )


def runaway(scale: float) -> float:
    """The final loss above which a run has diverged, `RUNAWAY` times what `scale` is.

    An objective may begin below zero, where twice as much would be less.

    >>> runaway(1.5), runaway(-2.0)
    (3.0, 0.0)
    """
    return scale + (RUNAWAY - 1) * abs(scale)
