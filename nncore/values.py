"""The values that a setting may have: what it is checked by, and how a message says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_type_hints


@dataclass(frozen=True)
class Values:
    """The plain values (as TOML and JSON have them) that a setting may have.

    `words` say which, after "must be"; `faults` gives the parts of a value that are wrong, and
    `form` the form of a right one that all equal values share: equal definitions need equal keys.

    >>> numbers = many(NUMBER)
    >>> numbers.words, numbers.faults([3, "x"]), numbers.form([3, -0.0])
    ('a list of: a finite number', ['x'], [3.0, 0.0])
    """

    words: str
    faults: Callable[[Any], Sequence[Any]]
    form: Callable[[Any], Any] = lambda value: value

    def __contains__(self, value: Any) -> bool:
        return not self.faults(value)

    def saying(self, words: str) -> Values:
        """The same values in other words."""
        return replace(self, words=words)


def such(
    words: str, test: Callable[[Any], bool], form: Callable[[Any], Any] = lambda value: value
) -> Values:
    """The values that pass a test."""
    return Values(words, lambda value: [] if test(value) else [value], form)


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number that a float can hold; booleans are not.

    >>> is_number(1), is_number(True), is_number(float("nan")), is_number(10**400)
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number(value: float) -> float:
    return float(value) + 0.0  # 1 is 1.0, and -0.0 is 0.0


NUMBER = such("a finite number", is_number, _number)
POSITIVE = such("a finite number above 0", lambda v: is_number(v) and v > 0, _number)
TEXT = such("text", lambda value: isinstance(value, str))
YES_OR_NO = such("true or false", lambda value: isinstance(value, bool))
TABLE = such(
    "a table", lambda value: isinstance(value, dict) and all(isinstance(key, str) for key in value)
)


def whole(low: int, high: int | None = None) -> Values:
    """Whole numbers from `low` to `high`, both included; booleans and 1.0 are none."""
    words = f"a whole number from {low}" + ("" if high is None else f" to {high:,}")

    def test(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return value >= low and (high is None or value <= high)

    return such(words, test)


def one_of(*texts: str) -> Values:
    """One of some words."""
    words = " or ".join(f'"{text}"' for text in texts)
    return such(words, lambda value: isinstance(value, str) and value in texts)


def many(inside: Values, *, least: int = 0, most: int | None = None) -> Values:
    """Lists of `inside`, of `least` to `most` items."""

    def faults(value: Any) -> Sequence[Any]:
        if not isinstance(value, list) or not least <= len(value) <= (most or len(value)):
            return [value]
        return [fault for item in value for fault in inside.faults(item)]

    def form(value: list[Any]) -> list[Any]:
        return [inside.form(item) for item in value]

    return Values(f"a list of: {inside.words}", faults, form)


def row(*items: Values) -> Values:
    """Lists of as many items, each of its own values."""

    def faults(value: Any) -> Sequence[Any]:
        if not isinstance(value, list) or len(value) != len(items):
            return [value]
        return [f for own, item in zip(items, value, strict=True) for f in own.faults(item)]

    return Values(f"a list of {', '.join(item.words for item in items)}", faults)


def table_of(inside: Values, keys: Values = TEXT) -> Values:
    """Tables with any `keys`, the values of which are all `inside`."""

    def faults(value: Any) -> Sequence[Any]:
        if not isinstance(value, dict):
            return [value]
        return [f for k, v in value.items() for f in (*keys.faults(k), *inside.faults(v))]

    return Values(f"a table of: {inside.words}", faults)


def record(fields: Mapping[str, Values], optional: Collection[str] = ()) -> Values:
    """Tables with these fields and no others; `optional` ones may be absent, or None."""

    def faults(value: Any) -> Sequence[Any]:
        if not isinstance(value, dict) or not value.keys() <= fields.keys():
            return [value]
        given = {key: inside for key, inside in value.items() if inside is not None}
        if any(key not in given for key in fields if key not in optional):
            return [value]
        return [fault for key, inside in given.items() for fault in fields[key].faults(inside)]

    return Values(f"a table with {', '.join(fields)}", faults)


def either(*kinds: Values) -> Values:
    """Values of any of some kinds; the fault is that of the kind that `value` resembles most."""

    def faults(value: Any) -> Sequence[Any]:
        found = [kind.faults(value) for kind in kinds]
        return min(found, key=lambda parts: (len(parts) > 0, any(p is value for p in parts)))

    def form(value: Any) -> Any:
        return next(kind for kind in kinds if value in kind).form(value)

    return Values(", or ".join(kind.words for kind in kinds), faults, form)


def values_of(settings: type) -> dict[str, Values]:
    """What the fields of a dataclass may be, where they say so: `epochs: Annotated[int, whole(1)]`.

    They stand for themselves in the order of the fields.
    """
    hints = get_type_hints(settings, include_extras=True)
    return {name: found for name, hint in hints.items() for found in _declared(hint)}


def _declared(hint: Any) -> Iterable[Values]:
    return [found for found in getattr(hint, "__metadata__", ()) if isinstance(found, Values)]
