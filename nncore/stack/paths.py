"""Where a trial goes, parameter by parameter: for figures of trajectories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.stack.training import Training
from nncore.trial import Configuration, Problem


def path(
    problem: Problem, configuration: Configuration, seed: int, *, epochs: int | None = None
) -> NDArray[Any]:
    """Parameters `(epochs + 1, P)` after every epoch, those that metrics belong to.

    Of the first `epochs`, by default all. On a test function they are its points. Infinite from
    where the trial is not finite.
    """
    epochs = problem.epochs if epochs is None else min(epochs, problem.epochs)
    with np.errstate(all="ignore"):
        training = Training(problem, [configuration], [seed])
        points = np.full((epochs + 1, training.w.shape[1]), np.inf, training.w.dtype)
        points[0] = training.w[0]
        for epoch in range(1, epochs + 1):
            training.epoch()
            if not np.isfinite(training.updates.evaluated[0]).all():
                break
            points[epoch] = training.updates.evaluated[0]
    return points
