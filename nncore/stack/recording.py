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
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncore.rules.hyperparameter import Hyperparameter
from nncore.stack.stand_ins import ELEMENTWISE, RATE, Number, Op, Tape, Values

Array = NDArray[Any]
Step = Callable[[int, Hyperparameter], None]


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
        exec(_compiled(self.source), names)
        step: Step = names["bind"](arrays, scratch, hyperparameters, lambda x: np.array(x, dtype))
        return step


@lru_cache(maxsize=256)
def _compiled(source: str) -> CodeType:
    return compile(source, "<recording>", "exec")


@lru_cache(maxsize=256)
def record(
    function: Callable[..., Any], buffers: int, parameters: tuple[tuple[str, float], ...]
) -> Recording | None:
    """What `function(w, g, t, *buffers, learning_rate=..., ...)` does; None if it is not known.

    `parameters` are its hyperparameters with values that make sense.
    """
    tape, names = Tape(), [name for name, _ in parameters]
    arrays = [Values(tape, f"a{k}") for k in range(2 + buffers)]
    numbers = {
        name: Number(tape, name, varies=name == RATE, hyper=True, rated=name == RATE)
        for name in names
    }
    time = Number(tape, "t", varies=True, hyper=False)
    try:
        function(*arrays[:2], time, *arrays[2:], **numbers)
        found = _assembled(tape, len(arrays), [name for name in names if name != RATE])
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


def _assembled(tape: Tape, arrays: int, hyperparameters: Sequence[str]) -> Recording:
    """The source: numbers first, then calls, in as few arrays as hold what is still needed."""
    ops = list(_without_copies(tape.ops))
    places, scratch = _places(ops)
    calls = [
        f"{op.ufunc}({', '.join(places.get(x, x) for x in op.inputs)}, "
        f"out={places.get(op.out, op.out)})"
        for op in ops
    ]
    own, rated, shared = (
        [f"    {line}" for line in [*(lines[k] for lines in tape.moving), *calls]] for k in range(3)
    )
    lines = [
        f"{_listed('a', arrays)} = arrays",
        *([f"{_listed('s', scratch)} = scratch"] if scratch else []),
        *(f"{name} = hyperparameters[{name!r}]" for name in hyperparameters),
        *tape.fixed,
        f"def own(t, {RATE}):",
        *(own or ["    pass"]),
    ]
    if not any(None in some for some in tape.moving):
        numbers = [line.partition(" = ")[0] for line in tape.fixed if line[0] == "n"]
        lines += [
            f"if not all(x.shared for x in ({_listed('', hyperparameters)})):",
            "    return own",
            *(f"{name}_ = {name}.number" for name in [*hyperparameters, *numbers]),
            *(f"{row} = {name}.reshape(1)" for name, row in tape.rows.items()),
            *(f"{name} = rounded(0)" for name in tape.rounded),
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


def _without_copies(ops: Sequence[Op]) -> Iterator[Op]:
    """The calls, with what would only be copied computed where it is to be."""
    for k, op in enumerate(ops):
        then = ops[k + 1] if k + 1 < len(ops) else None
        later = {x for other in ops[k + 2 :] for x in (*other.inputs, other.out)}
        if _copies(then, op.out) and op.out not in later and then is not None:
            yield Op(op.ufunc, op.inputs, then.out)
        elif not (k and _copies(op, ops[k - 1].out) and op.inputs[0] not in later | _of(then)):
            yield op


def _of(op: Op | None) -> set[str]:
    return set() if op is None else {*op.inputs, op.out}


def _copies(op: Op | None, name: str) -> bool:
    """Whether `op` does nothing but copy the passing array `name`."""
    return op is not None and op.ufunc == "positive" and op.inputs == [name] and name[0] == "x"


def _places(ops: Sequence[Op]) -> tuple[dict[str, str], int]:
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
