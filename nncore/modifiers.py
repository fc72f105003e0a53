"""What an optimizer may have beside its rule and hyperparameters: a schedule, wrappers, clipping.

An entry of `modifiers` is a key of `[[optimizer]]` tables, the part of a trial's key that holds its
value, and its columns. Its effect is where updates are made: schedules in `nncore.stack.updates`,
wrappers in `nncore.stack.binding`, clipping in `nncore.stack.clipping`, options in the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nncore import schedules, wrappers
from nncore.registry import Entry, Registry
from nncore.values import NUMBER, POSITIVE, TABLE, TEXT, YES_OR_NO, Values, either, many, table_of

TABLES = many(TABLE)
OPTIONS = table_of(either(YES_OR_NO, NUMBER, TEXT))


@dataclass(frozen=True)
class Modifier:
    """A key that changes how an optimizer uses its rule, where it is there; a number, as it is."""

    name: str
    values: Values = POSITIVE

    def normal(self, value: Any) -> Any:
        """The form that all ways to write `value` share; None where it changes nothing.

        Raises ValueError or TypeError for a value that cannot be.
        """
        return self.values.form(value)

    def columns(self, value: Any) -> dict[str, Any]:
        """`value` as tables have it, by column."""
        return {self.name: value}

    def words(self, value: Any) -> str:
        """`value` in a line of text."""
        return f"{self.name} {value:g}"

    def path(self, value: Any) -> str:
        """What of `value` changes the code that trains: such trials are not stacked together."""
        return ""

    def pieces(self, value: Any) -> Sequence[Entry]:
        """The registered pieces that `value` names."""
        return ()

    def keys(self, value: Any) -> dict[str, Any]:
        """`value` as the keys of an optimizer's table."""
        return {self.name: value}


@dataclass(frozen=True)
class Options(Modifier):
    """Switches and words of a rule of another package, each a key of its own."""

    values: Values = OPTIONS

    def normal(self, value: Any) -> Any:
        """Those that differ from their defaults, as they are."""
        return dict(value) or None

    def columns(self, value: Any) -> dict[str, Any]:
        """Each in a column of its own."""
        return dict(value)

    def words(self, value: Any) -> str:
        """Each with its value."""
        return ", ".join(f"{key} {_word(inside)}" for key, inside in value.items())

    def keys(self, value: Any) -> dict[str, Any]:
        """Each for itself."""
        return dict(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True)
class Piece(Modifier):
    """A modifier that is a piece of a registry: a name and its parameters, all filled in."""

    registry: Registry[Entry]
    form: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    values: Values = TABLE

    def normal(self, value: Any) -> Any:
        """As the registry's own pieces have it."""
        return self.form(value)

    def columns(self, value: Any) -> dict[str, Any]:
        """Its name in a column of the modifier's, each parameter in one more; lists as text."""
        return {
            self.name if key == "name" else f"{self.name}.{key}": _cell(inside)
            for key, inside in value.items()
        }

    def words(self, value: Any) -> str:
        """Its name."""
        return f"{self.name} {value['name']}"

    def path(self, value: Any) -> str:
        """Its name."""
        return str(value["name"])

    def pieces(self, value: Any) -> Sequence[Entry]:
        """The one named."""
        return [self.registry[value["name"]]]


@dataclass(frozen=True, kw_only=True)
class Chain(Modifier):
    """A modifier that is several pieces of a registry, one around another, the first innermost."""

    registry: Registry[Any]
    form: Callable[[Sequence[Mapping[str, Any]]], Any]
    values: Values = TABLES

    def normal(self, value: Any) -> Any:
        """As the registry's own chains have it."""
        return self.form(value)

    def columns(self, value: Any) -> dict[str, Any]:
        """Each parameter of each in a column, `wrap.NAME.PARAMETER`; their names in one more."""
        found = {self.name: self.words(value)}
        for table in value:
            for key, inside in table.items():
                if key != "name":
                    found[f"{self.name}.{table['name']}.{key}"] = inside
        return found

    def words(self, value: Any) -> str:
        """Their names, joined as they stand in an optimizer's."""
        return " + ".join(table["name"] for table in value)

    def path(self, value: Any) -> str:
        """Their names, in their order."""
        return self.words(value)

    def pieces(self, value: Any) -> Sequence[Entry]:
        """Those named."""
        return [self.registry[table["name"]] for table in value]


def _cell(value: Any) -> Any:
    """A parameter's value as tables can compare and group it."""
    return str(value) if isinstance(value, list | dict) else value


modifiers: Mapping[str, Modifier] = {
    modifier.name: modifier
    for modifier in (
        Piece("schedule", registry=schedules.schedules, form=schedules.normal),
        Chain("wrap", registry=wrappers.wrappers, form=wrappers.normal),
        Modifier("clip_norm"),
        Modifier("clip_value"),
        Options("options"),
    )
}
