"""An elementwise rule's arithmetic, recorded once and replayed into arrays that stay.

Written as its paper writes it, a rule makes an array for every term, which costs as much as the
arithmetic. So it is called once with stand-ins, which note what is computed with them; what they
noted becomes a function of straight calls of the same ufuncs on the same numbers, whose results
are the same bits. Numbers that change from update to update are computed as the rule does, with
hyperparameters; those that do not, once.

A rule that does anything else (branches on `t`, asks for a shape, looks into an array) is not
recorded, but called as it is.

Where all trials share all hyperparameters, the numbers of an update are computed as such, in a
tenth of the time that takes with hyperparameters of which each trial may have its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

from nncore.rules.hyperparameter import ROUNDED_ONCE, Hyperparameter

Array = NDArray[Any]
Step = Callable[[int, Hyperparameter], None]

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


@dataclass(frozen=True)
class Recording:
    """The `source` of a function that binds a rule's calls to arrays, of which it wants some more.

    `bind(arrays, scratch, hyperparameters, dtype)` returns the call that makes an update.
    """

    source: str
    scratch: int

    def bind(
        self,
        arrays: Sequence[Array],
        scratch: Sequence[Array],
        hyperparameters: Mapping[str, Hyperparameter],
        dtype: DTypeLike,
    ) -> Step:
        """The step on `w`, `g` and buffers, given as many arrays of their shape to work in."""
        names: dict[str, Any] = {ufunc.__name__: ufunc for ufunc in ELEMENTWISE}
        exec(self.source, names)
        step: Step = names["bind"](arrays, scratch, hyperparameters, lambda x: np.array(x, dtype))
        return step


@lru_cache(maxsize=256)
def record(
    function: Callable[..., Any], buffers: int, hyperparameters: tuple[str, ...]
) -> Recording | None:
    """What `function(w, g, t, *buffers, learning_rate=..., ...)` does; None if it is not known."""
    tape = _Tape()
    arrays = [_Values(tape, f"a{k}") for k in range(2 + buffers)]
    numbers = {
        name: _Number(tape, name, varies=name == RATE, hyper=True) for name in hyperparameters
    }
    time = _Number(tape, "t", varies=True, hyper=False)
    try:
        function(*arrays[:2], time, *arrays[2:], **numbers)
    except Exception:  # whatever it wanted with a stand-in: the rule itself will do it
        return None
    return tape.recording(len(arrays), [name for name in hyperparameters if name != RATE])


@dataclass
class _Op:
    """A call of a ufunc: the texts of its operands, and the name of the array it writes."""

    ufunc: str
    inputs: list[str]
    out: str


class _Tape:
    """What has been noted: calls on arrays in order, and the numbers that they need.

    `fixed` and `moving` are lines that compute numbers, once or in every update; `shared` those of
    an update where they are numbers indeed, and None where that is not known to be the same.
    `rounded` names those of them that arrays are computed with, `rows` those that are wanted as
    arrays of one number, with the names of these.
    """

    def __init__(self) -> None:
        self.ops: list[_Op] = []
        self.fixed: list[str] = []
        self.moving: list[str] = []
        self.shared: list[str | None] = []
        self.rounded: list[str] = []
        self.rows: dict[str, str] = {}
        self._count = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def number(self, code: str, *, varies: bool, shared: str | None = None) -> str:
        """Note a number that `code` computes, `shared` for all trials; returns its name."""
        name = self.name("n")
        if varies:
            self.moving.append(f"{name} = {code}")
            self.shared.append(shared and f"{name}_ = {shared}")
        else:
            self.fixed += [f"{name} = {code}"]
        return name

    def operand(self, number: str, *, varies: bool) -> str:
        """Note that arrays are computed with a number; returns the name of what they meet."""
        name = self.number(f"{number}.operand", varies=varies)
        if varies:
            self.shared[-1] = f"{name}[()] = {number}_"
            self.rounded.append(name)
        return name

    def recording(self, arrays: int, hyperparameters: Sequence[str]) -> Recording:
        """The source: numbers first, then calls, in as few arrays as hold what is still needed."""
        ops = list(_without_copies(self.ops))
        places, scratch = _places(ops)
        calls = [
            f"{op.ufunc}({', '.join(places.get(x, x) for x in op.inputs)}, "
            f"out={places.get(op.out, op.out)})"
            for op in ops
        ]
        needed = {line.partition(" = ")[0] for line in self.fixed if ".operand" not in line}
        numbers = [*hyperparameters, *sorted(needed - {x for op in ops for x in op.inputs})]
        lines = [
            f"{_listed('a', arrays)} = arrays",
            *([f"{_listed('s', scratch)} = scratch"] if scratch else []),
            *(f"{name} = hyperparameters[{name!r}]" for name in hyperparameters),
            *self.fixed,
            f"def step(t, {RATE}):",
            *(f"    {line}" for line in self.moving + calls or ["pass"]),
        ]
        if None not in self.shared:
            lines += [
                f"if not all(x.shared for x in ({_listed('', hyperparameters)})):",
                "    return step",
                *(f"{name}_ = {name}.number" for name in numbers),
                *(f"{row} = {name}.reshape(1)" for name, row in self.rows.items()),
                *(f"{name} = rounded(0)" for name in self.rounded),
                f"def shared(t, {RATE}):",
                f"    if not {RATE}.shared:",
                f"        return step(t, {RATE})",
                f"    {RATE}_ = {RATE}.number",
                *(f"    {line}" for line in [*self.shared, *calls]),
                "return shared",
            ]
        else:
            lines.append("return step")
        body = "\n".join(f"    {line}" for line in lines)
        return Recording(f"def bind(arrays, scratch, hyperparameters, rounded):\n{body}\n", scratch)


def _listed(kind: str, names: int | Sequence[str]) -> str:
    some = range(names) if isinstance(names, int) else names
    return "".join(f"{kind}{name}, " for name in some)


def _without_copies(ops: Sequence[_Op]) -> Iterator[_Op]:
    """The calls, with what would only be copied computed where it is to be."""
    for k, op in enumerate(ops):
        then = ops[k + 1] if k + 1 < len(ops) else None
        later = {x for other in ops[k + 2 :] for x in (*other.inputs, other.out)}
        if _copies(then, op.out) and op.out not in later and then is not None:
            yield _Op(op.ufunc, op.inputs, then.out)
        elif not (k and _copies(op, ops[k - 1].out) and op.inputs[0] not in later | _of(then)):
            yield op


def _of(op: _Op | None) -> set[str]:
    return set() if op is None else {*op.inputs, op.out}


def _copies(op: _Op | None, name: str) -> bool:
    """Whether `op` does nothing but copy the passing array `name`."""
    return op is not None and op.ufunc == "positive" and op.inputs == [name] and name[0] == "x"


def _places(ops: Sequence[_Op]) -> tuple[dict[str, str], int]:
    """Where passing arrays lie, by name, and how many places that takes."""
    last = {x: k for k, op in enumerate(ops) for x in (*op.inputs, op.out) if x[0] == "x"}
    places: dict[str, str] = {}
    free: list[str] = []
    count = 0
    for k, op in enumerate(ops):
        # A call may write over what it reads: its elements stand in the same places.
        free += sorted({places[x] for x in op.inputs if last.get(x) == k and x != op.out})
        if op.out in last and op.out not in places:
            if not free:
                free, count = [f"s{count}"], count + 1
            places[op.out] = free.pop()
        if last.get(op.out) == k:
            free.append(places[op.out])
    return places, count


class _Number:
    """Stands in for `t`, a hyperparameter, or what is computed of them."""

    def __init__(self, tape: _Tape, code: str, *, varies: bool, hyper: bool) -> None:
        self.tape, self.code, self.varies, self.hyper = tape, code, varies, hyper
        self._operand = ""

    @property
    def operand(self) -> str:
        """The name of what arrays are computed with."""
        if not self.hyper:
            raise BeyondError("t itself meets an array")
        if not self._operand:
            self._operand = self.tape.operand(self.code, varies=self.varies)
        return self._operand

    def _with(self, form: str, other: Any) -> Any:
        if isinstance(other, _Number):
            both = [self, other]
        elif type(other) in (int, float):
            both = [self, _Number(self.tape, repr(other), varies=False, hyper=False)]
        else:
            return NotImplemented
        varies, hyper = any(x.varies for x in both), any(x.hyper for x in both)
        code = form.format(*(x.code for x in both))
        shared: str | None = form.format(*(x.shared for x in both))
        if "**" in form and hyper:
            plain = form == POWER and not both[1].hyper
            shared = self._raised(both[1]) if plain else None
        name = self.tape.number(code, varies=varies, shared=shared)
        return _Number(self.tape, name, varies=varies, hyper=hyper)

    def _raised(self, exponent: _Number) -> str:
        """A power as hyperparameters take it: in the last bit, NumPy's numbers have others."""
        if exponent.code == "0.5":
            return f"sqrt({self.shared})"
        if self.varies:
            return f"({self.shared}.reshape(1) ** {exponent.shared})[0]"
        self.tape.rows[self.shared] = row = f"{self.shared}_"
        return f"({row} ** {exponent.shared})[0]"

    @property
    def shared(self) -> str:
        """The name of the number that it is where all trials share it."""
        named = self.hyper or self.code[0] == "n"
        return f"{self.code}_" if named else self.code

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if any(isinstance(x, _Values) for x in inputs):
            return NotImplemented
        if method != "__call__" or keywords or len(inputs) != 1 or not self.hyper:
            raise BeyondError(f"{ufunc.__name__} of numbers")
        code, shared = (f"{ufunc.__name__}({x})" for x in (self.code, self.shared))
        name = self.tape.number(code, varies=self.varies, shared=shared)
        return _Number(self.tape, name, varies=self.varies, hyper=True)

    def __neg__(self) -> Any:
        return self._with("-{0}", 0)

    def __bool__(self) -> bool:
        raise BeyondError("a branch on a number")

    __array__ = __float__ = __int__ = __index__ = __len__ = __iter__ = __bool__
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: bool(self)
    __hash__ = None  # type: ignore[assignment]


def _operator(name: str, form: str) -> None:
    reflected = form.replace("{0}", "{2}").replace("{1}", "{0}").replace("{2}", "{1}")
    setattr(_Number, f"__{name}__", lambda self, other: self._with(form, other))
    setattr(_Number, f"__r{name}__", lambda self, other: self._with(reflected, other))


for _name, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("pow", "**")):
    _operator(_name, f"{{0}} {_sign} {{1}}")


class _Values(NDArrayOperatorsMixin):
    """Stands in for an array: one that is given, or one that passes."""

    def __init__(self, tape: _Tape, name: str) -> None:
        self._tape, self._name = tape, name

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: tuple[Any] | None = None, **keywords: Any
    ) -> Any:
        if method != "__call__" or keywords or ufunc not in ELEMENTWISE:
            raise BeyondError(f"{ufunc.__name__} of arrays")
        into = self._new() if out is None else out[0]
        if not isinstance(into, _Values):
            raise BeyondError("results in another array")
        operands = [self._operand(ufunc, x) for x in inputs]
        self._tape.ops.append(_Op(ufunc.__name__, operands, into._name))
        return into

    def _operand(self, ufunc: Any, x: Any) -> str:
        if isinstance(x, _Values):
            return x._name
        if isinstance(x, _Number) and ufunc in ROUNDED_ONCE:
            return x.operand
        if type(x) in (int, float):
            return self._tape.number(f"rounded({x!r})", varies=False)
        raise BeyondError(f"{ufunc.__name__} with {type(x).__name__}")

    def _new(self) -> _Values:
        return _Values(self._tape, self._tape.name("x"))

    def __pow__(self, exponent: Any) -> _Values:
        if type(exponent) not in (int, float) or exponent not in POWERS:
            raise BeyondError("a power of arrays")
        found: _Values = POWERS[exponent](self)
        return found

    def __setitem__(self, at: Any, value: Any) -> None:
        if at != slice(None) or not isinstance(value, _Values):
            raise BeyondError("a part of an array")
        self._tape.ops.append(_Op("positive", [value._name], self._name))

    def __bool__(self) -> bool:
        raise BeyondError("a branch on an array")

    __array__ = __float__ = __len__ = __iter__ = __bool__
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, at: Any) -> Any:
        raise BeyondError("a part of an array")

    def __array_function__(self, *arguments: Any) -> Any:
        raise BeyondError("a function of arrays")
