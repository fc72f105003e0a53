"""Activations over a stack, in place; arrays are `(T, F, N)`: trials, features, samples.

Each derivative is written in the outputs, so the sums need not be kept; nobody reads the outputs
after it, so it may overwrite them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nncore.layers.kinds import Array, Layer, activation, layer


@layer(in_place=True, frees_outputs=True)
def linear(features: int) -> Layer:
    """The sums themselves."""
    return Layer(features)


@lru_cache(maxsize=32)
def _zeros(dtype: str, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Zeros to compare with an array of that shape and memory order, four times as fast as with the
    number 0. One trial's worth suffices where trials come first.
    """
    order = sorted(range(len(shape)), key=lambda axis: -strides[axis])
    lengths = [1 if axis == order[0] == 0 else shape[axis] for axis in order]
    return np.zeros(lengths, dtype).transpose(np.argsort(order))


def _relu_backward(d: Array, y: Array) -> None:
    """`d *= y > 0` without turning truth values into floats.

    The outputs are not negative: read as unsigned integers they are 0 where the gradient ends, and
    their sign is 0 or 1. An integer times 0 or 1 clears or keeps every bit.
    """
    bits = f"u{y.itemsize}"
    mask, d = y.view(bits), d.view(bits)
    np.sign(mask, out=mask)
    d *= mask


def _sigmoid_backward(d: Array, y: Array) -> None:
    d *= y * (1 - y)


def _tanh_backward(d: Array, y: Array) -> None:
    d *= 1 - y * y


def _softmax_backward(d: Array, y: Array) -> None:
    d -= np.add.reduce(d * y, axis=1, keepdims=True)
    d *= y


@activation(_relu_backward)
def relu(y: Array) -> None:
    """max(z, 0); its derivative at 0 is 0, as in the documents."""
    np.maximum(y, _zeros(y.dtype.str, y.shape, y.strides), out=y)


@activation(_sigmoid_backward)
def sigmoid(y: Array) -> None:
    """1 / (1 + exp(-z))."""
    np.negative(y, out=y)
    np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


@activation(_tanh_backward)
def tanh(y: Array) -> None:
    """Hyperbolic tangent."""
    np.tanh(y, out=y)


@activation(_softmax_backward)
def softmax(y: Array) -> None:
    """exp(z) over the sum of exp(z) of a sample's features, the largest z subtracted first."""
    y -= np.maximum.reduce(y, axis=1, keepdims=True)
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=1, keepdims=True)
