"""`[[optimizer]]` tables: a rule and the configurations that its lists and ranges make."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import Field

from bench.spec.expand import choices, is_number, size
from bench.spec.mistakes import Mistakes, Table, check_field, nearest, show
from bench.spec.modifiers import CLIPS, clip_axis, normal, schedule_axis
from bench.spec.named import is_known
from bench.spec.problems import NAME, Name, NamedProblem, path_of
from bench.spec.tuning import DISTRIBUTIONS, draws, ends, picks
from nncore.rules import domain, rules
from nncore.streams import canonical
from nncore.trial import Configuration, is_random

MOST_TRIALS = 10_000_000
EXAMPLE = "{ momentum = 0.0 }"
EXTRAS = ("schedule", *CLIPS)


class OptimizerTable(Table):
    """What every optimizer has besides its rule's hyperparameters."""

    name: Name = Field("", description=NAME)
    rule: str = Field("", description="the name of a rule")
    problems: str | list[str] = Field([], description='a list of problems such as ["spiral"]')
    bias: dict[str, Any] = Field({}, description=f"a table such as {EXAMPLE}")
    schedule: Any = Field(None, description="a schedule's name or table")
    clip_norm: Any = Field(None, description="a number above 0")
    clip_value: Any = Field(None, description="a number above 0")


@dataclass(frozen=True)
class Optimizer:
    """A rule with its search space, on the problems (names) that it is limited to."""

    name: str
    rule: str
    configurations: tuple[Configuration, ...]
    problems: tuple[str, ...]


class Drawn(list[float]):
    """Values of an axis that go with the draws of the others one by one, not crossed with them."""


@dataclass
class _Space:
    """An optimizer while its tables are united: configurations by content."""

    rule: str
    problems: tuple[str, ...]
    configurations: dict[tuple[Any, ...], Configuration] = field(default_factory=dict)


class OptimizerReader:
    """Reads `[[optimizer]]` tables for `problems`, named as their tables are, and `seeds` seeds.

    `draws` configurations are drawn from each table; None: its grid.
    """

    def __init__(
        self,
        problems: Mapping[str, Sequence[NamedProblem]],
        seeds: int,
        mistakes: Mistakes,
        *,
        draws: int | None = None,
        dtype: str = "float32",
    ) -> None:
        self.problems, self.mistakes = problems, mistakes
        self._dtype = np.dtype(dtype)
        self._every = [problem for group in problems.values() for problem in group]
        self._trials_each = {p.name: seeds if is_random(p.problem) else 1 for p in self._every}
        self._trials = 0
        self._draws = draws

    def read(self, tables: Sequence[Mapping[str, Any]]) -> tuple[Optimizer, ...]:
        """Optimizers in the order of their tables; tables of one name and rule are united."""
        spaces: dict[str, _Space] = {}
        for number, table in enumerate(tables, start=1):
            self._table(table, path_of("optimizer", table, number), spaces)
        return tuple(
            Optimizer(name, space.rule, tuple(space.configurations.values()), space.problems)
            for name, space in spaces.items()
        )

    def _table(self, table: Mapping[str, Any], path: str, spaces: dict[str, _Space]) -> None:
        for key in table:
            if key in OptimizerTable.model_fields and key != "rule":
                check_field(OptimizerTable, key, table[key], f"{path}.{key}", self.mistakes)
        problems = self._limits(table.get("problems"), f"{path}.problems")
        if "rule" not in table:
            self.mistakes.add(f"{path}.rule", f"is missing; known: {', '.join(rules)}")
            return
        named = choices(table["rule"], f"{path}.rule", self.mistakes)
        for rule in dict.fromkeys(r for r in named if _hashable(r)):
            if is_known(rules, rule, f"{path}.rule", self.mistakes):
                name = table.get("name", rule)
                if len(named) > 1 and "name" in table:
                    name = f"{name} (rule={rule})"
                found = self._configurations(rule, table, problems, path)
                self._unite(str(name), _Space(rule, problems, found), path, spaces)

    def _unite(self, name: str, new: _Space, path: str, spaces: dict[str, _Space]) -> None:
        old = spaces.setdefault(name, new)
        if old is new:
            return
        if self._draws is not None:
            self.mistakes.add(
                path,
                f'there is another table "{name}"; with tuning.n each optimizer is one table, so '
                "that all have the same budget",
            )
        if old.rule != new.rule:
            self.mistakes.add(
                path,
                f'there is another optimizer "{name}"; give each table a name of its own, '
                'name = "..."',
            )
        elif old.problems != new.problems:
            self.mistakes.add(
                f"{path}.problems",
                f'differs from that of the other table "{name}"; tables of one name are one '
                "optimizer: limit them alike, or give them different names",
            )
        old.configurations.update(new.configurations)

    def _limits(self, value: Any, path: str) -> tuple[str, ...]:
        """Names of the problems to run on: all, or those that `value` lists."""
        if value is None:
            return tuple(problem.name for problem in self._every)
        listed = value if isinstance(value, list) else [value]
        if not listed:
            self.mistakes.add(path, "is an empty list; leave it out to run on every problem")
        full = {problem.name: [problem] for problem in self._every}
        chosen = set()
        for name in listed:
            if isinstance(name, str) and (group := full.get(name) or self.problems.get(name)):
                chosen |= {problem.name for problem in group}
            elif isinstance(name, str) and name not in self.problems:
                known = list(dict.fromkeys([*self.problems, *full]))
                hint = nearest(name, known) if known else "there is no problem at all"
                self.mistakes.add(path, f"there is no problem {show(name)}; {hint}")
        return tuple(problem.name for problem in self._every if problem.name in chosen)

    def _configurations(
        self, rule: str, table: Mapping[str, Any], problems: tuple[str, ...], path: str
    ) -> dict[tuple[Any, ...], Configuration]:
        """Every combination of the table's values, by content."""
        axes = self._axes(rule, table, path)
        if self._draws is not None:
            return self._drawn(rule, axes, sum(self._trials_each[name] for name in problems), path)
        each = sum(self._trials_each[name] for name in problems)
        self._trials += size(axes) * each
        if self._trials > MOST_TRIALS or size(axes) > MOST_TRIALS:
            self.mistakes.add(
                path,
                f"{size(axes):,} configurations with all problems and seeds bring the spec to "
                f"{max(self._trials, size(axes)):,} trials; at most {MOST_TRIALS:,}",
            )
            return {}
        return self._united(rule, axes, itertools.product(*axes.values()))

    def _drawn(
        self, rule: str, axes: Mapping[str, Any], each: int, path: str
    ) -> dict[tuple[Any, ...], Configuration]:
        """As many random combinations as the tuning budget says, each axis with its own stream."""
        n = self._draws or 0
        self._trials += n * each
        if self._trials > MOST_TRIALS:
            self.mistakes.add(
                path, f"brings the spec to {self._trials:,} trials; at most {MOST_TRIALS:,}"
            )
            return {}
        if not all(axes.values()):
            return {}  # noted: an axis is wrong
        columns = [
            axis if isinstance(axis, Drawn) else picks(rule, key, axis, n)
            for key, axis in axes.items()
        ]
        return self._united(rule, axes, zip(*columns, strict=True))

    def _united(
        self, rule: str, axes: Iterable[str], combinations: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], Configuration]:
        found: dict[tuple[Any, ...], Configuration] = {}
        for combination in combinations:
            values = normal(dict(zip(axes, combination, strict=True)))
            extras = {name: values.pop(name) for name in EXTRAS}
            text = canonical(extras["schedule"]), *(extras[clip] for clip in CLIPS)
            found[*values.items(), *text] = Configuration(rule, values, **extras)
        return found

    def _axes(self, rule: str, table: Mapping[str, Any], path: str) -> dict[str, list[Any]]:
        """The values of every hyperparameter, defaults included, in the order of the columns.

        Last those of `EXTRAS`, which are not the rule's.
        """
        own = rules[rule].parameters
        known = {"learning_rate": own["learning_rate"], "decay": 0.0, **own}
        bias = table.get("bias", {})
        bias = bias if isinstance(bias, dict) else {}
        for key in table:
            if key not in known and key not in OptimizerTable.model_fields:
                self.mistakes.add(f"{path}.{key}", _stranger(rule, key, known))
        for key in bias:
            if key not in own:
                # The rate's schedule is one for the whole network.
                self.mistakes.add(f"{path}.bias.{key}", _stranger(rule, key, own))
            elif key not in rules[rule].varying:
                but = " or ".join(rules[rule].varying)
                self.mistakes.add(
                    f"{path}.bias.{key}",
                    f"{rule} steps the network as a whole; biases cannot have their own {key}"
                    + (f", only {but}" if but else ""),
                )
        axes: dict[str, list[Any]] = {
            key: self._axis(rule, key, table.get(key, known[key]), f"{path}.{key}") for key in known
        }
        for key in own:
            if key in bias:
                where = f"{path}.bias.{key}"
                axes[f"bias.{key}"] = self._axis(rule, f"bias.{key}", bias[key], where)
        where = f"{path}.schedule"
        axes["schedule"] = schedule_axis(table.get("schedule"), where, self.mistakes)
        for clip in CLIPS:
            axes[clip] = clip_axis(table.get(clip), f"{path}.{clip}", self.mistakes)
        return axes

    def _axis(self, rule: str, key: str, value: Any, path: str) -> list[float]:
        """The values of a hyperparameter: listed, or drawn where the table gives a distribution."""
        name = key.removeprefix("bias.")
        kind = None
        if isinstance(value, dict):
            kind = next((kind for kind in DISTRIBUTIONS if kind in value), None)
        if kind is None:
            return self._values(name, value, path)
        if self._draws is None:
            self.mistakes.add(
                path, f"is {show(value)}; random draws need a [tuning] table that says n"
            )
        elif set(value) != {kind}:
            self.mistakes.add(path, f"is {show(value)}; must have {kind} alone")
        elif kind == "choice":
            return self._values(name, value[kind], f"{path}.choice")
        else:
            found = ends(kind, value[kind], f"{path}.{kind}", self.mistakes)
            if found and self._values(name, found, f"{path}.{kind}") == found:
                return Drawn(draws(rule, key, kind, found, self._draws))
        return []

    def _values(self, key: str, value: Any, path: str) -> list[float]:
        """The values of a hyperparameter, each once."""
        allowed = domain(key)
        good: dict[float, None] = {}
        for item in choices(value, path, self.mistakes):
            if not is_number(item):
                self.mistakes.add(path, f"is {show(item)}; must be a finite number")
            elif float(item) not in allowed:
                self.mistakes.add(path, f"is {show(item)}; must be {allowed}")
            elif lost := self._lost(key, float(item)):
                self.mistakes.add(path, f"is {show(item)}, which is {lost} in {self._dtype}")
            else:
                good[float(item) + 0.0] = None
        return list(good)

    def _lost(self, key: str, value: float) -> str:
        """What `value` would be where the training computes, if it is too small or large for it."""
        if key == "decay":
            return ""  # rates are computed in float64
        with np.errstate(over="ignore", under="ignore"):
            kept = self._dtype.type(value)
        if value and not kept:
            return "0"
        # A rate so large diverges in float64 too: that is a result.
        return "infinite" if np.isinf(kept) and key != "learning_rate" else ""


def _stranger(rule: str, key: str, known: Mapping[str, Any]) -> str:
    """What to say about a key that `rule` does not have."""
    owners = [entry.name for entry in rules.values() if key in entry.parameters]
    if owners:
        return (
            f"{rule} has no {key}, it has {', '.join(known)}; {key} belongs to {', '.join(owners)}"
        )
    return f"no such key; {nearest(key, [*known, *OptimizerTable.model_fields])}"


def _hashable(value: Any) -> bool:
    return not isinstance(value, dict | list)
