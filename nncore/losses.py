"""Losses over a stack: outputs `p` and targets `Y` are `(T, K, N)` (trials, outputs, samples).

A loss is the mean over samples of a sample loss `(T, N)`; `gradient(p, Y, out)` writes that mean's
gradient with respect to `p`. `constant(y)` is the best loss that a prediction ignoring its inputs
can have on targets `y`, or None where that says nothing: the scale of divergence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.registry import Entry, Registry, describe

Array = NDArray[Any]
CLIP = 1e-7


@dataclass(frozen=True)
class Loss(Entry):
    """A loss; `function(p, Y)` gives the sample losses `(T, N)`.

    `classes`: targets are classes. `scored`: accuracy or R squared says something.
    """

    gradient: Callable[[Array, Array, Array], None]
    constant: Callable[[Array], float | None]
    classes: bool
    scored: bool = True


losses: Registry[Loss] = Registry("loss")


def loss(
    gradient: Callable[[Array, Array, Array], None],
    constant: Callable[[Array], float | None],
    *,
    classes: bool = False,
) -> Callable[..., Any]:
    """Register the decorated sample loss with its gradient and the constant predictor's loss."""

    def register(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        entry = Loss(**describe(function), gradient=gradient, constant=constant, classes=classes)
        losses.add(entry)
        return function

    return register


def targets(y: Array, outputs: int, entry: Loss) -> Array:
    """Targets as the losses want them, `(K, N)` float64: classes become one-hot columns.

    Raises ValueError when they do not fit a network with `outputs` outputs.
    """
    if not entry.classes:
        if y.ndim != 2:
            raise ValueError(f"{entry.name} needs numbers as targets, the dataset has classes")
        if y.shape[1] != outputs:
            raise ValueError(f"the network has {outputs} outputs, the targets {y.shape[1]}")
        return y.T
    if y.ndim == 2:
        one_hot = ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all()
        if y.shape[1] != outputs or not one_hot:
            raise ValueError(f"{entry.name} needs classes or one-hot rows of {outputs} as targets")
        return y.T
    if y.max() >= outputs:
        raise ValueError(f"the network has {outputs} outputs, the dataset {y.max() + 1} classes")
    return (y == np.arange(outputs)[:, None]).astype(np.float64)


def _crossentropy_gradient(p: Array, Y: Array, out: Array) -> None:
    # A saturated sigmoid gives exactly 0, and 0 / 0 would end a trial that has learnt everything.
    np.divide(Y, p + (p == 0), out=out)
    out *= out.dtype.type(-1 / p.shape[2])


def fused_gradient(p: Array, Y: Array, out: Array) -> list[Callable[[], Array]]:
    """Calls for the gradient of cross-entropy with respect to softmax's sums: (p - Y) / N."""
    share = np.array(1 / p.shape[2], out.dtype)
    return [partial(np.subtract, p, Y, out=out), partial(np.multiply, out, share, out=out)]


def _entropy(y: Array) -> float | None:
    frequencies = np.bincount(y) / len(y) if y.ndim == 1 else y.mean(axis=0)
    frequencies = frequencies[frequencies > 0]
    return float(-np.sum(frequencies * np.log(frequencies))) or None


@loss(_crossentropy_gradient, _entropy, classes=True)
def categorical_crossentropy(p: Array, Y: Array) -> Array:
    """-log of the right class's probability, clipped to [1e-7, 1 - 1e-7]. Document 003."""
    right = np.einsum("tkn,tkn->tn", p, Y)
    np.maximum(right, right.dtype.type(CLIP), out=right)
    np.minimum(right, right.dtype.type(1 - CLIP), out=right)
    np.log(right, out=right)
    return np.negative(right, out=right)


def _squared_gradient(p: Array, Y: Array, out: Array) -> None:
    np.subtract(p, Y, out=out)
    out *= out.dtype.type(2 / (p.shape[1] * p.shape[2]))


def _half_squared_gradient(p: Array, Y: Array, out: Array) -> None:
    np.subtract(p, Y, out=out)
    out *= out.dtype.type(1 / (p.shape[1] * p.shape[2]))


def _variance(y: Array) -> float | None:
    return float(np.mean((y - y.mean(axis=0)) ** 2)) or None


def _half_variance(y: Array) -> float | None:
    variance = _variance(y)
    return variance and variance / 2


@loss(_squared_gradient, _variance)
def mean_squared_error(p: Array, Y: Array) -> Array:
    """(p - y)^2, mean over outputs. Document 001."""
    difference = p - Y
    difference *= difference
    return np.add.reduce(difference, axis=1) / difference.dtype.type(p.shape[1])


@loss(_half_squared_gradient, _half_variance)
def half_mean_squared_error(p: Array, Y: Array) -> Array:
    """(p - y)^2 / 2, mean over outputs: the loss whose gradient document 004 follows."""
    squares = mean_squared_error(p, Y)
    squares *= squares.dtype.type(0.5)
    return squares


def _squared_sum_gradient(p: Array, Y: Array, out: Array) -> None:
    out[:] = np.add.reduce(p - Y, axis=1, keepdims=True) * out.dtype.type(2 / p.shape[2])


def _nothing(y: Array) -> None:
    return None


@loss(_squared_sum_gradient, _nothing)
def squared_sum(p: Array, Y: Array) -> Array:
    """(sum of outputs - sum of targets)^2. Document 002's layer."""
    total = np.add.reduce(p - Y, axis=1)
    total *= total
    return total
