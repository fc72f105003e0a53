"""`[[optimizer]]` tables: a rule and the configurations that its lists and ranges make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.spec.axes import AxisReader
from bench.spec.expand import choices
from bench.spec.mistakes import Mistakes, nearest, quote
from bench.spec.modifiers import with_decay
from bench.spec.named import is_known
from bench.spec.names import NAME, apart, path_of
from bench.spec.problems import NamedProblem
from bench.spec.search import drawn, grid, size
from nncore.modifiers import modifiers
from nncore.registry import SESSION
from nncore.rules import Rule, rules
from nncore.streams import canonical
from nncore.trial import Configuration, is_random
from nncore.values import TABLE, TEXT, either, many
from nncore.wrappers import conflict

MOST_TRIALS = 10_000_000
# The keys of a table beside its rule, its rule's hyperparameters and the modifiers.
KEYS = {
    "name": NAME,
    "problems": either(TEXT, many(TEXT)).saying('a list of problems such as ["spiral"]'),
    "bias": TABLE.saying("a table such as { momentum = 0.0 }"),
}
Content = tuple[Any, ...]
Space = dict[Content, Configuration]


@dataclass(frozen=True)
class Optimizer:
    """A rule with its search space: all configurations, and the places of those on a problem.

    `on` is by the problems' names; on others there are none.
    """

    name: str
    rule: str
    configurations: tuple[Configuration, ...]
    on: Mapping[str, tuple[int, ...]]


@dataclass
class _United:
    """An optimizer while its tables are united: its space, and the part that is each problem's."""

    rule: str
    space: Space = field(default_factory=dict)
    tables: list[Iterable[Content]] = field(default_factory=list)
    tables_on: dict[str, list[int]] = field(default_factory=dict)

    def add(self, problems: Iterable[str], found: Space) -> None:
        """A further table; what another one has already is the same configuration."""
        for name in problems:
            self.tables_on.setdefault(name, []).append(len(self.tables))
        self.tables.append(found.keys())
        self.space |= found

    def optimizer(self, name: str) -> Optimizer:
        """All tables as one."""
        place = {key: i for i, key in enumerate(self.space)}
        parts: dict[tuple[int, ...], tuple[int, ...]] = {}
        for numbers in {tuple(numbers) for numbers in self.tables_on.values()}:
            keys = dict.fromkeys(key for number in numbers for key in self.tables[number])
            parts[numbers] = tuple(place[key] for key in keys)
        on = {problem: parts[tuple(numbers)] for problem, numbers in self.tables_on.items()}
        return Optimizer(name, self.rule, tuple(self.space.values()), on)


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
        self.problems, self.mistakes, self.draws = problems, mistakes, draws
        self.axes = AxisReader(["rule", *KEYS], mistakes, drawn=draws is not None, dtype=dtype)
        self._every = [problem for group in problems.values() for problem in group]
        self._trials_each = {p.name: seeds if is_random(p.problem) else 1 for p in self._every}
        self._trials = 0

    def read(self, tables: Sequence[Mapping[str, Any]]) -> tuple[Optimizer, ...]:
        """Optimizers in the order of their tables; tables of one name and rule are united."""
        found: dict[str, _United] = {}
        for number, table in enumerate(tables, start=1):
            self._table(table, path_of("optimizer", table, number), found)
        return tuple(united.optimizer(name) for name, united in found.items())

    def _table(self, table: Mapping[str, Any], path: str, found: dict[str, _United]) -> None:
        for key in table:
            if key in KEYS:
                self.mistakes.expect(KEYS[key], table[key], f"{path}.{key}")
        problems = self._limits(table.get("problems"), f"{path}.problems")
        if "rule" not in table:
            self.mistakes.add(f"{path}.rule", f"is missing; known: {', '.join(rules)}")
            return
        listed = choices(table["rule"], f"{path}.rule", self.mistakes)
        named = list(dict.fromkeys(rule for rule in listed if not isinstance(rule, dict | list)))
        several = "name" in table and len(named) > 1
        names = apart(str(table["name"]), [{"rule": r} for r in named]) if several else named
        for rule, name in zip(named, names, strict=True):
            if is_known(rules, rule, f"{path}.rule", self.mistakes):
                space = self._configurations(rule, table, problems, path)
                self._refuse(space.values(), problems, path)
                full = next((c.name for c in space.values()), rule)
                called = str(name if several else table.get("name", full))
                self._unite(called, rule, problems, space, path, found)

    def _unite(
        self,
        name: str,
        rule: str,
        problems: Iterable[str],
        space: Space,
        path: str,
        found: dict[str, _United],
    ) -> None:
        united = found.setdefault(name, _United(rule))
        if united.rule != rule:
            self.mistakes.add(
                path,
                f'there is another optimizer "{name}"; give each table a name of its own, '
                'name = "..."',
            )
        if self.draws is not None and not united.tables_on.keys().isdisjoint(problems):
            self.mistakes.add(
                path,
                f'there is another table "{name}"; with tuning.n each optimizer is one table on a '
                "problem, so that all have the same budget",
            )
        united.add(problems, space)

    def _refuse(
        self, configurations: Iterable[Configuration], problems: Iterable[str], path: str
    ) -> None:
        """Note what workers do not have, a rule that cannot be wrapped so, noise without seeds.

        Of an optimizer that draws random numbers there would be one trial where no seed matters.
        """
        some = next(iter(configurations), None)
        if some is None:
            return
        for piece in some.updating:
            if piece.origin == SESSION:
                key = "rule" if piece.name == some.rule else "wrap"
                remedy = f"bench.run(spec, rules=[{piece.name}])"
                if key == "wrap":
                    remedy = "write it in a plugin's file"
                what = "is a function of this session, which workers do not have"
                self.mistakes.add(f"{path}.{key}", f"{piece.name} {what}; {remedy}")
        if why := conflict(rules[some.rule], some.wrappers):
            self.mistakes.add(f"{path}.wrap", why)
        if refusal := rules[some.rule].refusal:
            tried = {_settings(each): each for each in configurations}.values()
            whys = (
                refusal(each.hyperparameters, each.modifiers.get("options", {})) for each in tried
            )
            if why := next(filter(None, whys), ""):
                self.mistakes.add(path, f"{some.rule} does not take these values: {why}")
        drawing = [piece.name for piece in some.updating if "rng" in piece.needs]
        for problem in self._every:
            if drawing and problem.name in problems and not is_random(problem.problem):
                what = f'draws random numbers, and on "{problem.name}" no seed changes anything'
                self.mistakes.add(
                    f"{path}.problems",
                    f"{drawing[0]} {what}: there is one trial of each configuration; leave it out",
                )

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
                self.mistakes.add(path, f"there is no problem {quote(name)}; {hint}")
        return tuple(problem.name for problem in self._every if problem.name in chosen)

    def _configurations(
        self, rule: str, table: Mapping[str, Any], problems: Iterable[str], path: str
    ) -> Space:
        """The table's configurations: every combination of its values, or as many as are drawn."""
        axes = self.axes.read(rules[rule], table, path)
        count = size(axes) if self.draws is None else self.draws
        self._trials += count * sum(self._trials_each[name] for name in problems)
        if max(self._trials, count) > MOST_TRIALS:
            self.mistakes.add(
                path,
                f"{count:,} configurations with all problems and seeds bring the spec to "
                f"{max(self._trials, count):,} trials; at most {MOST_TRIALS:,}",
            )
            return {}
        if self.draws is None:
            return _by_content(rules[rule], grid(axes))
        return _by_content(rules[rule], drawn(axes, rule, self.draws))


def _by_content(rule: Rule, combinations: Iterable[Mapping[str, Any]]) -> Space:
    found: Space = {}
    for values in combinations:
        chosen = {key: values[key] for key in rule.options if key in values}
        options = {key: v for key, v in chosen.items() if not _same(v, rule.options[key])}
        values = {**values, "options": options or None}
        given = {name: values[name] for name in modifiers if values[name] is not None}
        apart = {*modifiers, *rule.options}
        own = {name: value for name, value in values.items() if name not in apart}
        own, given = with_decay(own, given)
        found[*own.items(), canonical(given)] = Configuration(rule.name, own, given)
    return found


def _settings(configuration: Configuration) -> str:
    """What a rule of another package is made with, but for the rate."""
    values = {k: v for k, v in configuration.hyperparameters.items() if k != "learning_rate"}
    return canonical([values, configuration.modifiers.get("options", {})])


def _same(some: Any, other: Any) -> bool:
    """Whether two values are one: 1 is not true."""
    return some == other and isinstance(some, bool) == isinstance(other, bool)
