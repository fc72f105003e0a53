"""Modifiers in an optimizer's table: the values that a key such as `schedule` stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.spec.expand import LONGEST, choices, cross, table_choices
from bench.spec.mistakes import Mistakes, quote
from bench.spec.named import definition, is_list
from bench.spec.search import Axis
from nncore.modifiers import Chain, Modifier, Piece
from nncore.streams import canonical


def modifier_axis(modifier: Modifier, value: Any, path: str, mistakes: Mistakes) -> Axis:
    """The values that `value` stands for, everything filled in, each once; None: not modified.

    A piece is a name, a table with a name, or a list of these; scalars of a table may be lists. Of
    a chain, the list is the chain.
    """
    found: dict[str, Any] = {}
    for written, filled in _filled(modifier, value, path, mistakes):
        try:
            normal = modifier.normal(filled)
        except (ValueError, TypeError) as error:
            mistakes.add(path, f"is {quote(written)}; {error}")
        else:
            found[canonical(normal)] = normal
    return Axis(list(found.values()))


def _filled(modifier: Modifier, value: Any, path: str, mistakes: Mistakes) -> list[tuple[Any, Any]]:
    """Each of the values, as it is written and with everything filled in."""
    if isinstance(modifier, Chain):
        return _chains(modifier, value, path, mistakes)
    if not isinstance(modifier, Piece):
        items = choices(value, path, mistakes)
        return [(item, item) for item in items if mistakes.expect(modifier.values, item, path)]
    pieces = modifier.registry
    tables = table_choices(value, path, mistakes, lambda parameter: is_list(pieces, parameter))
    filled = [(table, definition(pieces, table, path, mistakes)) for table in tables]
    return [(table, found) for table, found in filled if found is not None]


def _chains(modifier: Chain, value: Any, path: str, mistakes: Mistakes) -> list[tuple[Any, Any]]:
    """Each of the chains: of a list of pieces, one around another, with every value of theirs."""
    axes: dict[str, list[dict[str, Any]]] = {}
    pieces = modifier.registry
    for place, item in enumerate(value if isinstance(value, list) else [value]):
        tables = table_choices(item, path, mistakes, lambda parameter: is_list(pieces, parameter))
        filled = [definition(pieces, table, path, mistakes) for table in tables]
        axes[str(place)] = [table for table in filled if table is not None]
    chains = [list(chain.values()) for chain in cross(axes, path, mistakes, LONGEST)]
    return [(value, chain) for chain in chains]


def with_decay(
    hyperparameters: dict[str, float], modifiers: dict[str, Any]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Both as they are, but for an inverse-time schedule without a warm-up, which is `decay`."""
    schedule: Mapping[str, Any] = modifiers.get("schedule", {"name": ""})
    short = schedule["name"] == "inverse_time" and not schedule["warmup"]
    if not short or hyperparameters["decay"]:
        return hyperparameters, modifiers
    rest = {name: value for name, value in modifiers.items() if name != "schedule"}
    return {**hyperparameters, "decay": schedule["decay"]}, rest
