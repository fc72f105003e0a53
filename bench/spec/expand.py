"""One table with lists and ranges in it, as the many plain tables it stands for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bench.spec.mistakes import Mistakes, quote
from nncore.values import NUMBER, whole

LONGEST = 100_000
POINTS = whole(1, LONGEST)
RANGES = ("log", "linear")
EXAMPLE = "{ log = [1e-4, 1.0], n = 9 }"


def choices(value: Any, path: str, mistakes: Mistakes, *, native: bool = False) -> list[Any]:
    """The values that `value` stands for: its points if a range, its items if a list, or itself.

    `native` says that one value is a list already, so that only lists of lists are several.
    """
    if isinstance(value, dict) and not native:
        return _range(value, path, mistakes)
    if not isinstance(value, list):
        return [value]
    nested = [item for item in value if isinstance(item, list)]
    if native and not nested:
        return [value]
    if not value:
        mistakes.add(path, "is an empty list; needs at least one value")
    if native:
        if len(nested) < len(value):
            mistakes.add(path, "mixes values and lists; write one list, or a list of lists")
            return []
        return nested
    if nested:
        mistakes.add(path, f"has a list within a list, {quote(nested[0])}; write one flat list")
        return []
    return [point for item in value for point in choices(item, path, mistakes)]


def _range(table: dict[str, Any], path: str, mistakes: Mistakes) -> list[Any]:
    kind = next((kind for kind in RANGES if kind in table), None)
    if kind is None or set(table) != {kind, "n"}:
        mistakes.add(
            path, f"is {quote(table)}; must be a value, a list or a range such as {EXAMPLE}"
        )
        return []
    n, found = table["n"], ends(table[kind], f"{path}.{kind}", mistakes, above_zero=kind == "log")
    if mistakes.expect(POINTS, n, f"{path}.n") and found:
        low, high = found
        if n > 1 or low == high:
            return points(kind, low, high, n)
        mistakes.add(f"{path}.n", "is 1; a range with two ends has at least 2 points")
    return []


def ends(value: Any, path: str, mistakes: Mistakes, *, above_zero: bool) -> list[Any]:
    """The two ends of a range, the lower one first; empty where they are wrong, which is noted."""
    if not (isinstance(value, list) and len(value) == 2 and all(v in NUMBER for v in value)):
        mistakes.add(path, f"is {quote(value)}; must be two numbers, [low, high]")
    elif value[0] > value[1]:
        mistakes.add(path, f"is {quote(value)}; must have the lower end first")
    elif above_zero and value[0] <= 0:
        mistakes.add(path, f"is {quote(value)}; both ends must be above 0")
    else:
        return value
    return []


def points(kind: str, low: float, high: float, n: int) -> list[int | float]:
    """`n` points from `low` to `high`, both included, at equal ratios (`log`) or steps (`linear`).

    Points between the ends are rounded to 12 significant digits, so that 0.001 is 0.001 on every
    machine; they are integers where both ends are and they are whole.

    >>> points("log", 1e-4, 1.0, 5), points("linear", 0, 1, 5)
    ([0.0001, 0.001, 0.01, 0.1, 1.0], [0, 0.25, 0.5, 0.75, 1])
    """
    if low == high:
        return [low]
    found: list[int | float] = [low]
    exact_low, exact_high = Fraction(repr(low)), Fraction(repr(high))
    for i in range(1, n - 1):
        share = Fraction(i, n - 1)
        if kind == "log":
            exponent = (1 - float(share)) * math.log10(low) + float(share) * math.log10(high)
            point = 10**exponent
        else:
            point = float(exact_low + (exact_high - exact_low) * share)
        point = float(f"{point:.12g}")
        whole = isinstance(low, int) and isinstance(high, int) and point.is_integer()
        found.append(int(point) if whole else point)
    return [*found, high]


def table_choices(
    value: Any, path: str, mistakes: Mistakes, native: Callable[[str], bool]
) -> list[dict[str, Any]]:
    """The tables that `value` stands for: a name, a table with lists in it, or a list of these.

    `native(key)` says whether one value at `key` is a list already.
    """
    if isinstance(value, str):
        return [{"name": value}]
    if isinstance(value, dict):
        axes = {
            key: choices(inside, f"{path}.{key}", mistakes, native=native(key))
            for key, inside in value.items()
        }
        return cross(axes, path, mistakes, LONGEST)
    if isinstance(value, list) and value and not any(isinstance(item, list) for item in value):
        return [t for item in value for t in table_choices(item, path, mistakes, native)]
    mistakes.add(path, f'is {quote(value)}; must be a name or a table such as {{ name = "..." }}')
    return []


def size(axes: Mapping[str, Sequence[Any]]) -> int:
    """How many tables `cross` makes of `axes`."""
    return math.prod(map(len, axes.values()))


def cross(
    axes: Mapping[str, Sequence[Any]], path: str, mistakes: Mistakes, most: int
) -> list[dict[str, Any]]:
    """Every combination of the values of `axes`; none when there would be more than `most`."""
    if size(axes) > most:
        mistakes.add(path, f"makes {size(axes):,} combinations; at most {most:,}")
        return []
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
