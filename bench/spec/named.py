"""Named pieces with parameters, as a spec writes them, filled in from their signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.spec.expand import is_number
from bench.spec.mistakes import Mistakes, nearest, show, unknown_keys
from nncore.registry import Entry, Registry

LARGEST = 10_000_000  # what an integer parameter may be: samples, classes, features
WORDS = {bool: "true or false", int: f"a whole number from 0 to {LARGEST:,}", str: "text"}


def is_known(registry: Registry[Any], name: Any, path: str, mistakes: Mistakes) -> bool:
    """Whether `name` is one of `registry`; notes the mistake if not."""
    if isinstance(name, str) and name in registry:
        return True
    if not isinstance(name, str):
        mistakes.add(path, f"is {show(name)}; must be the name of a {registry.kind}")
    elif not mistakes.incomplete:
        hint = nearest(name, registry)
        mistakes.add(path, f"there is no {registry.kind} {show(name)}; {hint}")
    return False


def definition(
    registry: Registry[Any],
    table: Mapping[str, Any],
    path: str,
    mistakes: Mistakes,
    *,
    common: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Any] | None:
    """`table` with every parameter filled in: its name first, then in the signature's order.

    `common` holds what every entry of the registry takes besides, as words to choose from, the
    first being the default. Returns None when something is wrong, which is noted.
    """
    if "name" not in table:
        mistakes.add(f"{path}.name", f"is missing; known: {', '.join(registry)}")
        return None
    if not is_known(registry, table["name"], path, mistakes):
        return None
    entry, words = registry[table["name"]], common or {}
    good = not unknown_keys(table, ["name", *entry.parameters, *words], path, mistakes)
    filled = {"name": entry.name}
    for key, default in entry.parameters.items():
        value = table.get(key, default)
        if wrong := _wrong(value, _kind(entry, key)):
            mistakes.add(f"{path}.{key}", f"is {show(value)}; must be {wrong}")
            good = False
        else:
            filled[key] = _canonical(value, _kind(entry, key))
    for key, allowed in words.items():
        filled[key] = table.get(key, allowed[0])
        if filled[key] not in allowed:
            choice = " or ".join(f'"{word}"' for word in allowed)
            mistakes.add(f"{path}.{key}", f"is {show(filled[key])}; must be {choice}")
            good = False
    return filled if good else None


def is_list(registry: Registry[Any], key: str) -> bool:
    """Whether a parameter called `key` is a list already in some entry of `registry`."""
    return any(isinstance(e.parameters.get(key), list | tuple) for e in registry.values())


def _kind(entry: Entry, key: str) -> type:
    """A parameter's type: its default's, or float where the signature says `noise: float = 0`."""
    annotation = entry.function.__annotations__.get(key)
    if annotation in (float, "float"):
        return float
    kind = type(entry.parameters[key])
    return list if kind is tuple else kind


def _wrong(value: Any, kind: type) -> str:
    """What a value of `kind` must be, if `value` is not."""
    if kind is float:
        return "" if is_number(value) else "a finite number"
    if kind is list:
        numbers = isinstance(value, list | tuple) and all(map(is_number, value))
        return "" if numbers else "a list of finite numbers"
    if kind not in WORDS:
        return ""
    good = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if good and kind is int:
        good = 0 <= value <= LARGEST
    return "" if good else WORDS[kind]


def _canonical(value: Any, kind: type) -> Any:
    # Equal definitions need equal keys: 1 is 1.0, and -0.0 is 0.0.
    if kind is float:
        return float(value) + 0.0
    if kind is list:
        return [float(item) + 0.0 for item in value]
    return value
