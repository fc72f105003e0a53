"""Losses of groups of classes: the frequent ones and the rare ones, each half of the samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.losses import CLIP
from nncore.metrics import metric

Array = NDArray[Any]


def _rare(Y: Array) -> NDArray[np.bool_]:
    """Which samples `(T, N)` are of the rarest classes that hold no more than half of them.

    Of classes that are equally frequent the later ones are the rarer.
    """
    counts = np.add.reduce(Y > 0.5, axis=2)
    found = np.empty((Y.shape[0], Y.shape[2]), dtype=bool)
    for trial, (mine, labels) in enumerate(zip(counts, Y.argmax(axis=1), strict=True)):
        order = np.lexsort((-np.arange(len(mine)), mine))
        rare = order[np.cumsum(mine[order]) <= mine.sum() / 2]
        found[trial] = np.isin(labels, rare)
    return found


def _mean(p: Array, Y: Array, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean cross-entropy `(T,)` of the chosen samples; NaN where there are none."""
    right = np.clip(np.add.reduce(p * Y, axis=1).astype(np.float64), CLIP, 1 - CLIP)
    count = np.count_nonzero(chosen, axis=1)
    total = np.add.reduce(np.where(chosen, -np.log(right), 0.0), axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@metric(
    better="lower", worst=math.inf, best=0.0, label="loss of frequent classes", of="classes",
    asked=True,
)  # fmt: skip
def loss_of_frequent(p: Array, Y: Array) -> NDArray[np.float64]:
    """Cross-entropy of the most frequent classes, the others but the rare ones. Costs nothing."""
    return _mean(p, Y, ~_rare(Y))


@metric(
    better="lower", worst=math.inf, best=0.0, label="loss of rare classes", of="classes", asked=True
)
def loss_of_rare(p: Array, Y: Array) -> NDArray[np.float64]:
    """Cross-entropy of the rarest classes, up to half. Kunstner et al. 2024, https://arxiv.org/abs/2402.19449

    They are those that together hold at most half of the samples. Costs nothing.
    """
    return _mean(p, Y, _rare(Y))
