"""What instruments see of a stack: weights, last update and gradients, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Architecture, Parameter
from nncore.losses import Loss
from nncore.stack.layouts import Layout
from nncore.stack.oracle import BatchOracle
from nncore.stack.samples import Samples
from nncore.stack.tensors import spread, vectors
from nncore.trial import Configuration

Array = NDArray[np.float64]
# By whose root a rule divides its steps: a buffer, and the decay of one that is bias corrected.
SECOND = {
    "adam": ("v", "beta_2"),
    "adamw": ("v", "beta_2"),
    "rmsprop": ("cache", ""),
    "adagrad": ("cache", ""),
}
PLAIN = ("sgd", "heavy_ball", "nesterov", "sgd_dampened")


class Gradients:
    """The gradient of the loss on the training part of a stack, in float64, at any points."""

    def __init__(
        self, layout: Layout, architecture: Architecture, loss: Loss, train: Samples, batch: int
    ) -> None:
        self._oracle = BatchOracle(layout, architecture, loss, np.float64)
        self._train, self._batch = train, batch
        self._oracle.see(train)

    def __call__(self, trials: Sequence[int], points: Array) -> Array:
        """Of these trials, each at its point `(n, P)`."""
        return np.asarray(self._oracle(trials, points)[1], dtype=np.float64)

    def activations(self, trials: Sequence[int], points: Array) -> list[tuple[str, Array]]:
        """The name and the outputs `(n, O, N)` of every activation on the training part."""
        return self._oracle.activations(trials, points)

    def batches(self, trials: Sequence[int], points: Array) -> list[Array]:
        """Of every batch of the training part in its order."""
        x, Y = self._train
        found = []
        for start in range(0, x.shape[2], self._batch):
            cut = slice(start, start + self._batch)
            self._oracle.see(Samples(x[:, :, cut], Y[:, :, cut]))
            found.append(self(trials, points))
        self._oracle.see(self._train)
        return found


class StackProbe:
    """A `nncore.instruments.Probe` of a stack at one record; gradients are computed when asked."""

    def __init__(
        self,
        gradients: Gradients,
        w: NDArray[Any],
        before: NDArray[Any],
        start: NDArray[Any],
        parameters: Sequence[Parameter],
        configurations: Sequence[Configuration],
        state: dict[str, NDArray[Any]],
        updates: int,
    ) -> None:
        self.w, self.start = w.astype(np.float64), start.astype(np.float64)
        self.update = self.w - before.astype(np.float64)
        self.parameters = parameters
        self._gradients, self._configurations = gradients, configurations
        self._state, self._updates = state, updates

    @cached_property
    def gradient(self) -> Array:
        """At `w`, `(T, P)`."""
        return self._gradients(range(len(self.w)), self.w)

    def gradient_at(self, trial: int, point: Array) -> Array:
        """At another point of one trial."""
        return np.asarray(self._gradients([trial], point[None])[0])

    def batch_gradients(self) -> list[Array]:
        """Of every batch at `w`."""
        return self._gradients.batches(range(len(self.w)), self.w)

    def activations(self) -> list[tuple[str, Array]]:
        """The name and the outputs `(T, O, N)` of every activation at `w`."""
        return self._gradients.activations(range(len(self.w)), self.w)

    def preconditioner(self) -> Array:
        """By what each step is divided, with what it has seen so far."""
        first = self._configurations[0]
        if first.modifiers.get("wrap") or first.rule not in {*SECOND, *PLAIN}:
            return np.full_like(self.w, np.nan)
        if first.rule in PLAIN:
            return np.ones_like(self.w)
        if not self._updates:
            return np.full_like(self.w, np.nan)
        name, beta = SECOND[first.rule]
        seen = 1 - self._value(beta) ** self._updates if beta else 1.0
        return np.sqrt(self._state[name].astype(np.float64) / seen) + self._value("epsilon")

    def _value(self, name: str) -> Array:
        """A hyperparameter, `(T, 1)`, or `(T, P)` where biases have their own."""
        values = [one.hyperparameters for one in self._configurations]
        return spread(name, values, vectors(self.parameters))
