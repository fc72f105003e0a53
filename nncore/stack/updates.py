"""Applying a rule to a stack: effective rates, hyperparameters as arrays, state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Parameter
from nncore.rules import Hyperparameter, Rule
from nncore.schedules import Plateau, factors
from nncore.stack.clipping import Clipping
from nncore.stack.layouts import Layout
from nncore.stack.one_by_one import one_by_one

if TYPE_CHECKING:
    from nncore.trial import Configuration

Array = NDArray[Any]
# Rates computed at once, over trials and updates.
CHUNK = 65536


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


class Updates:
    """The updates of a stack: `step()` changes `w` (T, P) by one update with the gradient in `g`.

    `rows` are the trials' configurations, all of `rule`; `parameters` are what `w` holds, one
    after another; `total` is the number of updates of the whole training.
    `buffers` is all state, every array with the trials along its first axis.
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
        self._chunk = max(1, CHUNK // len(w))
        self._table = np.empty((0, len(w), 1))
        self.plateau = Plateau(self._schedules)
        self._clip = Clipping([row.modifiers for row in rows], self._array)
        self.buffers: list[Array] = []
        self._apply = self._bind(parameters)

    def _array(self, values: Array) -> Array:
        return self._laid_out(values, self._w.dtype)

    def _hyperparameter(self, values: Array) -> Hyperparameter:
        return Hyperparameter(self._laid_out(values, np.dtype(np.float64)), self._w.dtype)

    def _laid_out(self, values: Array, dtype: np.dtype[Any]) -> Array:
        array = self._layout.empty(dtype, *values.shape)
        array[:] = values
        return array

    def _bind(self, parameters: Sequence[Parameter]) -> Callable[[Hyperparameter], None]:
        """A function of the effective rate that calls the rule; allocates its buffers."""
        rule, w, g = self._rule, self._w, self._g
        if rule.per == "element":
            flat = {name: self._array(np.zeros(w.shape)) for name in rule.buffers}
            self._flat, self.buffers = flat, list(flat.values())
            return lambda rate: rule.function(
                w, g, self.made, *self.buffers, learning_rate=rate, **self._hyperparameters
            )
        # Sums over a trial's parameters are to be the same in every layout.
        flat = {name: np.zeros(w.shape, w.dtype) for name in rule.buffers if name not in rule.state}
        self._flat, self.buffers = flat, list(flat.values())
        copied = not w.flags.c_contiguous
        w_rows, g_rows = (np.empty(w.shape, w.dtype), np.empty(w.shape, w.dtype))
        if not copied:
            w_rows, g_rows = w, g
        if rule.per == "trial":
            calls = [self._trials(tensors(parameters), w_rows, g_rows)]
        elif rule.per == "tensor":
            calls = [self._part(part, w_rows, g_rows) for part in tensors(parameters)]
        else:
            calls = [self._part(Tensor(slice(0, w.shape[1]), (w.shape[1],)), w_rows, g_rows)]

        def apply(rate: Hyperparameter) -> None:
            if copied:
                w_rows[:] = w
                g_rows[:] = g
            for call in calls:
                call(rate)
            if copied:
                w[:] = w_rows

        return apply

    def _trials(
        self, parts: Sequence[Tensor], w: Array, g: Array
    ) -> Callable[[Hyperparameter], None]:
        """A function of the effective rate that calls the rule on every trial."""
        networks = [
            [[part.of(flat)[i] for part in parts] for flat in (w, g, *self.buffers)]
            for i in range(len(w))
        ]
        call = one_by_one(self._rule, networks, self._hyperparameters)
        return lambda rate: call(self.made, rate)

    def _part(self, part: Tensor, w: Array, g: Array) -> Callable[[Hyperparameter], None]:
        """A function of the effective rate that calls the rule on one tensor."""
        rule, state = self._rule, []
        for name in rule.buffers:
            if name in rule.state:
                shape = rule.state[name](part.shape)
                self.buffers.append(np.zeros((len(w), *shape), w.dtype))
                state.append(self.buffers[-1])
            else:
                state.append(part.of(self._flat[name]))
        # A network's rule may have values that differ between weights and biases.
        cut = part.value if rule.per == "tensor" else np.ascontiguousarray
        mine = {name: value.map(cut) for name, value in self._hyperparameters.items()}
        w, g = part.of(w), part.of(g)
        return lambda rate: rule.function(
            w, g, self.made, *state, learning_rate=rate.map(cut), **mine
        )

    @property
    def evaluated(self) -> Array:
        """Where the metrics are to be taken: `w`, or the buffer `(T, P)` that the rule names."""
        return self._flat[self._rule.evaluate] if self._rule.evaluate else self._w

    def keep(self, other: Updates, rows: Sequence[int]) -> None:
        """Go on where `other` is, with the state of its `rows`."""
        self.made = other.made
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
        if position == 0 or not len(self._table):
            start = self.made - position
            updates = np.arange(start, start + self._chunk, dtype=np.float64)
            table = factors(self._decays, self._schedules, updates, self._total).T[:, :, None]
            # Where biases have their own rate, the product (chunk, T, P) would be large.
            self._table = self._rate * table if self._plain else table.copy()
        row = self._table[position]
        return self._hyperparameter(row if self._plain else self._rate * row)

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
        self._apply(rate)
