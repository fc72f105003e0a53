"""Metrics of a stack on the parts of its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Architecture
from nncore.losses import Loss
from nncore.metrics import Metric
from nncore.stack.layouts import Call, Layout, TrialLast
from nncore.stack.passes import Passes
from nncore.stack.samples import Samples

Array = NDArray[Any]
# Samples evaluated at once: by BLAS, and multiplications in a tiny network's largest product.
BLOCK = 512
BLOCK_PRODUCTS = 1 << 19


class Evaluation:
    """Evaluates the stack with parameters `w` (T, P) on `parts`; allocates once."""

    def __init__(
        self,
        layout: Layout,
        architecture: Architecture,
        loss: Loss,
        metrics: Sequence[Metric],
        parts: dict[str, Samples],
        w: Array,
        blocks: Sequence[slice],
    ) -> None:
        self._layout, self._architecture, self._loss, self._w = layout, architecture, loss, w
        self._metrics, self._blocks = metrics, blocks
        self._passes: dict[tuple[int, int], Passes] = {}
        self._parts = {name: self._part(samples) for name, samples in parts.items()}

    def _part(self, samples: Samples) -> Callable[[Sequence[Metric]], dict[str, Array]]:
        """A function of metrics that gives their values on one part, by name.

        Sample losses are taken block by block, while a block's outputs are in a core's cache; what
        other metrics need of them is put together.
        """
        trials, outputs, count = samples.Y.shape
        losses = self._layout.empty(self._w.dtype, trials, count)
        whole = any(metric.arguments == 2 for metric in self._metrics)
        p = np.empty((trials, outputs, count if whole else 0), self._w.dtype)
        passes: list[tuple[list[Call], Array, tuple[slice, slice]]] = []
        block = self._block(count)
        for start in range(0, count, block):
            cut = slice(start, min(start + block, count))
            for rows in self._blocks:
                x = samples.x[rows, :, cut]
                own = self._passes_of(x.shape[2], rows)
                passes.append((own.bind(x)[0], own.outputs, (rows, cut)))

        def evaluate(asked: Sequence[Metric]) -> dict[str, Array]:
            kept = any(metric.arguments == 2 for metric in asked)
            for calls, outputs, (rows, cut) in passes:
                for call in calls:
                    call()
                losses[rows, cut] = self._loss.function(outputs, samples.Y[rows, :, cut])
                if kept:
                    p[rows, :, cut] = outputs
            return {
                metric.name: metric(losses) if metric.arguments == 1 else metric(p, samples.Y)
                for metric in asked
            }

        return evaluate

    def _passes_of(self, size: int, rows: slice) -> Passes:
        """The passes of some trials on so many samples, in arrays that all trials share."""
        key = size, rows.start
        if key not in self._passes:
            like = self._passes.get((size, 0))
            self._passes[key] = Passes(
                self._layout, self._architecture, size, self._w[rows], like=like
            )
        return self._passes[key]

    def _block(self, count: int) -> int:
        # Only the trial-last layout may look at T: it adds over features, sample by sample, so its
        # bits do not depend on how samples are cut; BLAS's may.
        if not isinstance(self._layout, TrialLast):
            return min(count, BLOCK)
        trials, parameters = self._w.shape
        return min(count, max(1, BLOCK_PRODUCTS // (trials * parameters)))

    def __call__(
        self, asked: Mapping[str, Sequence[Metric]] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Metrics by column, `(T,)`: all on every part, or those that are `asked` for by part."""
        if asked is None:
            asked = dict.fromkeys(self._parts, self._metrics)
        return {
            f"{part}_{name}": values
            for part, some in asked.items()
            for name, values in self._parts[part](some).items()
        }
