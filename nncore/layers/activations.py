"""Activations over a stack, in place; arrays are `(T, F, N)`: trials, features, samples.

Each derivative is written in the outputs, so the sums need not be kept; nobody reads the outputs
after it, so it may overwrite them.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from nncore.layers.kinds import Array, Arrays, Call, Layer, Passes, activation, layer


@layer(in_place=True, frees_outputs=True, by_sample=True)
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


def _sigmoid_backward(d: Array, y: Array) -> None:
    d *= y * (1 - y)


def _tanh_backward(d: Array, y: Array) -> None:
    d *= 1 - y * y


@layer(in_place=True, by_sample=True)
def relu(features: int) -> Layer:
    """max(z, 0); its derivative at 0 is 0, as in the documents."""

    def passes(a: Arrays) -> Passes:
        y = a.y
        zeros = _zeros(y.dtype.str, y.shape, y.strides)
        forward: list[Call] = [partial(np.maximum, y, zeros, out=y)]
        if a.d is None:
            return forward, []
        # `d *= y > 0` without turning truth values into floats: outputs are not negative, so read
        # as unsigned integers they are 0 where the gradient ends, and their sign is 0 or 1. An
        # integer times 0 or 1 clears or keeps every bit.
        bits = f"u{y.itemsize}"
        mask, d = y.view(bits), a.d.view(bits)
        return forward, [partial(np.sign, mask, out=mask), partial(np.multiply, d, mask, out=d)]

    return Layer(features, passes=passes)


@activation(_sigmoid_backward, by_sample=True)
def sigmoid(y: Array) -> None:
    """1 / (1 + exp(-z))."""
    np.negative(y, out=y)
    np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


@activation(_tanh_backward, by_sample=True)
def tanh(y: Array) -> None:
    """Hyperbolic tangent."""
    np.tanh(y, out=y)


@layer(in_place=True, by_sample=True)
def softmax(features: int) -> Layer:
    """exp(z) over the sum of exp(z) of a sample's features, the largest z subtracted first."""

    def passes(a: Arrays) -> Passes:
        y, d = a.y, a.d
        one = a.layout.empty(y.dtype, len(y), 1, y.shape[2])
        forward: list[Call] = [
            partial(np.maximum.reduce, y, axis=1, keepdims=True, out=one),
            partial(np.subtract, y, one, out=y),
            partial(np.exp, y, out=y),
            partial(np.add.reduce, y, axis=1, keepdims=True, out=one),
            partial(np.divide, y, one, out=y),
        ]
        if d is None:
            return forward, []

        def backward() -> None:
            np.subtract(d, np.add.reduce(d * y, axis=1, keepdims=True), out=d)
            np.multiply(d, y, out=d)

        return forward, [backward]

    return Layer(features, passes=passes)
