"""Applying a rule to a stack: effective rates, hyperparameters as arrays, state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Parameter
from nncore.registry import BUILT_IN
from nncore.rules import Hyperparameter, Rule
from nncore.schedules import Plateau, factors
from nncore.stack.binding import Bound, by_rows, copied, elementwise, wrapped
from nncore.stack.clipping import Clipping
from nncore.stack.fading import Fading
from nncore.stack.layouts import Layout
from nncore.stack.oracle import Oracle, Points
from nncore.stack.supplies import Asking, Supplies
from nncore.stack.tensors import spread, tensors, vectors
from nncore.wrappers import wrappers

if TYPE_CHECKING:
    from nncore.trial import Configuration

Array = NDArray[Any]
# Rates computed at once: over trials and updates, and updates.
CHUNK, AHEAD = 65536, 512


class Updates:
    """The updates of a stack: `step()` changes `w` (T, P) by one update with the gradient in `g`.

    `rows` are the trials' configurations, all of `rule`; `parameters` are what `w` holds, one
    after another; `total` is the number of updates of the whole training. Rules that draw random
    numbers need the trials' `seeds`, those that evaluate more than their gradient an `oracle`.
    """

    def __init__(
        self,
        rule: Rule,
        rows: Sequence[Configuration],
        parameters: Sequence[Parameter],
        total: int,
        layout: Layout,
        w: Array,
        g: Array,
        *,
        seeds: Sequence[int] = (),
        oracle: Oracle | None = None,
    ) -> None:
        self._rule, self._total = rule, total
        self._w, self._g, self._layout, self.made = w, g, layout, 0
        values, biases = [row.hyperparameters for row in rows], vectors(parameters)
        self._rate = spread("learning_rate", values, biases)
        self._hyperparameters = {
            name: self._hyperparameter(spread(name, values, biases))
            for name in rule.parameters
            if name != "learning_rate"
        }
        self._decays = np.array([v["decay"] for v in values])
        self._schedules = [row.modifiers.get("schedule") for row in rows]
        self._constant = None
        if not self._decays.any() and not any(self._schedules):
            self._constant = self._hyperparameter(self._rate)
        self._chunk = max(1, min(CHUNK // len(w), AHEAD, total))
        self._rates: list[Hyperparameter] = []
        self.plateau = Plateau(self._schedules)
        self._clip = Clipping([row.modifiers for row in rows], self._array)
        self._chain = [row.modifiers.get("wrap", ()) for row in rows]
        self._wrappers = [wrappers[table["name"]] for table in self._chain[0]]
        pieces: list[Asking] = [rule, *self._wrappers]
        options = [row.modifiers.get("options", {}) for row in rows]
        points = Points(oracle, self._clip, w)
        self._supplies = Supplies(pieces, seeds, points, len(w), options)
        self._bound = self._bind(parameters)
        epsilons = [[v.get("epsilon", 1.0), v.get("bias.epsilon", 1.0)] for v in values]
        # State of others' rules is theirs alone.
        ours = rule.ours and all(piece.origin == BUILT_IN for piece in self._wrappers)
        self._fading = Fading(self._bound.buffers if ours else (), np.array(epsilons))

    def _array(self, values: Array) -> Array:
        return self._laid_out(values, self._w.dtype)

    def _hyperparameter(self, values: Array) -> Hyperparameter:
        return Hyperparameter.of(self._laid_out(values, np.dtype(np.float64)), self._w.dtype)

    def _laid_out(self, values: Array, dtype: np.dtype[Any]) -> Array:
        array = self._layout.empty(dtype, *values.shape)
        array[:] = values
        return array

    def _bind(self, parameters: Sequence[Parameter]) -> Bound:
        """The rule on the stack's arrays, in what wraps it."""
        rule, w, g = self._rule, self._w, self._g
        values, supplies = self._hyperparameters, self._supplies
        if rule.per == "element" and not self._wrappers:
            return elementwise(rule, values, supplies, self._layout, w, g)
        parts = tensors(parameters)
        w_rows, g_rows = w, g
        if not w.flags.c_contiguous:
            w_rows, g_rows = np.empty(w.shape, w.dtype), np.empty(w.shape, w.dtype)
        inside = by_rows(rule, values, supplies, parts, w_rows, g_rows)
        for place, wrapper in enumerate(self._wrappers):
            own = {
                name: Hyperparameter(
                    np.array([[float(chain[place][name])] for chain in self._chain]), w.dtype
                )
                for name in wrapper.parameters
            }
            inside = wrapped(wrapper, inside, own, supplies, parts, w_rows, g_rows)
        return inside if w_rows is w else copied(inside, self._layout, w, g, w_rows, g_rows)

    @property
    def buffers(self) -> Sequence[Array]:
        """All state, every array with the trials along its first axis."""
        return self._bound.buffers

    @property
    def evaluated(self) -> Array:
        """Where the metrics are to be taken: `w`, or the buffer `(T, P)` that the rule names."""
        return self._bound.evaluated

    @property
    def evaluations(self) -> NDArray[np.int64]:
        """How often each trial has evaluated a batch, `(T,)`: once an update, or more often."""
        return self._supplies.points.count

    def keep(self, other: Updates, rows: Sequence[int]) -> None:
        """Go on where `other` is, with the state of its `rows`."""
        self.made = other.made
        self._supplies.keep(other._supplies, rows)
        self.plateau.keep(other.plateau, rows)
        for buffer, before in zip(self.buffers, other.buffers, strict=True):
            buffer[:] = before[rows]

    def rate(self) -> Hyperparameter:
        """The effective rate of the next update, `(T, 1)` or `(T, P)`."""
        if self.plateau.watches:
            factor = self._factor() * self.plateau.factor[:, None]
            return self._hyperparameter(self._rate * factor)
        if self._constant is not None:
            return self._constant
        position = self.made % self._chunk
        if position == 0 or not self._rates:
            self._rates = self._next_rates(self.made - position)
        if self._plain:
            return self._rates[position]
        # Where biases have their own rate, the product (chunk, T, P) would be large.
        return self._hyperparameter(self._rate * self._rates[position].exact)

    def _next_rates(self, start: int) -> list[Hyperparameter]:
        """Rates, or what is to be multiplied with them, of the updates computed at once."""
        updates = np.arange(start, start + self._chunk, dtype=np.float64)
        table = factors(self._decays, self._schedules, updates, self._total).T
        if self._plain:
            table = self._rate[:, 0] * table
        own = table.copy()
        rows, rounded = own[:, :, None], own.astype(self._w.dtype)[:, :, None]
        alike = (own == own[:, :1]).all(axis=1) & (own[:, 0] != 0)
        dtype, trials = self._w.dtype, len(self._w)
        return [
            Hyperparameter(row[0, 0], dtype, trials) if one else Hyperparameter(row, dtype, 0, near)
            for row, near, one in zip(rows, rounded, alike.tolist(), strict=True)
        ]

    def _factor(self) -> NDArray[np.float64]:
        """Of the next update, `(T, 1)`, where rates cannot be computed beforehand."""
        return factors(self._decays, self._schedules, np.array([float(self.made)]), self._total)

    @property
    def _plain(self) -> bool:
        return self._rate.shape[1] == 1

    def step(self) -> None:
        """One update of all trials."""
        rate = self.rate()
        self.made += 1
        self._clip(self._g)
        self._supplies.points.begin(self._w, self._g)
        self._bound.step(self.made, rate)
        self._fading.after(self.made)
