"""A stack of networks of one shape over one flat parameter array `(T, P)`.

Parameters of a dense layer are its weights `(inputs, outputs)`, row by row, then its biases. Every
array that feeds a dense layer carries a last row of ones, so one product gives weights and biases
their gradients. All arrays are allocated once; the passes write into them. A pass is a list of
calls on views made beforehand: those that do not see the data are shared by all batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.activations import Activation, activations
from nncore.layers import Dense, parse, shapes
from nncore.losses import Loss, fused_gradient
from nncore.stack.layouts import Call, Layout

Array = NDArray[Any]


def blocks(w: Array, layer_shapes: Sequence[tuple[int, int]]) -> list[Array]:
    """Views `(T, inputs + 1, outputs)` of `w` (T, P), a layer each; the last row is the biases."""
    views, start = [], 0
    for inputs, outputs in layer_shapes:
        size = (inputs + 1) * outputs
        views.append(w[:, start : start + size].reshape(len(w), inputs + 1, outputs))
        start += size
    return views


def bias_mask(layer_shapes: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which of the `P` parameters are biases, `(P,)`.

    >>> bias_mask([(2, 1)]).tolist()
    [False, False, True]
    """
    return np.concatenate([np.arange((i + 1) * o) >= i * o for i, o in layer_shapes])


def gradient_of(loss: Loss, layers: Sequence[str]) -> tuple[Callable[..., None], bool]:
    """The loss's gradient, and whether it already passes through a softmax at the end."""
    fused = loss.classes and parse(layers)[-1] == "softmax"
    return (fused_gradient if fused else loss.gradient), fused


class Network:
    """The passes of a stack on batches of `samples` samples.

    `w` and `g` are `(T, P)` parameters and gradients, read and written in place; without `g` there
    is no backward pass. `loss` is needed for the backward pass only.
    """

    def __init__(
        self,
        layout: Layout,
        layers: Sequence[str],
        features: int,
        samples: int,
        w: Array,
        g: Array | None = None,
        loss: Loss | None = None,
    ) -> None:
        layer_shapes = shapes(layers, features)
        self._layout = layout
        self._weights = blocks(w, layer_shapes)
        self._gradients = blocks(g, layer_shapes) if g is not None else []
        self._activations = _activations(layers)

        def outputs(layer: int, count: int) -> Array:
            last = layer == len(layer_shapes) - 1
            full = layout.empty(w.dtype, len(w), count + (not last), samples)
            full[:, count:] = 1
            return full

        # One array per activation: the sums and their first activation share one, later ones not.
        self._outputs = [
            [outputs(k, count) for _ in range(max(1, len(self._activations[k])))]
            for k, (_, count) in enumerate(layer_shapes)
        ]
        self.outputs = self._outputs[-1][-1]
        self._forward = self._after_products()
        if g is not None and loss is not None:
            self._deltas = [
                layout.empty(w.dtype, len(w), count, samples) for _, count in layer_shapes
            ]
            self._loss_gradient, self._fused = gradient_of(loss, layers)
            self._backward = self._below_loss()

    def forward(self, x: Array) -> list[Call]:
        """Calls that turn `x` (T, F + 1, samples), its last row ones, into `self.outputs`."""
        first = self._layout.forward(self._weights[0], x, self._sums(0))
        return [first, *self._forward]

    def backward(self, x: Array, Y: Array) -> list[Call]:
        """Calls that, after `forward(x)`, fill `g` with the gradient for targets `Y` (T, K, N)."""
        return [
            partial(self._loss_gradient, self.outputs, Y, self._deltas[-1]),
            *self._backward,
            self._layout.gradient(x, self._deltas[0], self._gradients[0]),
        ]

    def _sums(self, k: int, activation: int = 0) -> Array:
        """The outputs of layer k without the row of ones, `(T, O, samples)`."""
        return self._outputs[k][activation][:, : self._weights[k].shape[2]]

    def _after_products(self) -> list[Call]:
        """The calls of the forward pass but for the first product."""
        calls: list[Call] = []
        for k, entries in enumerate(self._activations):
            if k:
                x = self._outputs[k - 1][-1]
                calls.append(self._layout.forward(self._weights[k], x, self._sums(k)))
            for j, entry in enumerate(entries):
                if j:
                    calls.append(partial(np.copyto, self._sums(k, j), self._sums(k, j - 1)))
                if entry.name != "linear":
                    calls.append(partial(entry.function, self._sums(k, j)))
        return calls

    def _below_loss(self) -> list[Call]:
        """The calls of the backward pass between the loss and the first layer's gradient."""
        calls: list[Call] = []
        for k in reversed(range(len(self._weights))):
            d, fused = self._deltas[k], self._fused and k == len(self._weights) - 1
            entries = self._activations[k][:-1] if fused else self._activations[k]
            for j, entry in reversed(list(enumerate(entries))):
                if entry.name != "linear":
                    calls.append(partial(entry.backward, d, self._sums(k, j)))
            if k:
                x, W, below = self._outputs[k - 1][-1], self._weights[k], self._deltas[k - 1]
                calls.append(self._layout.gradient(x, d, self._gradients[k]))
                calls.append(self._layout.backward(W[:, :-1], d, below))
        return calls


def _activations(layers: Sequence[str]) -> list[list[Activation]]:
    """The activations that follow each dense layer."""
    found: list[list[Activation]] = []
    for layer in parse(layers):
        if isinstance(layer, Dense):
            found.append([])
        else:
            found[-1].append(activations[layer])
    return found
