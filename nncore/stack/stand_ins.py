"""Stand-ins for what a rule is called with, which note what it computes with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from nncore.rules.hyperparameter import ROUNDED_ONCE

# With one result, of the dtype of their arrays, an element from the elements in its place.
ELEMENTWISE = ROUNDED_ONCE | {
    np.positive,
    np.negative,
    np.absolute,
    np.sign,
    np.square,
    np.sqrt,
    np.reciprocal,
    np.exp,
    np.log,
    np.tanh,
}
# What NumPy makes of an array to the power of a number.
POWERS = {2: np.square, 0.5: np.sqrt}
RATE = "learning_rate"
POWER = "{0} ** {1}"


class BeyondError(Exception):
    """A rule does what is not recorded."""


@dataclass
class Op:
    """A call of a ufunc: the texts of its operands, and the name of the array it writes."""

    ufunc: str
    inputs: list[str]
    out: str


class Tape:
    """What has been noted: calls on arrays in order, and lines that compute the numbers they need.

    `fixed` lines are for once, `moving` ones for every update: each where any hyperparameters may
    differ between trials, where the rate alone does, and where none does; the last two are None
    where they are not known to give the same bits. `rounded` names the numbers that arrays are
    computed with, `rows` arrays of one number by the name of that.
    """

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.fixed: list[str] = []
        self.moving: list[tuple[str, str | None, str | None]] = []
        self.rounded: list[str] = []
        self.rows: dict[str, str] = {}
        self._count = 0

    def name(self, kind: str) -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"{kind}{self._count}"


class Number:
    """Stands in for `t`, a hyperparameter, or what is computed of them.

    It `varies` from update to update, is a hyperparameter (`hyper`) rather than one of Python's
    numbers, and depends on the rate (`rated`), or not. `texts` are its names as in `Tape.moving`.
    """

    def __init__(
        self, tape: Tape, code: str, *, varies: bool, hyper: bool, rated: bool = False
    ) -> None:
        self.tape, self.varies, self.hyper, self.rated = tape, varies, hyper, rated
        number = f"{code}_" if hyper or code[0] == "n" else code
        self.texts = code, code if rated else number, number
        self._operand = ""

    @property
    def operand(self) -> str:
        """The name of what arrays are computed with."""
        if not self.hyper:
            raise BeyondError("t itself meets an array")
        if not self._operand:
            self._operand = name = self.tape.name("o")
            here = f"{name} = {self.texts[0]}.operand"
            if self.varies:
                there = f"{name}[()] = {self.texts[2]}"
                self.tape.moving.append((here, here if self.rated else there, there))
                self.tape.rounded.append(name)
            else:
                self.tape.fixed.append(here)
        return self._operand

    def _with(self, form: str, other: Any) -> Any:
        if type(other) in (int, float):
            other = Number(self.tape, repr(other), varies=False, hyper=False)
        if not isinstance(other, Number):
            return NotImplemented
        shared: str | None = form.format(self.texts[2], other.texts[2])
        if "**" in form and (self.hyper or other.hyper):
            shared = self._raised(other) if form == POWER and not other.hyper else None
        return self._noted(form, shared, other)

    def _noted(self, form: str, shared: str | None, *others: Number) -> Number:
        """A number that is computed of this one and others."""
        some = self, *others
        varies, hyper, rated = (
            any(getattr(x, name) for x in some) for name in ("varies", "hyper", "rated")
        )
        name = self.tape.name("n")
        found = Number(self.tape, name, varies=varies, hyper=hyper, rated=rated)
        own, mixed = (form.format(*(x.texts[k] for x in some)) for k in range(2))
        if varies:
            alone = shared and f"{name}_ = {shared}"
            between = f"{name} = {mixed}" if rated else alone
            self.tape.moving.append((f"{name} = {own}", between, alone))
        else:
            self.tape.fixed.append(f"{name} = {own}")
        return found

    def _raised(self, exponent: Number) -> str:
        """A power as hyperparameters take it: in the last bit, NumPy's numbers have others."""
        number, power = self.texts[2], exponent.texts[2]
        if power == "0.5":
            return f"sqrt({number})"
        if self.varies:
            return f"({number}.reshape(1) ** {power})[0]"
        self.tape.rows[number] = row = f"{number}_"
        return f"({row} ** {power})[0]"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if any(isinstance(x, Values) for x in inputs):
            return NotImplemented
        if method != "__call__" or keywords or len(inputs) != 1 or not self.hyper:
            raise BeyondError(f"{ufunc.__name__} of numbers")
        form = f"{ufunc.__name__}({{0}})"
        return self._noted(form, form.format(self.texts[2]))

    def __neg__(self) -> Any:
        return self._noted("-{0}", f"-{self.texts[2]}")

    def __bool__(self) -> bool:
        raise BeyondError("a branch on a number")

    def __repr__(self) -> str:
        raise BeyondError("a number is shown")

    __array__ = __float__ = __int__ = __index__ = __len__ = __iter__ = __bool__
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: bool(self)
    __hash__ = None  # type: ignore[assignment]


def _operator(name: str, form: str) -> None:
    reflected = form.replace("{0}", "{2}").replace("{1}", "{0}").replace("{2}", "{1}")
    setattr(Number, f"__{name}__", lambda self, other: self._with(form, other))
    setattr(Number, f"__r{name}__", lambda self, other: self._with(reflected, other))


for _name, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("pow", "**")):
    _operator(_name, f"{{0}} {_sign} {{1}}")


class Values(NDArrayOperatorsMixin):
    """Stands in for an array: one that is given, or one that passes."""

    def __init__(self, tape: Tape, name: str) -> None:
        self._tape, self._name = tape, name

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: tuple[Any] | None = None, **keywords: Any
    ) -> Any:
        if method != "__call__" or keywords or ufunc not in ELEMENTWISE:
            raise BeyondError(f"{ufunc.__name__} of arrays")
        into = self._new() if out is None else out[0]
        if not isinstance(into, Values):
            raise BeyondError("results in another array")
        operands = [self._operand(ufunc, x) for x in inputs]
        self._tape.ops.append(Op(ufunc.__name__, operands, into._name))
        return into

    def _operand(self, ufunc: Any, x: Any) -> str:
        if isinstance(x, Values):
            return x._name
        if isinstance(x, Number) and ufunc in ROUNDED_ONCE:
            return x.operand
        if type(x) in (int, float):
            name = self._tape.name("c")
            self._tape.fixed.append(f"{name} = rounded({x!r})")
            return name
        raise BeyondError(f"{ufunc.__name__} with {type(x).__name__}")

    def _new(self) -> Values:
        return Values(self._tape, self._tape.name("x"))

    def __pow__(self, exponent: Any) -> Values:
        if type(exponent) not in (int, float) or exponent not in POWERS:
            raise BeyondError("a power of arrays")
        found: Values = POWERS[exponent](self)
        return found

    def __setitem__(self, at: Any, value: Any) -> None:
        if at != slice(None) or not isinstance(value, Values):
            raise BeyondError("a part of an array")
        self._tape.ops.append(Op("positive", [value._name], self._name))

    def __bool__(self) -> bool:
        raise BeyondError("a branch on an array")

    def __repr__(self) -> str:
        raise BeyondError("an array is shown")

    __array__ = __float__ = __len__ = __iter__ = __bool__
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, at: Any) -> Any:
        raise BeyondError("a part of an array")

    def __array_function__(self, *arguments: Any) -> Any:
        raise BeyondError("a function of arrays")
