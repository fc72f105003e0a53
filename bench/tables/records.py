"""Which record of a curve is its best."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.store.store import Curves


def best_records(curves: Curves) -> NDArray[np.integer[Any]]:
    """The places `(n,)` of the lowest validation loss among the records of `n` curves.

    Of the training loss where there is no validation part: the test part never takes part in a
    choice.
    """
    judge = "validation_loss" if "validation_loss" in curves.metrics else "train_loss"
    return np.asarray(curves.values[:, curves.metrics.index(judge)].argmin(axis=1))
