"""What other people's optimizers take, read off their signatures: hyperparameters and options.

An argument whose default is a number is a hyperparameter under its own name, the elements of a
tuple apart (`betas.0`); the learning rate is called `learning_rate` and answers to their name, too.
A switch, a word, or what may be left out is an option.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nncore.registry import RefusedError
from nncore.values import is_number

RATES = ("learning_rate", "lr", "max_learning_rate")
# Names that an optimizer's table, or a table of results, has for something else: `own.decay`.
TAKEN = frozenset(
    (
        *("decay", "name", "rule", "problems", "bias", "schedule", "wrap", "options"),
        *("clip_norm", "clip_value", "trial", "problem", "optimizer", "configuration", "seed"),
        *("configurations", "settings", "seeds", "status", "phase", "improved", "diverged"),
        *("diverged_epoch", "crashed", "above_constant", "epoch", "best_epoch", "reason", "key"),
        *("gradient_evaluations", "metric"),
        "learning_rate",  # of an optimizer that has it beside its rate
    )
)
OWN = "own."
# A rate for those without a default, where one is tried; a spec has to say its own.
RATE = 1e-3
# What stands for a number that has no default, where one is tried.
SOME = 100.0
Number = int | float


@dataclass(frozen=True)
class Arguments:
    """What an optimizer takes.

    `parameters` has the defaults of its hyperparameters and `options` of its options, by the names
    that a spec has for them; `required` are those without a default, `aliases` other names of some.
    """

    parameters: Mapping[str, float]
    options: Mapping[str, Any]
    required: tuple[str, ...]
    aliases: Mapping[str, str]
    rate: str
    tuples: Mapping[str, tuple[Any, ...]]
    whole: Collection[str]

    def keywords(self, values: Mapping[str, float], options: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by their own names, without the rate; what is the default is left out."""
        given: dict[str, Any] = {}
        for name, value in values.items():
            if name != "learning_rate" and (
                name in self.required or value != self.parameters[name]
            ):
                whole = name in self.whole and float(value).is_integer()
                given[name] = int(value) if whole else value
        found: dict[str, Any] = {}
        for name, value in {**given, **options}.items():
            argument, _, place = name.removeprefix(OWN).partition(".")
            if place:
                items = list(found.get(argument, self.tuples[argument]))
                items[int(place)] = value
                found[argument] = tuple(items)
            else:
                found[argument] = value
        return found


def arguments(name: str, function: Callable[..., Any], *, given: Collection[str]) -> Arguments:
    """What `function` takes beside what is `given`.

    Raises RefusedError where it takes no learning rate, or needs what a spec cannot give.
    """
    parameters: dict[str, float] = {}
    options: dict[str, Any] = {}
    tuples: dict[str, tuple[Any, ...]] = {}
    required, whole, rate = [], set(), ""
    for parameter in _named(name, function):
        argument, default = parameter.name, parameter.default
        if argument in given:
            continue
        shown = f"{OWN}{argument}" if argument in TAKEN else argument
        if argument in RATES and not rate:
            rate = argument
            required += ["learning_rate"] * (not is_number(default))
            parameters["learning_rate"] = float(default) if is_number(default) else RATE
        elif default is parameter.empty:
            if not _takes_numbers(parameter):
                raise RefusedError(f"{name} needs {argument}, which a spec cannot give")
            required.append(shown)
            parameters[shown] = SOME
            whole.add(shown)
        elif isinstance(default, tuple) and default and all(map(_plain, default)):
            tuples[argument] = default
            for place, item in enumerate(default):
                _sort(f"{shown}.{place}", item, parameters, options, whole)
        elif _plain(default):
            _sort(shown, default, parameters, options, whole)
    if not rate:
        raise RefusedError(f"{name} takes no learning rate (lr or learning_rate)")
    first = {"learning_rate": parameters.pop("learning_rate")}
    aliases = {} if rate == "learning_rate" else {rate: "learning_rate"}
    return Arguments(
        {**first, **parameters}, options, tuple(required), aliases, rate, tuples, whole
    )


def _named(name: str, function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise RefusedError(f"{name} does not say what it takes") from None
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | str) or is_number(value)


def _sort(
    shown: str,
    default: Any,
    parameters: dict[str, float],
    options: dict[str, Any],
    whole: set[str],
) -> None:
    if not is_number(default):
        options[shown] = default
        return
    parameters[shown] = float(default)
    if isinstance(default, int):
        whole.add(shown)


def _takes_numbers(parameter: inspect.Parameter) -> bool:
    """Whether an argument without a default is annotated as a number."""
    return re.search(r"\b(int|float)\b", str(parameter.annotation)) is not None


def is_option(value: Any) -> bool:
    """Whether `value` may be an option's: true or false, a text, a number."""
    return value is not None and _plain(value)
