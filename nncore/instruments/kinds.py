"""What an instrument sees of a training, and how one is registered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Parameter
from nncore.metrics import Better, Metric, Quantity, metrics
from nncore.registry import describe

Array = NDArray[np.float64]
F = TypeVar("F", bound=Callable[..., Any])


class Probe(Protocol):
    """A stack of T trials with P parameters at a record, in float64.

    `w` are the weights that metrics belong to, `start` those before training, `update` what the
    last update changed (0 before the first), all `(T, P)`; `parameters` says what they hold.
    """

    w: Array
    start: Array
    update: Array
    parameters: Sequence[Parameter]

    @property
    def gradient(self) -> Array:
        """That of the loss on the whole training part at `w`, `(T, P)`."""

    def gradient_at(self, trial: int, point: Array) -> Array:
        """That of one trial at another `point` `(P,)`."""

    def batch_gradients(self) -> Sequence[Array]:
        """Those of the batches of the training part in their order, at `w`: `(T, P)` each."""

    def activations(self) -> Sequence[tuple[str, Array]]:
        """The name and the outputs `(T, O, N)` of every activation on the training part, at `w`."""

    def preconditioner(self) -> Array:
        """By what the rule divides each coordinate of its step `(T, P)`; NaN if that is unknown."""


def instrument(
    *, label: str = "", better: Better = "lower", worst: float = math.inf, unit: str = ""
) -> Callable[[F], F]:
    """Register a function of a `Probe`, which gives `(T,)`, as a metric to be asked for.

    What it costs stands in its docstring, in evaluations of the whole training part a record.
    """

    def register(function: F) -> F:
        entry = describe(function)
        name = entry["name"]
        its_label = label or name.replace("_", " ")
        quantity = Quantity(
            name, better, worst, its_label, unit, digest=entry["digest"], only="train"
        )
        metrics.add(
            Metric(**entry, quantity=quantity, of="both", arguments=1, asked=True, on_training=True)
        )
        return function

    return register
