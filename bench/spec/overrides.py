"""`--set KEY=VALUE`: a dotted key and a TOML value laid over a spec before it is checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from bench.spec.mistakes import Mistakes, nearest, quote
from bench.spec.names import CALLED, as_list, names_of
from bench.spec.toml import plain

PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
ASSIGNMENT = re.compile(rf"\s*({PART}(?:\s*\.\s*{PART}){{0,7}})\s*=(.*)", re.DOTALL)


def apply(spec: dict[str, Any], overrides: Sequence[str], mistakes: Mistakes) -> None:
    """Change `spec` in place as each `KEY=VALUE` of `overrides` says; notes those that cannot.

    Tables of an array are addressed by name: `problem.spiral.epochs=1000`. Names that need TOML's
    quotes may go without, since shells remove them: `optimizer.sgd + momentum.momentum=0.9`.
    """
    for text in overrides:
        _apply_one(spec, text, mistakes)


def _apply_one(spec: dict[str, Any], text: str, mistakes: Mistakes) -> None:
    where, before = f"--set {text}", mistakes.count
    parts, tail = _named_table(spec, text)
    match = ASSIGNMENT.fullmatch(tail)
    if match is None:
        mistakes.add(where, "is not KEY=VALUE; for example seeds=3 or problem.spiral.epochs=1000")
        return
    try:
        parts += _keys(match[1])
        value = plain(_value(match[2].strip()), where, mistakes)
    except ValueError as error:
        mistakes.add(where, f"{quote(match[2].strip())} is not a TOML value ({error})")
        return
    if mistakes.count > before:
        return
    if parts[0] not in CALLED or len(parts) == 1:
        _put(spec, parts, value, where, mistakes)
        return
    tables = spec.get(parts[0], [])
    tables = [t for t in (tables if isinstance(tables, list) else [tables]) if isinstance(t, dict)]
    found = [table for table in tables if parts[1] in names_of(table, parts[0])]
    if not found:
        known = [name for table in tables for name in names_of(table, parts[0])]
        mistakes.add(
            where,
            f'there is no {parts[0]} "{parts[1]}"; {nearest(parts[1], known)}'
            if known
            else f"there is no {parts[0]} table with a name",
        )
    elif len(parts) == 2:
        mistakes.add(where, f"names no key; for example {parts[0]}.{parts[1]}.KEY=VALUE")
    for table in found if len(parts) > 2 else []:
        _put(table, parts[2:], value, where, mistakes)


def _named_table(spec: dict[str, Any], text: str) -> tuple[list[str], str]:
    """Split `optimizer.NAME.` off when a table has that name, quoted or not."""
    for kind in CALLED:
        tables = [t for t in as_list(spec.get(kind, [])) if isinstance(t, dict)]
        # The longest first: one name may begin with another.
        for name in sorted({n for t in tables for n in names_of(t, kind)}, key=len, reverse=True):
            for form in (f'"{name}"', f"'{name}'", name):
                if text.lstrip().startswith(f"{kind}.{form}."):
                    return [kind, name], text.lstrip()[len(f"{kind}.{form}.") :]
    return [], text


def _keys(dotted: str) -> list[str]:
    """The parts of a dotted TOML key."""
    inside: Any = tomllib.loads(f"{dotted} = 0")
    parts = []
    while isinstance(inside, dict):
        [(part, inside)] = inside.items()
        parts.append(part)
    return parts


def _value(text: str) -> Any:
    """A TOML value; words that are none are text, so that shells need no second quotes.

    >>> _value("[0.1, 1]"), _value("float64"), _value("true")
    ([0.1, 1], 'float64', True)
    """
    try:
        values = tomllib.loads(f"value = {text}")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        if re.fullmatch(r"[A-Za-z_./~][^\"'\[\]{}=,#\n]*", text):
            return text
        raise
    if set(values) != {"value"}:
        raise ValueError("more than one value")
    return values["value"]


def _put(
    table: dict[str, Any], parts: list[str], value: Any, where: str, mistakes: Mistakes
) -> None:
    for part in parts[:-1]:
        inside = table.get(part, {})
        if isinstance(inside, str) and part in ("dataset", "initializer"):
            inside = {"name": inside}
        if not isinstance(inside, dict):
            mistakes.add(where, f"{part} is {quote(inside)}, not a table; set {part} as a whole")
            return
        table[part] = inside
        table = inside
    table[parts[-1]] = value
