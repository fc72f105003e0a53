"""Clipping of gradients: what the modifiers `clip_value` and `clip_norm` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.rules import norm

Array = NDArray[Any]


class Clipping:
    """Bounds the gradients of a stack: every value first, then each trial's norm.

    `modifiers` are those of each trial's configuration; `array` makes an array of the stack's dtype
    and layout.
    """

    def __init__(
        self, modifiers: Sequence[Mapping[str, Any]], array: Callable[[Array], Array]
    ) -> None:
        def limits(name: str) -> Array | None:
            """The limit of each trial, `(T, 1)`; None if none has one."""
            if not any(name in own for own in modifiers):
                return None
            return array(np.array([[own.get(name, np.inf)] for own in modifiers]))

        self._value, self._norm = limits("clip_value"), limits("clip_norm")

    def __call__(self, g: Array, rows: Sequence[int] | slice = slice(None)) -> None:
        """Change the gradients `g` (n, P) of trials `rows`, by default all, in place."""
        if self._value is not None:
            value = self._value[rows]
            np.clip(g, -value, value, out=g)
        if self._norm is not None:
            # Divided by the largest value, so that no square overflows.
            largest = np.maximum.reduce(np.abs(g), axis=1, keepdims=True)
            largest[largest == 0] = 1
            length, limit = norm(g / largest), self._norm[rows] / largest
            g *= np.where(length > limit, limit / length, g.dtype.type(1))
