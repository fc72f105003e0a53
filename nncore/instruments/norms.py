"""How large weights, gradients and updates are, and which way they point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncore.instruments.kinds import Probe, instrument

Array = NDArray[np.float64]


def norm(values: Array) -> Array:
    """Euclidean norms of the rows, `(T,)`."""
    return np.asarray(np.sqrt(np.add.reduce(values * values, axis=1)))


@instrument(label="norm of the gradient")
def gradient_norm(probe: Probe) -> Array:
    """Euclidean norm of the gradient on the whole training part. Costs one gradient a record."""
    return norm(probe.gradient)


@instrument(label="norm of the last update")
def update_norm(probe: Probe) -> Array:
    """Euclidean norm of what the last update changed; 0 before the first. Costs a copy an epoch."""
    return norm(probe.update)


@instrument(label="norm of the weights")
def weight_norm(probe: Probe) -> Array:
    """Euclidean norm of all parameters. Costs nothing."""
    return norm(probe.w)


@instrument(label="distance from the start")
def distance_from_start(probe: Probe) -> Array:
    """Euclidean distance of the parameters from those before training. Costs nothing."""
    return norm(probe.w - probe.start)


@instrument(label="update over weight")
def update_over_weight(probe: Probe) -> Array:
    """Norm of the last update over that of the weight, in the layer where it is the largest.

    Biases, which begin at 0, are left out where there are weights. Costs a copy an epoch.
    """
    return np.asarray(np.max(_by_layer(probe), axis=0))


@instrument(label="update over weight, mean of layers")
def mean_update_over_weight(probe: Probe) -> Array:
    """Norm of the last update over that of the weight, the mean of all layers.

    Biases, which begin at 0, are left out where there are weights. Costs a copy an epoch.
    """
    return np.asarray(np.mean(_by_layer(probe), axis=0))


def _by_layer(probe: Probe) -> Array:
    """Norms of the last update over those of the weights `(L, T)`; 0 where a weight is 0."""
    found, start = [], 0
    every = all(parameter.is_vector for parameter in probe.parameters if parameter.size)
    for parameter in probe.parameters:
        part = slice(start, start + parameter.size)
        start += parameter.size
        if every or not parameter.is_vector:
            size = norm(probe.w[:, part])
            ratio = norm(probe.update[:, part]) / np.where(size > 0, size, 1)
            found.append(np.where(size > 0, ratio, 0.0))
    return np.array(found)


@instrument(label="cosine between update and descent", better="higher", worst=-1.0)
def update_cosine(probe: Probe) -> Array:
    """Cosine of the angle between the last update and minus the gradient after it; else 0.

    Costs one gradient a record.
    """
    sizes = norm(probe.update) * norm(probe.gradient)
    product = -np.add.reduce(probe.update * probe.gradient, axis=1)
    return np.where(sizes > 0, product / np.where(sizes > 0, sizes, 1), 0.0)
