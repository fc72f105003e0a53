"""What fades from the state of rules: means of gradients that have ended.

A running mean whose gradients are 0, those of a unit that is dead say, never becomes 0 itself: it
stays at the smallest numbers there are, on which processors compute many times as slowly. Now and
then these are set to 0, as XLA does at every step. What an update would have made of them is below
1e-30 of a rate, so that no weight knows, but for rules told to divide by such numbers: where an
epsilon is 0, everything stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
UPDATES = 32
"""Between two times that it is done."""


class Fading:
    """Sets numbers of `buffers`, `(T, ...)` each, to 0 that are below the smallest normal one.

    `epsilons` are those of every trial, `(T, n)`.
    """

    def __init__(self, buffers: Iterable[Array], epsilons: NDArray[np.float64]) -> None:
        stay = (epsilons == 0).any(axis=1)
        self._limits = [
            (buffer, _limit(buffer, stay))
            for buffer in buffers
            if buffer.dtype.kind == "f" and not stay.all()
        ]

    def after(self, made: int) -> None:
        """An update has been made, the one of that number."""
        if made % UPDATES == 0:
            for buffer, limit in self._limits:
                np.multiply(buffer, np.absolute(buffer) >= limit, out=buffer)


def _limit(buffer: Array, stay: NDArray[np.bool_]) -> Any:
    least = np.finfo(buffer.dtype).smallest_normal
    if not stay.any():
        return least
    limits = np.where(stay, 0, least).astype(buffer.dtype)
    return limits.reshape(len(buffer), *[1] * (buffer.ndim - 1))
