"""Evaluating the current batch again, for rules that ask for `gradient` or `loss`.

A rule's own gradient comes from the training passes. Whatever it wants to know of other points goes
through an oracle, is clipped as that gradient is, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncore.layers import Architecture
from nncore.losses import Loss
from nncore.stack.clipping import Clipping
from nncore.stack.layouts import Call, Layout
from nncore.stack.passes import Passes
from nncore.stack.samples import Samples

Array = NDArray[Any]


class Oracle(Protocol):
    """A first-order oracle for the trials of a stack."""

    def __call__(self, rows: Sequence[int], points: Array) -> tuple[Array, Array]:
        """Losses `(n,)` float64 and gradients `(n, P)` of n of the trials, each at its point."""


class BatchOracle:
    """The loss on the samples that `see` was last called with, and its gradient, by own passes.

    Whether few trials are asked for or all of a stack changes none of their bits.
    """

    def __init__(
        self, layout: Layout, architecture: Architecture, loss: Loss, dtype: DTypeLike
    ) -> None:
        self._layout, self._architecture, self._loss = layout, architecture, loss
        self._dtype = np.dtype(dtype)
        self._made: dict[tuple[int, int], _Arrays] = {}
        self._samples: Samples | None = None
        self._held: dict[tuple[int, int], tuple[int, ...]] = {}

    def see(self, samples: Samples) -> None:
        """Evaluate on these from now on; what they hold is read when it is first needed."""
        self._samples = samples
        self._held.clear()

    def __call__(self, rows: Sequence[int], points: Array) -> tuple[Array, Array]:
        """As `Oracle` says."""
        arrays, losses = self._evaluated(rows, points)
        return losses[: len(rows)], np.array(arrays.g[: len(rows)])

    def activations(self, rows: Sequence[int], points: Array) -> list[tuple[str, Array]]:
        """The name and the outputs `(n, O, N)` of every activation there, until the next call."""
        arrays, _ = self._evaluated(rows, points)
        return [(name, outputs[: len(rows)]) for name, outputs in arrays.activations]

    def _evaluated(self, rows: Sequence[int], points: Array) -> tuple[_Arrays, Array]:
        """The arrays that hold what was evaluated of the trials, and losses; padded."""
        assert self._samples is not None
        x, Y = self._samples
        least = max(len(rows), self._layout.least)
        padded = tuple(rows) + tuple(rows[:1]) * (least - len(rows))
        size = (least, x.shape[2])
        if size not in self._made:
            self._made[size] = _Arrays(
                self._layout, self._architecture, self._loss, self._dtype, size, self._samples
            )
        arrays = self._made[size]
        if self._held.get(size) != padded:
            arrays.x[:], arrays.Y[:] = x[list(padded)], Y[list(padded)]
            self._held[size] = padded
        arrays.w[: len(rows)], arrays.w[len(rows) :] = points, points[:1]
        return arrays, arrays.evaluate(self._loss)


class _Arrays:
    """Arrays and passes for `size` trials and samples."""

    def __init__(
        self,
        layout: Layout,
        architecture: Architecture,
        loss: Loss,
        dtype: np.dtype[Any],
        size: tuple[int, int],
        like: Samples,
    ) -> None:
        trials, samples = size
        self.w, self.g = (layout.empty(dtype, trials, architecture.size) for _ in range(2))
        self.x, self.Y = (layout.empty(dtype, trials, part.shape[1], samples) for part in like)
        passes = Passes(layout, architecture, samples, self.w, self.g, loss)
        self._outputs = passes.outputs
        kinds = [one.kind for one in architecture.written]
        self.activations = [
            (kind.name, passes.outputs_of(k)) for k, kind in enumerate(kinds) if kind.in_place
        ]
        self._forward: list[Call]
        self._forward, self._backward = passes.bind(self.x, self.Y)

    def evaluate(self, loss: Loss) -> Array:
        """Fill `g`; returns the losses `(T,)`."""
        for call in self._forward:
            call()
        losses = np.ascontiguousarray(loss.function(self._outputs, self.Y), dtype=np.float64)
        for call in self._backward:
            call()
        return np.asarray(np.add.reduce(losses, axis=1) / losses.shape[1])


class Points:
    """What is known of the current batch: loss and gradient at one point of every trial.

    At first that point is `w` (T, P), its gradient what the rule got as `g`. Whoever asks for
    another one moves it there, which counts as an evaluation of that trial; both answers at a point
    cost one. `count` (T,) adds up all evaluations, those of the updates themselves among them.
    Without an oracle there is nothing else to count.
    """

    def __init__(self, oracle: Oracle | None, clip: Clipping, w: Array) -> None:
        self._oracle, self._clip = oracle, clip
        shape = w.shape if oracle is not None else (0, 0)
        self._at, self._g = (np.empty(shape, w.dtype) for _ in range(2))
        self._losses = np.empty(len(w))
        self._all = range(len(w))
        self.count = np.zeros(len(w), np.int64)

    def begin(self, w: Array, g: Array) -> None:
        """An update begins with gradient `g` at `w`."""
        self.count += 1
        if self._oracle is not None:
            self._at[:], self._g[:], self._losses[:] = w, g, np.nan

    def gradient(self, w: Array, rows: Sequence[int] | None = None) -> Array:
        """Gradients `(n, P)` of trials `rows`, by default all, at their points `w`."""
        rows = list(self._all if rows is None else rows)
        self._move(rows, w, np.zeros(len(rows), bool))
        return np.array(self._g[rows])

    def loss(self, w: Array, rows: Sequence[int] | None = None) -> Array:
        """Losses `(n,)` of trials `rows`, by default all, at their points `w`."""
        rows = list(self._all if rows is None else rows)
        self._move(rows, w, np.isnan(self._losses[rows]))
        return np.array(self._losses[rows])

    def _move(self, rows: list[int], w: Array, lacking: NDArray[np.bool_]) -> None:
        w = np.asarray(w, self._at.dtype)
        shape: tuple[int, ...] = (len(rows), *self._at.shape[1:])
        if w.shape != shape:
            raise ValueError(f"points have the shape {w.shape}, not {shape}")
        new = (w != self._at[rows]).any(axis=1)
        if not (new | lacking).any():
            return
        assert self._oracle is not None
        losses, g = self._oracle(rows, w)
        self._clip(g, rows)
        self._losses[rows] = losses
        moved = np.array(rows)[new]
        self._at[moved], self._g[moved] = w[new], g[new]
        self.count[moved] += 1
