"""What a rule is: its registry, its kinds, and the values that its hyperparameters may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nncore.registry import BUILT_IN, Entry, Registry, describe, needed, positional
from nncore.rules.source import rebound

Array = NDArray[Any]
Per = Literal["element", "tensor", "network", "trial"]
Shape = tuple[int, ...]
F = TypeVar("F", bound=Callable[..., Any])
# What a rule may ask for besides: keyword-only names without a default.
RESERVED = ("rng", "gradient", "loss", "memory")
EVALUATIONS = ("gradient", "loss")


@dataclass(frozen=True)
class Rule(Entry):
    """An update rule.

    `buffers` names its state and `per` says what it must see at once. `state` gives the shape of
    buffers that differ from their tensor's or network's, as functions of that shape, without the
    axis of trials. `evaluate` names the buffer at which metrics are taken, if not at `w`.
    `varying` names the hyperparameters of which biases and gains may have their own. `needs` has
    what it asks for of `RESERVED`.

    One of another package names it and its version in `package`. It has `options`, switches and
    words with their defaults, of which it gets those that differ; `required` are hyperparameters
    that have no default of their own, `aliases` other names of some. `refusal` says why it does not
    take some hyperparameters and options, or nothing.
    """

    buffers: tuple[str, ...]
    per: Per
    state: Mapping[str, Callable[[Shape], Shape]] = field(default_factory=dict)
    evaluate: str = ""
    varying: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    package: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    refusal: Callable[[Mapping[str, float], Mapping[str, Any]], str] | None = None

    def domain(self, hyperparameter: str) -> Domain:
        """Where the values of one of its hyperparameters may lie; another package knows its own."""
        known = not self.package or hyperparameter in ("learning_rate", "decay")
        return domain(hyperparameter) if known else Domain()

    @property
    def ours(self) -> bool:
        """Whether it is built in and no other package's: it does arithmetic and nothing else."""
        return self.origin == BUILT_IN and not self.package

    @property
    def evaluates(self) -> bool:
        """Whether it evaluates batches by itself, more than once an update."""
        return any(name in self.needs for name in EVALUATIONS)

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The defaults of all that a configuration gives a value, in the order of the columns.

        The harness's own `decay` follows the learning rate.
        """
        rate = self.parameters["learning_rate"]
        return {"learning_rate": rate, "decay": 0.0, **self.parameters}


rules: Registry[Rule] = Registry("rule")


@overload
def rule(function: F) -> F: ...
@overload
def rule(
    *,
    per: Per = "element",
    state: Mapping[str, Callable[[Shape], Shape]] | None = None,
    evaluate: str = "",
    varying: Sequence[str] = (),
) -> Callable[[F], F]: ...
def rule(
    function: F | None = None,
    *,
    per: Per = "element",
    state: Mapping[str, Callable[[Shape], Shape]] | None = None,
    evaluate: str = "",
    varying: Sequence[str] = (),
) -> F | Callable[[F], F]:
    """Register an update rule: `@rule`, `@rule(per="tensor")`, `@rule(evaluate="x")`.

    Biases may have hyperparameters of their own; of a rule per network only those `varying`, which
    then arrive as `(T, P)`; of a rule per trial none. Raises TypeError when the signature does not
    begin with `w, g, t` or lacks `learning_rate`, when `state` or `evaluate` names what is no
    buffer of this shape, or `varying` what is no hyperparameter, when a rule per tensor asks for
    what takes all of `w`, and when a plugin's stacked rule rebinds `w` or a buffer.
    """
    shapes = dict(state or {})

    def register(function: F) -> F:
        arguments, entry = positional(function), describe(function, RESERVED)
        if arguments[:3] != ("w", "g", "t") or "learning_rate" not in entry["parameters"]:
            raise TypeError(
                f"rule {function.__name__}: write it as "
                f"def {function.__name__}(w, g, t, *buffers, learning_rate=..., ...)"
            )
        buffers = arguments[3:]
        alike = per in ("element", "trial")
        if stray := [name for name in shapes if name not in buffers or alike]:
            raise TypeError(f"rule {function.__name__}: {stray[0]} is no buffer with its own shape")
        if evaluate and (evaluate not in buffers or evaluate in shapes):
            raise TypeError(f"rule {function.__name__}: {evaluate} is no buffer of w's shape")
        may_vary = () if per == "trial" else entry["parameters"]
        if stray := [name for name in varying if name not in may_vary]:
            raise TypeError(f"rule {function.__name__}: {stray[0]} is no hyperparameter")
        needs = needed(function, RESERVED)
        if per == "tensor" and (stray := [name for name in needs if name in EVALUATIONS]):
            raise TypeError(
                f"rule {function.__name__}: {stray[0]} takes all of w, and a rule per tensor sees "
                'a part; write @rule(per="network")'
            )
        if per == "tensor" and "memory" in needs:
            raise TypeError(
                f"rule {function.__name__}: memory is a network's, and a rule per tensor sees a "
                'part; write @rule(per="network")'
            )
        if entry["origin"] != BUILT_IN and per != "trial":
            for name, line in rebound(function, ("w", *buffers)):
                raise TypeError(
                    f"rule {function.__name__}, line {line}: {name} = ... makes another array and "
                    f"leaves {name} as it is; write {name}[:] = ..."
                )
        own = tuple(varying if per in ("network", "trial") else entry["parameters"])
        rules.add(
            Rule(
                **entry,
                buffers=buffers,
                per=per,
                state=shapes,
                evaluate=evaluate,
                varying=own,
                needs=needs,
            )
        )
        return function

    return register if function is None else register(function)


@dataclass(frozen=True)
class Domain:
    """The values that make sense for a hyperparameter: an interval, its ends in or out.

    >>> str(Domain(0, 1, closed="left")), 1.0 in Domain(0, 1, closed="left")
    ('at least 0 and below 1', False)
    """

    low: float = -math.inf
    high: float = math.inf
    closed: Literal["left", "neither", "both"] = "neither"

    def __contains__(self, value: float) -> bool:
        above = value > self.low or (self.closed != "neither" and value == self.low)
        below = value < self.high or (self.closed == "both" and value == self.high)
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        parts = []
        if self.low > -math.inf:
            parts.append(f"{'above' if self.closed == 'neither' else 'at least'} {self.low:g}")
        if self.high < math.inf:
            parts.append(f"{'at most' if self.closed == 'both' else 'below'} {self.high:g}")
        return " and ".join(parts) or "finite"


POSITIVE = Domain(0)
NOT_NEGATIVE = Domain(0, closed="left")
FRACTION = Domain(0, 1, closed="left")
DOMAINS = {
    "learning_rate": POSITIVE,
    "decay": NOT_NEGATIVE,
    "momentum": FRACTION,
    "rho": FRACTION,
    "beta_1": FRACTION,
    "beta_2": FRACTION,
    "beta_3": FRACTION,
    "epsilon": NOT_NEGATIVE,
    "weight_decay": NOT_NEGATIVE,
    "dampening": Domain(0, 1, closed="both"),
    "final_ratio": POSITIVE,
    "gamma": POSITIVE,
    "exponent": POSITIVE,
    "threshold": POSITIVE,
    "momentum_decay": NOT_NEGATIVE,
    "increase": Domain(1, closed="left"),
    "decrease": Domain(0, 1),
    "smallest": NOT_NEGATIVE,
    "largest": POSITIVE,
    "trust": POSITIVE,
    "initial_distance": POSITIVE,
}


def domain(hyperparameter: str) -> Domain:
    """Where the values of `hyperparameter` may lie; any finite number for unknown names."""
    return DOMAINS.get(hyperparameter, Domain())


def norm(x: Array) -> Array:
    """Euclidean norm of what each trial has in `x` (T, ...): `(T, 1, ...)`.

    Squares are added in the order of a contiguous row, whatever `x` looks like in memory, and in
    float64: in float32, those of gradients below 1e-23 are 0.

    >>> norm(np.array([[3.0, 4.0]]))
    array([[5.]])
    """
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    squares = np.square(rows, dtype=np.float64)
    lengths = np.sqrt(np.add.reduce(squares, axis=1)).astype(x.dtype)
    return lengths.reshape(len(x), *[1] * (x.ndim - 1))
