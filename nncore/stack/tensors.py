"""A stack's flat parameters `(T, P)` as the tensors they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Parameter

Array = NDArray[Any]


class Tensor(NamedTuple):
    """One parameter of a layer, weight or vector: its place in the flat parameters."""

    place: slice
    shape: tuple[int, ...]

    def of(self, flat: Array) -> Array:
        """The view `(T, *shape)` of `flat` (T, P)."""
        return flat[:, self.place].reshape(len(flat), *self.shape)

    def value(self, hyperparameter: Array) -> Array:
        """The tensor's part of a hyperparameter's `(T, 1)` or `(T, P)`: `(T, 1, 1)` or `(T, 1)`."""
        at = self.place.start if hyperparameter.shape[1] > 1 else 0
        return hyperparameter[:, at].reshape(len(hyperparameter), *[1] * len(self.shape))


def tensors(parameters: Sequence[Parameter]) -> list[Tensor]:
    """The parameters' places, those without elements left out.

    >>> tensors([Parameter("weights", (2, 3)), Parameter("biases", (3,))])
    [Tensor(place=slice(0, 6, None), shape=(2, 3)), Tensor(place=slice(6, 9, None), shape=(3,))]
    """
    found, start = [], 0
    for parameter in parameters:
        if parameter.size:
            found.append(Tensor(slice(start, start + parameter.size), parameter.shape))
        start += parameter.size
    return found


def vectors(parameters: Sequence[Parameter]) -> NDArray[np.bool_]:
    """Which of the `P` elements belong to vectors, biases and gains, `(P,)`.

    >>> vectors([Parameter("weights", (2, 1)), Parameter("biases", (1,))]).tolist()
    [False, False, True]
    """
    return np.repeat([p.is_vector for p in parameters], [p.size for p in parameters])


def spread(
    name: str, configurations: Sequence[Mapping[str, float]], biases: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """A hyperparameter of each trial: `(T, 1)`, or `(T, P)` where biases have their own value.

    `biases` says of each parameter whether it takes the value of `bias.NAME`: gains do, too.
    """
    values = np.array([[c[name]] for c in configurations], dtype=np.float64)
    own = f"bias.{name}"
    if not any(own in c for c in configurations):
        return values
    bias_values = np.array([[c.get(own, c[name])] for c in configurations], dtype=np.float64)
    return np.where(biases, bias_values, values)
