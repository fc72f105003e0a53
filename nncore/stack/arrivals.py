"""When trials first reach their targets: to the epoch, whatever is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.losses import Loss
from nncore.metrics import LOSS, Columns, Metric, metrics
from nncore.trial import Target

Array = NDArray[Any]
Epochs = NDArray[np.float64]
Compare = Callable[[Epochs, Epochs], NDArray[np.bool_]]


class Arrivals:
    """Looks, after every epoch, for those of n `trials` that reach one of K `targets` at last.

    `epochs` `(n, K)` are those after which they did; infinite: not yet. Targets in other columns
    than those in `known` are left out: nothing can be said about them. What is looked at is a
    metric on a part, with the loss of that part, without which nothing is reached. Each column is
    looked at in one way alone, so that a record changes nothing: `in_passing`, if it belongs to
    the training part and the outputs are there anyway, or by evaluating what is `apart`.
    """

    def __init__(self, targets: Sequence[Target], known: Columns, loss: Loss, trials: int) -> None:
        self.targets = [target for target in targets if target.column in known]
        self.epochs: Epochs = np.full((trials, len(self.targets)), np.inf)
        self._known, self._loss = known, loss

    def follow(self, trials: Sequence[int], w: Array, *, outputs: bool) -> None:
        """Go on with these `trials`, whose parameters are the first rows of `w` (T, P).

        `outputs`: those of the whole training part are seen in passing.
        """
        self._trials, self._w, self._outputs = list(trials), w, outputs
        self._look_out()

    def _look_out(self) -> None:
        """Which targets have still to be reached, and which metrics are looked at, by part."""
        # By which of the trials in the stack, `(k, K)`.
        self._waiting = self.epochs[self._trials] == np.inf
        looked: dict[str, dict[str, Metric]] = {}
        # What each trial in the stack has to reach, by target: NaN, which nothing does, if it has.
        self._goals: list[tuple[str, Compare, Epochs]] = []
        for (column, value), some in zip(self.targets, self._waiting.T, strict=True):
            if some.any():
                part, _, name = column.partition("_")
                looked.setdefault(part, {LOSS: metrics[LOSS]})[name] = metrics[name]
                goals = np.full(len(self._w), np.nan)
                goals[: len(some)][some] = value
                self._goals.append((column, self._known[column].reached, goals))
        self.apart = {part: list(found.values()) for part, found in looked.items()}
        passing = self.apart.pop("train", []) if self._outputs else []
        self._passing = {f"train_{metric.name}": metric for metric in passing}

    @property
    def passing(self) -> bool:
        """Whether something is looked at in passing."""
        return bool(self._passing)

    def in_passing(self, epoch: int, p: Array, Y: Array) -> None:
        """Look at the training part, given outputs and targets `(T, K, N)` of all after `epoch`."""
        if self._passing:
            losses = self._loss.function(p, Y)
            found = {
                column: metric(losses) if metric.arguments == 1 else metric(p, Y)
                for column, metric in self._passing.items()
            }
            self._see(epoch, found)

    def see(self, epoch: int, found: Mapping[str, Epochs]) -> None:
        """Look at what is `apart`, given columns `(T,)` after `epoch`; others may be among them."""
        self._see(epoch, {c: v for c, v in found.items() if c.partition("_")[0] in self.apart})

    def _see(self, epoch: int, found: Mapping[str, Epochs]) -> None:
        for column, reached, goals in self._goals:
            if column in found and reached(found[column], goals).any():
                break
        else:
            return
        there = np.zeros_like(self._waiting)
        for place, (column, value) in enumerate(self.targets):
            if column in found:
                there[:, place] = self._known[column].reached(found[column], value)[: len(there)]
        there &= self._waiting
        finite = np.logical_and.reduce(np.isfinite(self._w), axis=1)
        for column, values in found.items():
            finite &= np.isfinite(values) | (column.partition("_")[2] != LOSS)
        for trial, some in zip(self._trials, there & finite[: len(there), None], strict=True):
            self.epochs[trial, some] = epoch
        self._look_out()

    def of(self, trial: int) -> dict[Target, float]:
        """The epochs of one trial."""
        return dict(zip(self.targets, self.epochs[trial].tolist(), strict=True))
