"""One network at a time, in the manner of the documents: layers and optimizers are objects.

The oracle that the stacked core is tested against, the baseline that its speed is measured
against, and the code that prints the documents' own digits again. Deliberately independent of the
stacked core: nothing here imports it, and the update rules are written a second time.

>>> import numpy as np
>>> start = [(np.array([[-3.0], [-1.0], [2.0]]), np.array([[1.0]]))]  # document 002's neuron
>>> problem = {"layers": ["dense 1", "relu"], "loss": "mean_squared_error"}
>>> X, y = np.array([[1.0, -2.0, 3.0]]), np.array([[0.0]])
>>> [(weights, _)] = train(start, X, y, **problem, rule="sgd",
...                             hyperparameters={"learning_rate": 0.001}, updates=200)
>>> print(weights.ravel())
[-3.3990955  -0.20180899  0.80271349]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from nncore.reference.layers import (
    ACTIVATIONS,
    FLOAT64,
    LOSSES,
    Arithmetic,
    Array,
    CategoricalCrossentropy,
    Dense,
    Layer,
    Softmax,
)

Parameters = Sequence[tuple[Array, Array]]
Values = Mapping[str, float]
State = dict[str, Array]


class Network:
    """Layers one after another, ending in a loss."""

    def __init__(self, layers: Sequence[Layer], loss: Any) -> None:
        self.layers, self.loss = layers, loss
        # The two gradients in one are simpler, and are what the documents' loops use.
        self.shortcut = isinstance(loss, CategoricalCrossentropy) and isinstance(
            layers[-1], Softmax
        )

    @property
    def dense(self) -> list[Dense]:
        """The layers that have parameters."""
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    def forward(self, inputs: Array) -> Array:
        """Outputs `(samples, outputs)`, remembered for `backward`."""
        for layer in self.layers:
            inputs = layer.forward(inputs)
        self.outputs = inputs
        return inputs

    def backward(self, targets: Array) -> None:
        """Leave the gradients of the loss of the last `forward` in the dense layers."""
        if self.shortcut:
            gradient = self.loss.gradient_by_logits(self.outputs, targets)
        else:
            gradient = self.loss.gradient(self.outputs, targets)
        for layer in self.layers[:-1][::-1] if self.shortcut else self.layers[::-1]:
            gradient = layer.backward(gradient)


class Optimizer:
    """Changes the parameters of dense layers: `before` once, `update` each layer, `after` once.

    `hyperparameters` are a spec's: `learning_rate`, `decay` (0 if absent) and the rule's own, with
    `bias.NAME` where biases differ. `rate` is the effective rate of the last update. Raises
    TypeError for a hyperparameter that the rule does not have.
    """

    defaults: ClassVar[Values] = {}

    def __init__(self, hyperparameters: Values) -> None:
        own = {k: v for k, v in hyperparameters.items() if not k.startswith("bias.")}
        biases = {k[5:]: v for k, v in hyperparameters.items() if k.startswith("bias.")}
        defaults = {"decay": 0.0, **self.defaults}
        if unknown := {*own, *biases} - {"learning_rate", *defaults}:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.hyperparameters = {"weights": {**defaults, **own}}
        self.hyperparameters["biases"] = {**self.hyperparameters["weights"], **biases}
        self.rates = {part: h["learning_rate"] for part, h in self.hyperparameters.items()}
        self.updates = 0
        self.state: dict[tuple[int, str], State] = {}

    @property
    def rate(self) -> float:
        """The weights' effective learning rate."""
        return self.rates["weights"]

    def before(self) -> None:
        """Decay the rate: `learning_rate * (1 / (1 + decay * updates))`, in this order."""
        for part, h in self.hyperparameters.items():
            self.rates[part] = h["learning_rate"] * (1 / (1 + h["decay"] * self.updates))

    def update(self, layer: Dense) -> None:
        """Change the weights and biases of `layer` in place."""
        for part, w, g in (
            ("weights", layer.weights, layer.weights_gradient),
            ("biases", layer.biases, layer.biases_gradient),
        ):
            state = self.state.setdefault((id(layer), part), {})
            w += self.change(w, g, self.rates[part], self.hyperparameters[part], state)

    def after(self) -> None:
        """Count the update."""
        self.updates += 1

    def change(self, w: Array, g: Array, rate: float, h: Values, state: State) -> Array:
        """What to add to `w`, whose gradient is `g`; `state` is this parameter's memory."""
        raise NotImplementedError


def _remembered(state: State, name: str, w: Array) -> Array:
    """The array `name` of `state`; zeros like `w` at first."""
    return state[name] if name in state else np.zeros_like(w)


class SGD(Optimizer):
    """Gradient descent, with the rate inside the velocity. Document 003."""

    defaults: ClassVar[Values] = {"momentum": 0.0}

    def change(self, w: Array, g: Array, rate: float, h: Values, state: State) -> Array:
        """velocity = momentum * velocity - rate * g."""
        if not h["momentum"]:
            return -rate * g
        state["velocity"] = h["momentum"] * _remembered(state, "velocity", w) - rate * g
        return state["velocity"]


class AdaGrad(Optimizer):
    """The rate over the root of the sum of squared gradients. Document 003."""

    defaults: ClassVar[Values] = {"epsilon": 1e-7}

    def change(self, w: Array, g: Array, rate: float, h: Values, state: State) -> Array:
        """cache = cache + g^2."""
        state["cache"] = _remembered(state, "cache", w) + g**2
        return -rate * g / (np.sqrt(state["cache"]) + h["epsilon"])


class RMSProp(Optimizer):
    """The rate over the root of a moving average of squared gradients. Document 003."""

    defaults: ClassVar[Values] = {"rho": 0.9, "epsilon": 1e-7}

    def change(self, w: Array, g: Array, rate: float, h: Values, state: State) -> Array:
        """cache = rho * cache + (1 - rho) * g^2."""
        cache = h["rho"] * _remembered(state, "cache", w) + (1 - h["rho"]) * g**2
        state["cache"] = cache
        return -rate * g / (np.sqrt(cache) + h["epsilon"])


class Adam(Optimizer):
    """Momentum and RMSProp, both corrected for their start at zero. Document 003."""

    defaults: ClassVar[Values] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}

    def change(self, w: Array, g: Array, rate: float, h: Values, state: State) -> Array:
        """Moving averages of g and g^2, each over 1 - beta^t for update t."""
        beta_1, beta_2, t = h["beta_1"], h["beta_2"], self.updates + 1
        momentum = beta_1 * _remembered(state, "momentum", w) + (1 - beta_1) * g
        cache = beta_2 * _remembered(state, "cache", w) + (1 - beta_2) * g**2
        state["momentum"], state["cache"] = momentum, cache
        corrected = momentum / (1 - beta_1**t)
        return -rate * corrected / (np.sqrt(cache / (1 - beta_2**t)) + h["epsilon"])


OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}


def network(
    layers: Sequence[str], parameters: Parameters, loss: str, arithmetic: Arithmetic = FLOAT64
) -> Network:
    """The network of `layers`, such as `["dense 64", "relu"]`, with the given initial parameters.

    `parameters` holds weights `(inputs, outputs)` and biases `(1, outputs)` of every dense layer in
    turn; they are copied. Raises ValueError where they do not fit the layers, KeyError for an
    unknown layer or loss.
    """
    left = iter(parameters)
    built: list[Layer] = []
    for layer in layers:
        name, _, size = layer.partition(" ")
        if name == "dense":
            weights, biases = next(left, (np.empty((0, 0)), np.empty((0, 0))))
            if not weights.shape[1] == biases.size == int(size):
                raise ValueError(f'parameters of shape {weights.shape} for layer "{layer}"')
            built.append(Dense(weights, biases.reshape(1, -1), arithmetic))
        else:
            built.append(ACTIVATIONS[name](arithmetic))
    if next(left, None) is not None:
        raise ValueError("more parameters than dense layers")
    return Network(built, LOSSES[loss](arithmetic))


def steps(
    net: Network,
    optimizer: Optimizer,
    X: Array,
    y: Array,
    batch_size: int | None = None,
    order: Sequence[Array] | None = None,
) -> Iterator[int]:
    """Train without end; yields the number of updates made, the next batch's outputs at hand.

    `order[e]` holds the sample indices of epoch e in their order; None is the data's own, every
    epoch. An epoch's last batch is smaller where `batch_size` does not divide the samples.
    """
    for epoch in itertools.count():
        for inputs, targets in _batches(X, y, batch_size, None if order is None else order[epoch]):
            net.forward(inputs)
            yield optimizer.updates
            net.backward(targets)
            optimizer.before()
            for layer in net.dense:
                optimizer.update(layer)
            optimizer.after()


def _batches(
    X: Array, y: Array, batch_size: int | None, order: Array | None
) -> Iterator[tuple[Array, Array]]:
    if order is not None:
        X, y = X[order], y[order]
    size = batch_size or len(X)
    for start in range(0, len(X), size):
        yield X[start : start + size], y[start : start + size]


def train(
    parameters: Parameters,
    X: Array,
    y: Array,
    *,
    layers: Sequence[str],
    loss: str,
    rule: str,
    hyperparameters: Values,
    updates: int,
    batch_size: int | None = None,
    order: Sequence[Array] | None = None,
    arithmetic: Arithmetic = FLOAT64,
) -> list[tuple[Array, Array]]:
    """The parameters after `updates` updates from `parameters`, which stay as they are.

    Arguments as in `network`, `Optimizer` and `steps`. `X` and float `y` are cast to the
    arithmetic's type. Raises as `network` and `Optimizer` do, and KeyError for an unknown rule.
    """
    net = network(layers, parameters, loss, arithmetic)
    optimizer = OPTIMIZERS[rule](hyperparameters)
    targets = y if np.issubdtype(y.dtype, np.integer) else arithmetic.cast(y)
    for made in steps(net, optimizer, arithmetic.cast(X), targets, batch_size, order):
        if made == updates:
            break
    return [(layer.weights, layer.biases) for layer in net.dense]
