"""A rule's rehearsal: whether its trials depend on nothing but themselves, tried for a moment.

A rule that mixes the trials of a stack, draws numbers of its own or keeps state outside its buffers
runs all the same, and its results look like any others. A few updates of a small network tell.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.layers import Parameter
from nncore.modifiers import modifiers
from nncore.rules import Rule, rules, source
from nncore.stack.layouts import Layout, TrialFirst, TrialLast
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from nncore.wrappers import Wrapper

Array = NDArray[Any]
PARAMETERS = (
    Parameter("weights", (3, 4)),
    Parameter("biases", (4,)),
    Parameter("weights", (4, 2)),
    Parameter("biases", (2,)),
)
COUNT = sum(parameter.size for parameter in PARAMETERS)
UPDATES = 12
# Of the loss along every weight; noise tilts it in every update.
CURVATURE = 0.1
# The loss where the gradient was seen.
LEVEL = 1.0
# What has not moved by then, as what steps now and then, is given so many.
PATIENT_UPDATES = 120
# The rule that wrappers are tried around: it has state.
AROUND = "adam"
# In the stack of three, the second trial's gradient is no number from here on, ...
DIVERGES = 4
# ... and here it leaves.
LEAVES = 8
STATE = "keeps state outside its buffers, which are further positional arguments"
DRAWS = "draws from np.random or random: nobody could repeat its trials"
# What to do about it where the rule is one's own to change.
ASK = (
    "; ask for rng, a keyword-only name without a default, which is a generator of the trial's own"
)
# Of another package's, which has no buffers.
SHARED = "keeps state outside the optimizer, in a module or a class"


def fault(rule: Rule) -> str:
    """What is wrong with `rule`, in a sentence with its file and line; empty if nothing is.

    A rule that raises at once is not judged, for its trials will say why they crashed; one of
    another package cannot run here. Its hyperparameters and options are those of `rule`.
    """
    watched, tried = _Watched(rule), _Tried(rule)
    options = f" ({modifiers['options'].words(rule.options)})" if rule.options else ""
    cannot = f"{rule.name}{options} cannot run here:"
    try:
        first = _first(_Tried(watched.rule))
    except Exception as error:
        return f"{cannot} {_told(error)}" if rule.package else ""
    found = watched.fault(first) or _again(tried, first)
    # Only an elementwise one gets arrays in the other order.
    for layout in (TrialFirst(), TrialLast())[: 1 + (rule.per == "element")]:
        found = found or _in_a_stack(tried, layout, len(first) - 1)
    if rule.package:
        return f"{cannot} it {found}" if found else ""
    line = watched.line or source.definition(rule.function)
    return f"{Path(rule.origin).name}, line {line}: rule {rule.name} {found}" if found else ""


def wrapper_fault(wrapper: Wrapper) -> str:
    """What is wrong with a wrapper, as `fault` says of a rule: tried around `AROUND`.

    One that raises at once is not judged.
    """
    counted = _Counted(rules[AROUND])
    chain = ({"name": wrapper.name, **wrapper.parameters},)
    tried = _Tried(rules[AROUND], chain)
    try:
        first = _first(_Tried(counted.rule, chain, counted.begin), counted.stepped)
    except Exception:
        return ""
    found = counted.fault() or ("never changes w" if _still(first) else "")
    found = found or _again(tried, first) or _in_a_stack(tried, TrialFirst(), len(first) - 1)
    line = source.definition(wrapper.function)
    where = f"{Path(wrapper.origin).name}, line {line}"
    return f"{where}: wrapper {wrapper.name} {found}" if found else ""


@dataclass(frozen=True)
class _Tried:
    """What is rehearsed: a rule, in what wraps it."""

    rule: Rule
    chain: Sequence[Mapping[str, Any]] = ()
    begin: Callable[[], None] = lambda: None  # told of every update before it is made

    @property
    def state(self) -> str:
        """What is said where it keeps state that is not the trial's."""
        return SHARED if self.rule.package else STATE

    @property
    def draws(self) -> str:
        """What is said where it draws numbers that are not the trial's."""
        return DRAWS if self.rule.package else DRAWS + ASK


class _Counted:
    """A rule, and how often it is called in each update; `begin` says that one begins."""

    def __init__(self, rule: Rule) -> None:
        self._of = rule
        self._calls: list[int] = []
        self.rule = replace(rule, function=self._function)

    def begin(self) -> None:
        self._calls.append(0)

    def _function(self, *arguments: Any, **hyperparameters: Any) -> None:
        self._calls[-1] += 1
        self._of.function(*arguments, **hyperparameters)

    def stepped(self) -> bool:
        """Whether it has ever been called."""
        return any(self._calls)

    def fault(self) -> str:
        """What is wrong with a wrapper around it."""
        if not self.stepped():
            return "never calls step, so that the rule inside never steps"
        if max(self._calls) > 1:
            return "calls step more than once in an update: the rule's state moves each time"
        return ""


def _first(tried: _Tried, shown: Callable[[], bool] = lambda: True) -> Array:
    """The path of a trial, (U + 1, P): a long one if a short one stays or has `shown` nothing."""
    path = _path(tried, TrialFirst(), [0])[0]
    if _still(path) or not shown():
        path = _path(tried, TrialFirst(), [0], updates=PATIENT_UPDATES)[0]
    return path


def _again(tried: _Tried, first: Array) -> str:
    """What is wrong with a rule that led along `first` (U + 1, P) when it does so once more."""
    updates = len(first) - 1
    try:
        second = _path(tried, TrialFirst(), [0], stream=1, updates=updates)[0]
        if _same(first, second):
            return ""
        third = _path(tried, TrialFirst(), [0], stream=1, updates=updates)[0]
    except Exception as error:
        return f"fails when a second trial begins ({_told(error)}): it {tried.state}"
    if _same(second, third):
        return tried.draws
    return f"does not compute the same again: it draws random numbers of its own, or {tried.state}"


def _in_a_stack(tried: _Tried, layout: Layout, updates: int) -> str:
    """What is wrong with a rule whose trials do otherwise alone than beside others."""

    def path(*trials: int, diverging: int | None = None) -> Array:
        return _path(tried, layout, trials, updates=updates, diverging=diverging)

    try:
        alone = {trial: path(trial)[0] for trial in (0, 2)}
        together = path(0, 1, 2)
    except Exception as error:
        return f"works alone, but not in a stack of three trials ({_told(error)})"
    if _still(alone[0]) and not _still(_path(tried, TrialFirst(), [0], updates=updates)[0]):
        return "changes a copy of w: w.ravel() or w.reshape(-1), of arrays that are not contiguous"
    if not all(_same(together[trial], alone[trial]) for trial in alone):
        return "mixes the trials of a stack: what becomes of one depends on the others; " + (
            f"it {tried.state}"
            if tried.rule.per == "trial" and not tried.chain
            else "the first axis is the trials' (nncore.rules.norm takes the norm of each)"
        )
    when = "when a neighbour in its stack diverges and leaves"
    try:
        left = path(0, 1, 2, diverging=1)
    except Exception as error:
        return f"fails {when} ({_told(error)}): it {tried.state}"
    if not all(_same(left[trial], alone[trial]) for trial in alone):
        return f"does something else {when}: it {tried.state}"
    return ""


class _Watched:
    """A rule, and what is seen of it: whether it returns something, which arrays change."""

    def __init__(self, rule: Rule) -> None:
        self._of, self.line = rule, 0
        self._returns = False
        self._moved = [False] * len(rule.buffers)
        self.rule = replace(rule, function=self._function)

    def _function(self, w: Any, g: Any, t: int, *buffers: Any, **hyperparameters: Any) -> Any:
        before = [_copy(buffer) for buffer in buffers]
        found = self._of.function(w, g, t, *buffers, **hyperparameters)
        self._returns |= found is not None
        after = buffers
        if isinstance(found, tuple) and len(found) == 1 + len(buffers):
            after = found[1:]
        for k, (some, other) in enumerate(zip(before, map(_copy, after), strict=True)):
            self._moved[k] |= not _same(some, other)
        return found

    def fault(self, path: Array) -> str:
        """What is wrong with a rule that led along `path` (U + 1, P); sets `line` if it knows."""
        function, per = self._of.function, self._of.per
        if self._returns and per != "trial":
            self.line = source.returned(function) or 0
            return (
                "returns something: a rule for a whole stack changes w in place (w -= ..., "
                'w[:] = ...); one that returns the new w is written @rule(per="trial")'
            )
        moved = [not _still(path), *self._moved]
        names = ("w", *self._of.buffers)
        still = [name for name, moves in zip(names, moved, strict=True) if not moves]
        whole = f"({', '.join(names)})" if len(names) > 1 else "w"
        for name, line in source.rebound(function, still):
            self.line = line
            return (
                f"binds {name} to other arrays and leaves {name} itself as it is: change it in "
                f"place, or return {whole}"
            )
        return "" if moved[0] else "never changes w"


def _copy(arrays: Any) -> Array:
    """All numbers of an array, or of a list of arrays."""
    return np.concatenate([np.ravel(x) for x in arrays]) if len(arrays) else np.empty(0)


def _path(
    tried: _Tried,
    layout: Layout,
    trials: Sequence[int],
    *,
    stream: int = 0,
    diverging: int | None = None,
    updates: int = UPDATES,
) -> Array:
    """The weights of `trials`, by number, at first and after every update: `(T, U + 1, P)`."""
    rows = list(trials) + list(trials[:1]) * (layout.least - len(trials))
    path = np.full((len(trials), updates + 1, COUNT), np.nan)
    with _seeded(stream):
        w, g, stepping, bowl = _stack(tried, layout, rows)
        streams = [np.random.default_rng([1, trial]) for trial in rows]
        w[:] = [s.standard_normal(COUNT) for s in streams]
        path[:, 0] = w[: len(trials)]
        for t in range(1, updates + 1):
            g[:] = np.array([s.standard_normal(COUNT) for s in streams]) + CURVATURE * w
            if t == LEAVES and diverging in rows:
                stay = [row for row, trial in enumerate(rows) if trial != diverging]
                rows, streams = [rows[k] for k in stay], [streams[k] for k in stay]
                old, before, gradient = stepping, w[stay], g[stay]
                w, g, stepping, bowl = _stack(tried, layout, rows)
                w[:], g[:] = before, gradient
                stepping.keep(old, stay)
            elif t >= DIVERGES and diverging in rows:
                g[rows.index(diverging)] = [np.nan, np.inf, -np.inf][t % 3]
            bowl.see(w, g)
            tried.begin()
            stepping.step()
            for trial, weights in zip(rows[: len(trials)], w, strict=False):
                path[list(trials).index(trial), t] = weights
    return path


class _Bowl:
    """An oracle: a parabola for every trial, through the weights and gradient last seen."""

    def see(self, w: Array, g: Array) -> None:
        self._w, self._g = np.array(w), np.array(g)

    def __call__(self, rows: Sequence[int], points: Array) -> tuple[Array, Array]:
        step, slope = points - self._w[rows], self._g[rows]
        losses = np.add.reduce(np.ascontiguousarray(step * (slope + CURVATURE / 2 * step)), axis=1)
        return LEVEL + losses, slope + CURVATURE * step


def _stack(
    tried: _Tried, layout: Layout, rows: Sequence[int]
) -> tuple[Array, Array, Updates, _Bowl]:
    """Weights, gradient and updates of trials with different rates, the other values the rule's."""
    rule = tried.rule
    rate = rule.parameters["learning_rate"]
    own: dict[str, Any] = {"options": rule.options} if rule.options else {}
    if tried.chain:
        own["wrap"] = tried.chain
    stack = [
        Configuration(
            rule.name,
            {**rule.parameters, "decay": 0.0, "learning_rate": rate / (1 + trial)},
            own,
        )
        for trial in rows
    ]
    w, g = (layout.empty(np.float64, len(rows), COUNT) for _ in range(2))
    bowl = _Bowl()
    updates = Updates(rule, stack, PARAMETERS, UPDATES, layout, w, g, seeds=list(rows), oracle=bowl)
    return w, g, updates, bowl


@contextmanager
def _seeded(stream: int) -> Iterator[None]:
    """The generators that everybody shares seeded for a while; arithmetic without warnings."""
    before = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(stream)  # noqa: NPY002
    random.seed(stream)
    torch = sys.modules.get("torch")
    drawn = None if torch is None else torch.random.get_rng_state()
    if torch is not None:
        torch.manual_seed(stream)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        np.random.set_state(before[0])  # noqa: NPY002
        random.setstate(before[1])
        if torch is not None:
            torch.random.set_rng_state(drawn)


def _same(some: Array, other: Array) -> bool:
    return np.array_equal(some, other, equal_nan=True)


def _still(path: Array) -> bool:
    return _same(path, np.broadcast_to(path[0], path.shape))


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
