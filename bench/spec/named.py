"""Named pieces with parameters, as a spec writes them, filled in from their signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.spec.mistakes import Mistakes, nearest, quote, unknown_keys
from nncore.registry import Entry, Registry
from nncore.values import NUMBER, TEXT, YES_OR_NO, Values, many, one_of, whole

LARGEST = 10_000_000  # what an integer parameter may be: samples, classes, features
NUMBERS = many(NUMBER).saying("a list of finite numbers")
# What a parameter may be, by the type of its default.
OF_TYPE: dict[type, Values] = {
    bool: YES_OR_NO,
    int: whole(0, LARGEST),
    float: NUMBER,
    str: TEXT,
    list: NUMBERS,
}


def is_known(registry: Registry[Any], name: Any, path: str, mistakes: Mistakes) -> bool:
    """Whether `name` is one of `registry`; notes the mistake if not."""
    if isinstance(name, str) and name in registry:
        return True
    if not isinstance(name, str):
        mistakes.add(path, f"is {quote(name)}; must be the name of a {registry.kind}")
    elif not mistakes.incomplete:
        hint = nearest(name, registry)
        mistakes.add(path, f"there is no {registry.kind} {quote(name)}; {hint}")
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
        kind, value = _kind(entry, key), table.get(key, default)
        value = list(value) if isinstance(value, tuple) else value
        if kind in OF_TYPE and not mistakes.expect(OF_TYPE[kind], value, f"{path}.{key}"):
            good = False
        else:
            filled[key] = _canonical(value, kind)
    for key, allowed in words.items():
        filled[key] = table.get(key, allowed[0])
        good &= mistakes.expect(one_of(*allowed), filled[key], f"{path}.{key}")
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


def _canonical(value: Any, kind: type) -> Any:
    # Equal definitions need equal keys: 1 is 1.0, and -0.0 is 0.0.
    if kind is float:
        return float(value) + 0.0
    if kind is list:
        return [float(item) + 0.0 for item in value]
    return value
