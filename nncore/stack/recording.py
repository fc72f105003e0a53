"""An elementwise rule's arithmetic, recorded once and replayed into arrays that stay.

Written as its paper writes it, a rule makes an array for every term, which costs as much as the
arithmetic. So it is called once with stand-ins, which note what is computed with them; what they
noted becomes a function of straight calls of the same ufuncs on the same numbers, whose results
are the same bits. Numbers that change from update to update are computed as the rule does, with
hyperparameters; those that do not, once.

A rule that does anything else (branches on `t`, asks for a shape, shows an array) is not recorded,
but called as it is; so is one whose recording is tried and does something else.

Hyperparameters that all trials share, and what is computed of them, are numbers: that takes a tenth
of the time of what every trial has its own of, as of the rate more often than of others.
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
    function: Callable[..., Any], buffers: int, parameters: tuple[tuple[str, float], ...]
) -> Recording | None:
    """What `function(w, g, t, *buffers, learning_rate=..., ...)` does; None if it is not known.

    `parameters` are its hyperparameters with values that make sense.
    """
    tape, names = _Tape(), [name for name, _ in parameters]
    arrays = [_Values(tape, f"a{k}") for k in range(2 + buffers)]
    numbers = {
        name: _Number(tape, name, varies=name == RATE, hyper=True, rated=name == RATE)
        for name in names
    }
    time = _Number(tape, "t", varies=True, hyper=False)
    try:
        function(*arrays[:2], time, *arrays[2:], **numbers)
        found = tape.recording(len(arrays), [name for name in names if name != RATE])
        return found if _agree(found, function, buffers, dict(parameters)) else None
    except Exception:  # whatever it wanted with a stand-in: the rule itself will do it
        return None


def _agree(
    recording: Recording,
    function: Callable[..., Any],
    buffers: int,
    parameters: Mapping[str, float],
) -> bool:
    """Whether some updates are the function's, bit for bit: it may draw numbers of its own, say."""
    rng, shape, dtype = np.random.default_rng(0), (3, 5), np.dtype(np.float32)
    mine, its = (
        [np.ones(shape, dtype), *(np.zeros(shape, dtype) for _ in range(1 + buffers))]
        for _ in range(2)
    )
    values = {
        name: Hyperparameter.of(np.full((len(mine[0]), 1), float(value)), dtype)
        for name, value in parameters.items()
    }
    rate = values.pop(RATE)
    with np.errstate(all="ignore"):
        scratch = [np.empty(shape, dtype) for _ in range(recording.scratch)]
        step = recording.bind(mine, scratch, values, dtype)
        for t in range(1, 5):
            mine[1][:] = its[1][:] = rng.standard_normal(shape)
            step(t, rate)
            function(*its[:2], t, *its[2:], learning_rate=rate, **values)
    return all(one.tobytes() == other.tobytes() for one, other in zip(mine, its, strict=True))


@dataclass
class _Op:
    """A call of a ufunc: the texts of its operands, and the name of the array it writes."""

    ufunc: str
    inputs: list[str]
    out: str


class _Tape:
    """What has been noted: calls on arrays in order, and lines that compute the numbers they need.

    `fixed` lines are for once, `moving` ones for every update: each where any hyperparameters may
    differ between trials, where the rate alone does, and where none does; the last two are None
    where they are not known to give the same bits. `rounded` names the numbers that arrays are
    computed with, `rows` arrays of one number by the name of that.
    """

    def __init__(self) -> None:
        self.ops: list[_Op] = []
        self.fixed: list[str] = []
        self.moving: list[tuple[str, str | None, str | None]] = []
        self.rounded: list[str] = []
        self.rows: dict[str, str] = {}
        self._count = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def recording(self, arrays: int, hyperparameters: Sequence[str]) -> Recording:
        """The source: numbers first, then calls, in as few arrays as hold what is still needed."""
        ops = list(_without_copies(self.ops))
        places, scratch = _places(ops)
        calls = [
            f"{op.ufunc}({', '.join(places.get(x, x) for x in op.inputs)}, "
            f"out={places.get(op.out, op.out)})"
            for op in ops
        ]
        own, rated, shared = (
            [f"    {line}" for line in [*(lines[k] for lines in self.moving), *calls]]
            for k in range(3)
        )
        lines = [
            f"{_listed('a', arrays)} = arrays",
            *([f"{_listed('s', scratch)} = scratch"] if scratch else []),
            *(f"{name} = hyperparameters[{name!r}]" for name in hyperparameters),
            *self.fixed,
            f"def own(t, {RATE}):",
            *(own or ["    pass"]),
        ]
        if not any(None in some for some in self.moving):
            numbers = [line.partition(" = ")[0] for line in self.fixed if line[0] == "n"]
            lines += [
                f"if not all(x.shared for x in ({_listed('', hyperparameters)})):",
                "    return own",
                *(f"{name}_ = {name}.number" for name in [*hyperparameters, *numbers]),
                *(f"{row} = {name}.reshape(1)" for name, row in self.rows.items()),
                *(f"{name} = rounded(0)" for name in self.rounded),
                f"def rated(t, {RATE}):",
                *(rated or ["    pass"]),
                f"def shared(t, {RATE}):",
                f"    if not {RATE}.shared:",
                f"        return rated(t, {RATE})",
                f"    {RATE}_ = {RATE}.number",
                *shared,
                "return shared",
            ]
        else:
            lines.append("return own")
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
    """Stands in for `t`, a hyperparameter, or what is computed of them.

    It `varies` from update to update, is a hyperparameter (`hyper`) rather than one of Python's
    numbers, and depends on the rate (`rated`), or not. `texts` are its names as in `_Tape.moving`.
    """

    def __init__(
        self, tape: _Tape, code: str, *, varies: bool, hyper: bool, rated: bool = False
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
            other = _Number(self.tape, repr(other), varies=False, hyper=False)
        if not isinstance(other, _Number):
            return NotImplemented
        shared: str | None = form.format(self.texts[2], other.texts[2])
        if "**" in form and (self.hyper or other.hyper):
            shared = self._raised(other) if form == POWER and not other.hyper else None
        return self._noted(form, shared, other)

    def _noted(self, form: str, shared: str | None, *others: _Number) -> _Number:
        """A number that is computed of this one and others."""
        some = self, *others
        varies, hyper, rated = (
            any(getattr(x, name) for x in some) for name in ("varies", "hyper", "rated")
        )
        name = self.tape.name("n")
        found = _Number(self.tape, name, varies=varies, hyper=hyper, rated=rated)
        own, mixed = (form.format(*(x.texts[k] for x in some)) for k in range(2))
        if varies:
            alone = shared and f"{name}_ = {shared}"
            between = f"{name} = {mixed}" if rated else alone
            self.tape.moving.append((f"{name} = {own}", between, alone))
        else:
            self.tape.fixed.append(f"{name} = {own}")
        return found

    def _raised(self, exponent: _Number) -> str:
        """A power as hyperparameters take it: in the last bit, NumPy's numbers have others."""
        number, power = self.texts[2], exponent.texts[2]
        if power == "0.5":
            return f"sqrt({number})"
        if self.varies:
            return f"({number}.reshape(1) ** {power})[0]"
        self.tape.rows[number] = row = f"{number}_"
        return f"({row} ** {power})[0]"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if any(isinstance(x, _Values) for x in inputs):
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
            name = self._tape.name("c")
            self._tape.fixed.append(f"{name} = rounded({x!r})")
            return name
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

    def __repr__(self) -> str:
        raise BeyondError("an array is shown")

    __array__ = __float__ = __len__ = __iter__ = __bool__
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, at: Any) -> Any:
        raise BeyondError("a part of an array")

    def __array_function__(self, *arguments: Any) -> Any:
        raise BeyondError("a function of arrays")
