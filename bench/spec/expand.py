"""One table with lists and ranges in it, as the many plain tables it stands for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bench.spec.mistakes import Mistakes, show

LONGEST = 100_000
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
        mistakes.add(path, f"has a list within a list, {show(nested[0])}; write one flat list")
        return []
    return [point for item in value for point in choices(item, path, mistakes)]


def _range(table: dict[str, Any], path: str, mistakes: Mistakes) -> list[Any]:
    kind = next((kind for kind in RANGES if kind in table), None)
    if kind is None or set(table) != {kind, "n"}:
        mistakes.add(
            path, f"is {show(table)}; must be a value, a list or a range such as {EXAMPLE}"
        )
        return []
    ends, n = table[kind], table["n"]
    if not (isinstance(ends, list) and len(ends) == 2 and all(map(is_number, ends))):
        mistakes.add(f"{path}.{kind}", f"is {show(ends)}; must be two numbers, [low, high]")
    elif isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LONGEST:
        mistakes.add(f"{path}.n", f"is {show(n)}; must be a whole number from 1 to {LONGEST:,}")
    elif ends[0] > ends[1]:
        mistakes.add(f"{path}.{kind}", f"is {show(ends)}; must have the lower end first")
    elif kind == "log" and ends[0] <= 0:
        mistakes.add(f"{path}.{kind}", f"is {show(ends)}; both ends must be above 0")
    elif n == 1 and ends[0] < ends[1]:
        mistakes.add(f"{path}.n", "is 1; a range with two ends has at least 2 points")
    else:
        return points(kind, ends[0], ends[1], n)
    return []


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
    mistakes.add(path, f'is {show(value)}; must be a name or a table such as {{ name = "..." }}')
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


def labels(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each of `tables` what sets it apart from the others, as text.

    >>> labels([{"epochs": 9, "dataset": {"samples": n}} for n in (50, 100)])
    ['samples=50', 'samples=100']
    """
    flat = [_flatten(table) for table in tables]
    keys = list(dict.fromkeys(key for table in flat for key in table))
    apart = [k for k in keys if any(table.get(k) != flat[0].get(k) for table in flat)]
    short = [key.rpartition(".")[2] for key in apart]
    shown = {
        key: last if short.count(last) == 1 else key for key, last in zip(apart, short, strict=True)
    }
    columns = {key: _texts([table.get(key) for table in flat]) for key in apart}
    return [
        ", ".join(f"{shown[k]}={columns[k][i]}" for k in apart if k in flat[i])
        for i in range(len(flat))
    ]


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        elif key == "name" and prefix:
            flat[prefix.rstrip(".")] = value
        else:
            flat[prefix + key] = value
    return flat


def _texts(values: list[Any]) -> list[str]:
    """`values` as text; of lists of one length only the places where they differ."""
    lists = [value for value in values if isinstance(value, list)]
    if lists and len({len(v) for v in lists}) == 1:
        apart = [i for i, items in enumerate(zip(*lists, strict=True)) if len(set(items)) > 1]
        values = [[v[i] for i in apart] if isinstance(v, list) else v for v in values]
    return [
        " ".join(map(str, value)) if isinstance(value, list) else _text(value) for value in values
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
