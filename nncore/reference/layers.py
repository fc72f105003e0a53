"""Layers and losses of the reference, in several arithmetics.

Arrays are sample-major: inputs `(samples, features)`, weights `(inputs, outputs)`, biases
`(1, outputs)`; targets are class indices `(samples,)` or values `(samples, outputs)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncore.reference import exact

Array = NDArray[Any]


@dataclass(frozen=True)
class Arithmetic:
    """How numbers are rounded: `dtype` of data and parameters (None keeps their own types)."""

    dtype: type[np.floating[Any]] | None
    product: Callable[[Array, Array], Array]
    exp: Callable[[Array], Array]
    log: Callable[[Array], Array]

    def cast(self, x: Array) -> Array:
        """`x` in this arithmetic's type; a copy, so that training never changes its arguments."""
        return np.array(x, dtype=self.dtype)


def rounded(product: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """`product` of the operands in float64, rounded to float32, C-ordered."""

    def rounded_product(a: Array, b: Array) -> Array:
        wide = product(a.astype(np.float64), b.astype(np.float64))
        return wide.astype(np.float32, order="C")

    return rounded_product


FLOAT64 = Arithmetic(np.float64, np.dot, np.exp, np.log)
FLOAT32 = Arithmetic(np.float32, np.dot, np.exp, np.log)
# Document 003's: products in float64 rounded to float32, everything else in its operands' types.
MIXED = Arithmetic(None, rounded(np.dot), np.exp, np.log)
# The same with one result on every machine, for printed lines; about twice as slow.
EXACT = Arithmetic(None, rounded(exact.product), exact.exp, exact.log)


class Layer(Protocol):
    """`forward` maps inputs to outputs, `backward` the loss's gradient by outputs to by inputs."""

    def forward(self, inputs: Array) -> Array:
        """`(samples, inputs)` to `(samples, outputs)`."""

    def backward(self, gradient: Array) -> Array:
        """`(samples, outputs)` to `(samples, inputs)`."""


class Dense:
    """Inputs times weights plus biases; `backward` leaves the parameters' gradients behind."""

    def __init__(self, weights: Array, biases: Array, arithmetic: Arithmetic = FLOAT64) -> None:
        self.weights, self.biases = arithmetic.cast(weights), arithmetic.cast(biases)
        self.product = arithmetic.product

    def forward(self, inputs: Array) -> Array:
        """`(samples, inputs)` to `(samples, outputs)`."""
        self.inputs = inputs
        return self.product(inputs, self.weights) + self.biases

    def backward(self, gradient: Array) -> Array:
        """`(samples, outputs)` to `(samples, inputs)`."""
        self.weights_gradient = self.product(self.inputs.T, gradient)
        self.biases_gradient = np.sum(gradient, axis=0, keepdims=True)
        return self.product(gradient, self.weights.T)


class StaleDense(Dense):
    """A layer whose output is computed once and never again, as in document 004's first loop."""

    output: Array | None = None

    def forward(self, inputs: Array) -> Array:
        """The output of the first call; the inputs are new in every call."""
        if self.output is None:
            self.output = super().forward(inputs)
        self.inputs = inputs
        return self.output


class Linear:
    """The identity."""

    def __init__(self, arithmetic: Arithmetic = FLOAT64) -> None:
        self.arithmetic = arithmetic

    def forward(self, inputs: Array) -> Array:
        """Outputs of the inputs' shape."""
        return inputs

    def backward(self, gradient: Array) -> Array:
        """The gradient by the inputs, of the same shape."""
        return gradient


class ReLU(Linear):
    """The rectified linear unit."""

    def forward(self, inputs: Array) -> Array:
        """max(0, x)."""
        self.inputs = inputs
        return np.maximum(0, inputs)

    def backward(self, gradient: Array) -> Array:
        """The gradient where x > 0, else 0."""
        return np.where(self.inputs > 0, gradient, 0)


class Sigmoid(Linear):
    """The logistic function."""

    def forward(self, inputs: Array) -> Array:
        """1 / (1 + e^-x)."""
        self.output = 1 / (1 + self.arithmetic.exp(-inputs))
        return self.output

    def backward(self, gradient: Array) -> Array:
        """The gradient times s (1 - s), s the output."""
        return gradient * self.output * (1 - self.output)


class Tanh(Linear):
    """The hyperbolic tangent."""

    def forward(self, inputs: Array) -> Array:
        """tanh(x)."""
        self.output = np.tanh(inputs)
        return self.output

    def backward(self, gradient: Array) -> Array:
        """The gradient times 1 - tanh(x)^2."""
        return gradient * (1 - self.output**2)


class Softmax(Linear):
    """Rows of probabilities."""

    def forward(self, inputs: Array) -> Array:
        """e^x over its sum in each row; the row's maximum is taken off first."""
        powers = self.arithmetic.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = powers / np.sum(powers, axis=1, keepdims=True)
        return self.output

    def backward(self, gradient: Array) -> Array:
        """The gradient by the inputs; each row has a Jacobian of its own."""
        along = np.sum(gradient * self.output, axis=1, keepdims=True)
        return self.output * (gradient - along)


class CategoricalCrossentropy:
    """The mean over samples of -log(probability of the true class), clipped at 1e-7."""

    def __init__(self, arithmetic: Arithmetic = FLOAT64) -> None:
        self.log = arithmetic.log

    def value(self, outputs: Array, targets: Array) -> Any:
        """The loss of `(samples, classes)` probabilities against `(samples,)` class indices."""
        likely = np.clip(outputs, 1e-7, 1 - 1e-7)[np.arange(len(targets)), targets]
        return np.mean(-self.log(likely))

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """By the probabilities; the clipping is taken as the identity."""
        gradient = np.zeros_like(outputs)
        rows = np.arange(len(targets))
        gradient[rows, targets] = -1 / outputs[rows, targets]
        return gradient / len(targets)

    def gradient_by_logits(self, outputs: Array, targets: Array) -> Array:
        """By the inputs of the softmax that gave `outputs`."""
        gradient = outputs.copy()
        gradient[np.arange(len(targets)), targets] -= 1
        return gradient / len(targets)


class MeanSquaredError:
    """The mean over samples and outputs of (output - target)^2, times `scale`."""

    scale = 1.0

    def __init__(self, arithmetic: Arithmetic = FLOAT64) -> None:
        pass

    def value(self, outputs: Array, targets: Array) -> Any:
        """The loss of `(samples, outputs)` against targets of the same shape."""
        return self.scale * np.mean((outputs - targets) ** 2)

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """By the outputs."""
        return self.scale * 2 * (outputs - targets) / outputs.size


class HalfMeanSquaredError(MeanSquaredError):
    """Half of the mean squared error, whose gradient document 004 descends."""

    scale = 0.5


class SquaredSum:
    """The mean over samples of (sum of outputs)^2, as for document 002's layer; no targets."""

    def __init__(self, arithmetic: Arithmetic = FLOAT64) -> None:
        pass

    def value(self, outputs: Array, targets: Array | None = None) -> Any:
        """The loss of `(samples, outputs)`."""
        return np.mean(np.sum(outputs, axis=1) ** 2)

    def gradient(self, outputs: Array, targets: Array | None = None) -> Array:
        """By the outputs."""
        total = np.sum(outputs, axis=1, keepdims=True)
        return 2 * total * np.ones_like(outputs) / len(outputs)


ACTIVATIONS: Mapping[str, type[Linear]] = {
    "linear": Linear,
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softmax": Softmax,
}
LOSSES: Mapping[str, Any] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "half_mean_squared_error": HalfMeanSquaredError,
    "squared_sum": SquaredSum,
}
