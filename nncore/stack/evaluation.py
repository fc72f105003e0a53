"""Metrics of a stack on the parts of its data: losses, accuracy, R squared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Architecture
from nncore.losses import Loss
from nncore.stack.layouts import Call, Layout, TrialLast
from nncore.stack.passes import Passes
from nncore.stack.samples import Samples

Array = NDArray[Any]
# Samples evaluated at once: by BLAS, and multiplications in a tiny network's largest product.
BLOCK = 512
BLOCK_PRODUCTS = 1 << 16
# What a network whose parameters or losses are not finite is worth.
WORST = {"loss": np.inf, "accuracy": 0.0, "r2": -np.inf}


def metric_names(parts: Sequence[str], classes: bool) -> list[str]:
    """Names of the metrics in the order of the tables: losses first."""
    score = "accuracy" if classes else "r2"
    return [f"{part}_loss" for part in parts] + [f"{part}_{score}" for part in parts]


class Evaluation:
    """Evaluates the stack with parameters `w` (T, P) on `parts`; allocates once."""

    def __init__(
        self,
        layout: Layout,
        architecture: Architecture,
        loss: Loss,
        parts: dict[str, Samples],
        w: Array,
    ) -> None:
        self._layout, self._architecture, self._loss, self._w = layout, architecture, loss, w
        self._passes: dict[int, Passes] = {}
        self._parts = {name: self._part(samples) for name, samples in parts.items()}

    def _part(self, samples: Samples) -> Callable[[], dict[str, Array]]:
        count = samples.Y.shape[2]
        sample_losses = self._layout.empty(self._w.dtype, len(self._w), count)
        classes, total = self._loss.classes, np.empty(0)
        residuals = (
            np.empty((len(self._w), count), bool)
            if classes
            else np.empty((len(self._w), *samples.Y.shape[1:]))
        )
        if not classes:
            Y = np.ascontiguousarray(samples.Y, dtype=np.float64)
            total = _sum_of_squares(Y - Y.mean(axis=2, keepdims=True)) * self._loss.scored
        blocks: list[tuple[list[Call], slice, Passes]] = []
        block = self._block(count, samples)
        for start in range(0, count, block):
            cut = slice(start, min(start + block, count))
            x = samples.x[:, :, cut]
            size = x.shape[2]
            if size not in self._passes:
                self._passes[size] = Passes(self._layout, self._architecture, size, self._w)
            passes = self._passes[size]
            blocks.append((passes.bind(x)[0], cut, passes))

        def evaluate() -> dict[str, Array]:
            for calls, cut, passes in blocks:
                for call in calls:
                    call()
                p, Y = passes.outputs, samples.Y[:, :, cut]
                sample_losses[:, cut] = self._loss.function(p, Y)
                if classes:
                    residuals[:, cut] = p.argmax(axis=1) == Y.argmax(axis=1)
                else:
                    residuals[:, :, cut] = p
                    residuals[:, :, cut] -= Y
            mean = np.add.reduce(sample_losses, axis=1) / sample_losses.dtype.type(count)
            if classes:
                score = np.count_nonzero(residuals, axis=1) / count
            else:
                score = np.where(total > 0, 1 - _sum_of_squares(residuals) / total, np.nan)
            return {"loss": mean.astype(np.float64), "accuracy" if classes else "r2": score}

        return evaluate

    def _block(self, count: int, samples: Samples) -> int:
        # Only the trial-last layout may look at T: it adds over features, sample by sample, so its
        # bits do not depend on how samples are cut; BLAS's may.
        if not isinstance(self._layout, TrialLast):
            return min(count, BLOCK)
        trials, parameters = self._w.shape
        return min(count, max(1, BLOCK_PRODUCTS // (trials * parameters)))

    def __call__(self) -> dict[str, NDArray[np.float64]]:
        """Every metric `(T,)`; R squared is NaN where all targets are equal."""
        found = {}
        for name, evaluate in self._parts.items():
            for metric, values in evaluate().items():
                found[f"{name}_{metric}"] = values
        return found


def _sum_of_squares(values: Array) -> NDArray[np.float64]:
    """Sum over outputs and samples of `(T, K, N)` float64, sample by sample first."""
    return np.add.reduce(np.add.reduce(values * values, axis=2), axis=1)
