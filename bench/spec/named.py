"""Named pieces with parameters, as a spec writes them, filled in from their signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_type_hints

from bench.spec.mistakes import Mistakes, nearest, quote, unknown_keys
from nncore.registry import Entry, RefusedError, Registry
from nncore.values import NUMBER, TEXT, YES_OR_NO, Values, many, one_of, such, whole

LARGEST = 10_000_000  # what an integer parameter may be: samples, classes, features
NUMBERS = many(NUMBER).saying("a list of finite numbers")
ANYTHING = such("anything", lambda value: True)
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
    if isinstance(name, str) and ":" in name and registry.elsewhere is not None:
        try:
            registry[name]
        except RefusedError as error:
            mistakes.add(path, str(error))
            return False
        return True
    if not isinstance(name, str):
        mistakes.add(path, f"is {quote(name)}; must be the name of a {registry.kind}")
    elif mistakes.incomplete:
        mistakes.doubt()
    else:
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
        allowed, value = _allowed(entry, key), table.get(key, default)
        value = list(value) if isinstance(value, tuple) else value
        if mistakes.expect(allowed, value, f"{path}.{key}"):
            filled[key] = allowed.form(value)
        else:
            good = False
    for key, choice in words.items():
        filled[key] = table.get(key, choice[0])
        good &= mistakes.expect(one_of(*choice), filled[key], f"{path}.{key}")
    return filled if good else None


def is_list(registry: Registry[Any], key: str) -> bool:
    """Whether a parameter called `key` is, or may be, a list already in some entry."""
    return any(
        isinstance(entry.parameters[key], list | tuple)
        or any([] in values for values in _declared(entry.function, key))
        for entry in registry.values()
        if key in entry.parameters
    )


def _allowed(entry: Entry, key: str) -> Values:
    """What a parameter may be: as it is annotated, or as its default is.

    `noise: float = 0` is a number, `side: Annotated[str, one_of("left", "right")] = "left"` a word.
    """
    if declared := _declared(entry.function, key):
        return declared[0]
    if entry.function.__annotations__.get(key) in (float, "float"):
        return NUMBER
    kind = type(entry.parameters[key])
    return OF_TYPE.get(list if kind is tuple else kind, ANYTHING)


@cache
def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # a plugin's annotations may be anything: they are for its readers
        return {}


def _declared(function: Callable[..., Any], key: str) -> list[Values]:
    """The values that a parameter's annotation names."""
    extras = getattr(_hints(function).get(key), "__metadata__", ())
    return [extra for extra in extras if isinstance(extra, Values)]
