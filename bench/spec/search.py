"""The search space of an optimizer: axes, and the combinations of their values, all or drawn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nncore.streams import generator

# Distributions that values may be drawn from; of ranges between two ends.
CHOICE = "choice"
UNIFORM = "uniform"
LOG_UNIFORM = "log_uniform"
DISTRIBUTIONS = (LOG_UNIFORM, UNIFORM, CHOICE)


@dataclass(frozen=True)
class Axis:
    """What one hyperparameter or modifier may be: some values, or a range between two ends.

    `kind` is one of `DISTRIBUTIONS`; the `values` of a range are its ends.
    """

    values: Sequence[Any]
    kind: str = CHOICE

    def draw(self, rule: str, key: str, n: int) -> list[Any]:
        """`n` values drawn for the hyperparameter `key`.

        Draw i depends on the rule, the key and the distribution alone, so that more draws keep the
        first and another range changes no other hyperparameter. Drawn from a range, they are
        rounded to 6 digits, so that they are the same on every machine.

        >>> Axis([1e-4, 1.0], "log_uniform").draw("adam", "learning_rate", 2)
        [0.00012465, 0.00917801]
        """
        if self.kind == CHOICE and len(self.values) == 1:
            return list(self.values) * n
        content = [self.kind, *self.values]
        streams = (generator("tuning", rule, key, content, i) for i in range(n))
        return [self._at(float(stream.random())) for stream in streams]

    def _at(self, u: float) -> Any:
        """The value at the quantile `u`."""
        if self.kind == CHOICE:
            return self.values[int(u * len(self.values))]
        low, high = self.values
        value = low + u * (high - low) if self.kind == UNIFORM else low * (high / low) ** u
        return float(f"{value:.6g}")


def size(axes: Mapping[str, Axis]) -> int:
    """How many combinations the values of `axes` have."""
    return math.prod(len(axis.values) for axis in axes.values())


def grid(axes: Mapping[str, Axis]) -> Iterable[dict[str, Any]]:
    """Every combination of the values of `axes`, the last axis fastest."""
    for values in itertools.product(*(axis.values for axis in axes.values())):
        yield dict(zip(axes, values, strict=True))


def drawn(axes: Mapping[str, Axis], rule: str, n: int) -> Iterable[dict[str, Any]]:
    """`n` random combinations, each axis drawn from a stream of its own; none of an empty axis."""
    if size(axes) == 0:
        return
    columns = [axis.draw(rule, key, n) for key, axis in axes.items()]
    for values in zip(*columns, strict=True):
        yield dict(zip(axes, values, strict=True))
