"""A rule on the arrays of a stack: its state, and the call that makes one of its updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.rules import Hyperparameter, Rule
from nncore.stack.layouts import Layout
from nncore.stack.one_by_one import one_by_one
from nncore.stack.recording import record
from nncore.stack.supplies import Asking, Supplies
from nncore.stack.tensors import Tensor
from nncore.wrappers import Wrapper

Array = NDArray[Any]
Values = Mapping[str, Hyperparameter]
Step = Callable[[int, Hyperparameter], None]


@dataclass(frozen=True)
class Bound:
    """What makes update t with an effective rate, on arrays of its own choice.

    `buffers` is all state, every array with the trials along its first axis; `evaluated` (T, P) is
    where metrics are to be taken.
    """

    step: Step
    buffers: Sequence[Array]
    evaluated: Array


def elementwise(
    rule: Rule, values: Values, supplies: Supplies, layout: Layout, w: Array, g: Array
) -> Bound:
    """An elementwise rule on `w` and `g` (T, P), in whatever order they lie in memory."""
    flat = {name: layout.empty(w.dtype, *w.shape) for name in rule.buffers}
    for array in flat.values():
        array[:] = 0
    buffers, asked = list(flat.values()), supplies.of_stack(rule)
    recording = None
    if rule.ours and not asked:
        recording = record(rule.function, len(buffers), tuple(rule.parameters.items()))
    if recording is not None:
        scratch = [layout.empty(w.dtype, *w.shape) for _ in range(recording.scratch)]
        bound = recording.bind([w, g, *buffers], scratch, values, w.dtype)
        return Bound(bound, buffers, flat.get(rule.evaluate, w))

    def step(t: int, rate: Hyperparameter) -> None:
        rule.function(w, g, t, *buffers, learning_rate=rate, **values, **asked)

    return Bound(step, buffers, flat.get(rule.evaluate, w))


def by_rows(
    rule: Rule, values: Values, supplies: Supplies, parts: Sequence[Tensor], w: Array, g: Array
) -> Bound:
    """A rule of any kind on `w` and `g` (T, P), every trial's numbers contiguous in memory.

    So sums over a trial's parameters are the same in every layout.
    """
    flat = {name: np.zeros(w.shape, w.dtype) for name in rule.buffers if name not in rule.state}
    buffers: list[Array] = list(flat.values())
    steps: list[Step] = []
    if rule.per == "trial":
        networks = [
            [[part.of(array)[i] for part in parts] for array in (w, g, *buffers)]
            for i in range(len(w))
        ]
        of_trials = [supplies.of_trial(rule, i, parts) for i in range(len(w))]
        steps = [one_by_one(rule, networks, values, of_trials)]
    else:
        whole = [Tensor(slice(0, w.shape[1]), (w.shape[1],))]
        for part in parts if rule.per == "tensor" else whole:
            own: dict[str, Array] = {
                name: np.zeros((len(w), *shape(part.shape)), w.dtype)
                for name, shape in rule.state.items()
            }
            buffers += own.values()
            state = [own[name] if name in own else part.of(flat[name]) for name in rule.buffers]
            asked = supplies.of_stack(rule) | _cut(rule, parts)
            steps.append(_on_part(rule, values, asked, part, part.of(w), part.of(g), state))

    def step(t: int, rate: Hyperparameter) -> None:
        for one in steps:
            one(t, rate)

    return Bound(step, buffers, flat.get(rule.evaluate, w))


def _on_part(
    rule: Rule,
    values: Values,
    asked: Mapping[str, Any],
    part: Tensor,
    w: Array,
    g: Array,
    state: Sequence[Array],
) -> Step:
    """The call on one tensor, or on all of a network."""
    # A network's rule may have values that differ between weights and biases.
    cut = part.value if rule.per == "tensor" else np.ascontiguousarray
    mine = {name: value.map(cut) for name, value in values.items()}

    def step(t: int, rate: Hyperparameter) -> None:
        rule.function(w, g, t, *state, learning_rate=rate.map(cut), **mine, **asked)

    return step


def _cut(piece: Asking, parts: Sequence[Tensor]) -> dict[str, Any]:
    """What cuts arrays `(T, P)` into a network's tensors, for one that asks for it."""
    if "tensors" not in piece.needs:
        return {}
    return {"tensors": lambda array: [part.of(array) for part in parts]}


def wrapped(
    wrapper: Wrapper,
    inside: Bound,
    values: Values,
    supplies: Supplies,
    parts: Sequence[Tensor],
    w: Array,
    g: Array,
) -> Bound:
    """`inside` with a wrapper around it, on the same `w` and `g` (T, P).

    What is inside counts its own steps: its first is 1, whenever the wrapper lets it come.
    """
    made = np.zeros((len(w), 1), np.int64)  # state like any other: it goes where trials go
    flat = {name: np.zeros(w.shape, w.dtype) for name in wrapper.buffers}
    buffers, asked = list(flat.values()), supplies.of_stack(wrapper) | _cut(wrapper, parts)
    rated = "learning_rate" in wrapper.needs

    def step(t: int, rate: Hyperparameter) -> None:
        def inner(gradient: Array) -> None:
            g[:] = gradient
            made[:] += 1
            inside.step(int(made[0, 0]), rate)

        own = {"learning_rate": rate} if rated else {}
        wrapper.function(w, g, t, inner, *buffers, **values, **asked, **own)

    state = [*inside.buffers, *buffers, made]
    return Bound(step, state, flat.get(wrapper.evaluate, inside.evaluated))


def copied(
    inside: Bound, layout: Layout, w: Array, g: Array, w_rows: Array, g_rows: Array
) -> Bound:
    """What `inside` does on copies, for `w` and `g` (T, P) that lie in the layout's order."""
    if inside.evaluated is w_rows:
        evaluated, apart = w, []
    else:
        evaluated = layout.empty(w.dtype, *w.shape)
        evaluated[:] = 0
        apart = [evaluated]

    def step(t: int, rate: Hyperparameter) -> None:
        w_rows[:] = w
        g_rows[:] = g
        inside.step(t, rate)
        w[:] = w_rows
        for array in apart:
            array[:] = inside.evaluated

    return Bound(step, [*inside.buffers, *apart], evaluated)
