"""What a wrapper is: its registry, and what its signature says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from nncore.registry import BUILT_IN, Entry, Registry, describe, needed, positional
from nncore.rules.kinds import EVALUATIONS, Rule
from nncore.rules.kinds import RESERVED as RULES_RESERVED
from nncore.rules.source import rebound
from nncore.values import is_number

F = TypeVar("F", bound=Callable[..., Any])
Changes = Literal["g", "w"]
RESERVED = (*RULES_RESERVED, "learning_rate", "tensors")


@dataclass(frozen=True)
class Wrapper(Entry):
    """A wrapper of rules.

    `buffers` names its state, each of w's shape; `changes` says what it does to the gradient that
    the rule gets (`g`) and to the weights beside the rule's own step (`w`); `evaluate` names the
    buffer at which metrics are taken, if it averages. `needs` has what it asks for of `RESERVED`.
    """

    buffers: tuple[str, ...]
    changes: tuple[Changes, ...]
    evaluate: str
    needs: tuple[str, ...]

    @property
    def evaluates(self) -> bool:
        """Whether it evaluates batches by itself, more than once an update."""
        return any(name in self.needs for name in EVALUATIONS)


wrappers: Registry[Wrapper] = Registry("wrapper")


def wrapper(*, changes: Sequence[Changes] = (), evaluate: str = "") -> Callable[[F], F]:
    """Register a wrapper: `@wrapper(changes=["g"])`, `@wrapper(evaluate="mean")`.

    Raises TypeError when the signature does not begin with `w, g, t, step`, a parameter is no
    number, `evaluate` is no buffer, or a plugin's rebinds `w` or a buffer.
    """

    def register(function: F) -> F:
        arguments, entry = positional(function), describe(function, RESERVED)
        name = function.__name__
        if arguments[:4] != ("w", "g", "t", "step"):
            raise TypeError(f"wrapper {name}: write it as def {name}(w, g, t, step, *buffers, ...)")
        buffers = arguments[4:]
        if evaluate and evaluate not in buffers:
            raise TypeError(f"wrapper {name}: {evaluate} is no buffer")
        if stray := [key for key, value in entry["parameters"].items() if not is_number(value)]:
            raise TypeError(f"wrapper {name}: {stray[0]} must be a number")
        if entry["origin"] != BUILT_IN:
            for array, line in rebound(function, ("w", *buffers)):
                raise TypeError(
                    f"wrapper {name}, line {line}: {array} = ... makes another array and leaves "
                    f"{array} as it is; write {array}[:] = ..."
                )
        needs = needed(function, RESERVED)
        wrappers.add(
            Wrapper(
                **entry, buffers=buffers, changes=tuple(changes), evaluate=evaluate, needs=needs
            )
        )
        return function

    return register


def normal(chain: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """A chain of wrappers, the first innermost, as all ways to write it share; None: no wrapper.

    Raises ValueError where one is there twice: its columns and its state go by its name.
    """
    names = [table["name"] for table in chain]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"has {twice[0]} twice; a rule is wrapped in each of them once")
    return [dict(table) for table in chain] or None


def conflict(rule: Rule, names: Sequence[str]) -> str:
    """Why `rule` cannot be wrapped in these, the first innermost; empty if it can."""
    averaging = rule.name if rule.evaluate else ""
    for name in names:
        own = wrappers[name]
        if rule.evaluates and (own.changes or own.evaluates):
            what = "the gradient" if "g" in own.changes else "the weights"
            return f"{rule.name} evaluates the loss itself, and {name} changes {what} behind it"
        if averaging and ("w" in own.changes or own.evaluate):
            return f"{averaging} is measured at an average of its own, which {name} does not know"
        averaging = name if own.evaluate else averaging
    return ""
