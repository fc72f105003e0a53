"""The passes of a stack of networks of one architecture over one flat parameter array `(T, P)`.

All arrays are allocated once; the passes write into them. A pass is a list of calls on views made
beforehand: those that do not see the data are shared by all batches.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Architecture, Arrays
from nncore.losses import Loss, fused_gradient
from nncore.stack.layouts import Call, Layout

Array = NDArray[Any]


class Passes:
    """The passes on batches of `samples` samples; `outputs` (T, K, samples) holds the last one's.

    `w` and `g` are `(T, P)` parameters and gradients, read and written in place; without `g` there
    is no backward pass. `loss` is needed for the backward pass only. Passes that never run at the
    same time may work in the same arrays: in those of `like`, which has as many trials or more.
    """

    def __init__(
        self,
        layout: Layout,
        architecture: Architecture,
        samples: int,
        w: Array,
        g: Array | None = None,
        loss: Loss | None = None,
        like: Passes | None = None,
    ) -> None:
        self._layout, self._architecture = layout, architecture
        self._shape, self._w, self._g = (w.dtype, len(w), samples), w, g
        if like is None:
            self._allocate()
        else:
            self._share(like)
        self.outputs = self._full[-1]
        layers = architecture.layers
        self._first = self._arrays(0)
        bound = [layers[k].passes(self._arrays(k)) for k in range(1, len(layers))]
        self._forward: list[Call] = []
        for k, (forward, _) in enumerate(bound, start=1):
            self._forward += self._copied(k) + forward
        if g is not None and loss is not None:
            # The gradient of cross-entropy may pass through a softmax at the end already.
            self._fused = loss.classes and architecture.last == "softmax"
            self._loss_gradient = loss.gradient
            below = [backward for _, backward in bound[: len(bound) - self._fused]]
            self._backward = [call for backward in reversed(below) for call in backward]

    def bind(self, x: Array, Y: Array | None = None) -> tuple[list[Call], list[Call]]:
        """The calls of both passes on `x` (T, F + 1, samples), its last row ones.

        The first turn it into `self.outputs`; then, given targets `Y` (T, K, samples), the second
        fill `g` with the gradient.
        """
        forward, backward = self._architecture.layers[0].passes(replace(self._first, x=x))
        forward = [*forward, *self._forward]
        if Y is None:
            return forward, []
        some = self.outputs, Y, self._gradients[-1]
        loss = fused_gradient(*some) if self._fused else [partial(self._loss_gradient, *some)]
        return forward, [*loss, *self._backward, *backward]

    def _allocate(self) -> None:
        """Arrays of outputs, those that feed another with a row of ones, and of gradients."""
        dtype, trials, samples = self._shape
        written, layers = self._architecture.written, self._architecture.layers
        last = max(k for k, one in enumerate(written) if not one.kind.in_place)
        # Losses read the last layer's rows, which are as long as they say.
        alike = all(one.kind.by_sample for one in written)
        width = self._layout.width(dtype, samples) if alike else samples
        widths = [width if k < last else samples for k in range(len(layers))]
        self._full: list[Array] = []
        self._gradients: list[Any] = []
        for k, (one, layer) in enumerate(zip(written, layers, strict=True)):
            in_place = one.kind.in_place
            if in_place and written[k - 1].kind.frees_outputs:
                self._full.append(self._full[-1])
            else:
                rows = layer.outputs + (k < last)
                full = self._layout.empty(dtype, trials, rows, widths[k])
                full[:, :, samples:] = 0
                full[:, layer.outputs :] = 1
                self._full.append(full)
            if in_place or self._g is None:
                self._gradients.append(self._gradients[-1] if k else None)
            else:
                gradient = self._layout.empty(dtype, trials, layer.outputs, widths[k])
                gradient[:, :, samples:] = 0
                self._gradients.append(gradient)

    def _share(self, like: Passes) -> None:
        """Take the first trials of the arrays of `like`; what is one array there is one here."""
        own: dict[int, Any] = {id(None): None}
        for array in (*like._full, *like._gradients):
            if array is not None and id(array) not in own:
                own[id(array)] = array[: len(self._w)]
        self._full = [own[id(array)] for array in like._full]
        self._gradients = [own[id(array)] for array in like._gradients]

    def outputs_of(self, k: int) -> Array:
        """The outputs of layer k without the row of ones, `(T, O, samples)`.

        Those of an earlier layer may be overwritten by an activation in place.
        """
        return self._rows(k)[:, :, : self._shape[2]]

    def _rows(self, k: int) -> Array:
        """The same in rows as long as they are in memory."""
        return self._full[k][:, : self._architecture.layers[k].outputs]

    def _copied(self, k: int) -> list[Call]:
        """The call that brings layer k the inputs which it is to overwrite, where it needs one."""
        if self._architecture.written[k].kind.in_place and self._full[k] is not self._full[k - 1]:
            return [partial(np.copyto, self.outputs_of(k), self.outputs_of(k - 1))]
        return []

    def _arrays(self, k: int) -> Arrays:
        """What layer k computes with; the first one's inputs are still to come."""
        place = self._architecture.places[k]
        return Arrays(
            self._layout,
            self._shape[2],
            x=self._full[k - 1] if k else np.empty(0),
            y=self._rows(k),
            w=self._w[:, place],
            g=None if self._g is None else self._g[:, place],
            d=self._gradients[k],
            below=self._gradients[k - 1] if k else None,
        )
