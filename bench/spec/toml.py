"""TOML in and out: a spec's file as plain values, and plain values as a file."""

from __future__ import annotations

import errno
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from bench.spec.mistakes import Mistakes, SpecError, quote
from nncore.files import read_plain

LARGEST = 1_000_000  # bytes; a spec is a page or two
DEEPEST = 8
BARE = re.compile(r"[A-Za-z0-9_-]+")
# tomllib's time is quadratic in the parts of a dotted key, and it recurses once per bracket.
ENDLESS_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){32}""")


def read(path: Path) -> dict[str, Any]:
    """The values of the TOML file at `path`.

    Raises SpecError with one line that says what is wrong with the file, and on which line.
    """
    try:
        content = read_plain(path, most=LARGEST)
    except OSError as error:
        raise SpecError([_unreadable(path, error)]) from None
    if b"\0" in content:
        raise SpecError([f"{path}: is not a text file (it has null bytes); save it as UTF-8 text"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"byte 0x{content[error.start]:02x} on line {line}"
        raise SpecError([f"{path}: is not UTF-8 ({found}); save it as UTF-8 text"]) from None
    if not text.strip():
        raise SpecError([f"{path}: is empty; a spec has [[problem]] and [[optimizer]] tables"])
    if ENDLESS_KEY.search(text):
        raise SpecError([f"{path}: a dotted key has more than 32 parts"])
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SpecError([f"{path}: lists or tables are nested too deeply"]) from None
    except ValueError as error:
        raise SpecError([f"{path}: {_syntax(str(error), text)}"]) from None


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        folder = path.parent if str(path.parent) else Path(".")
        found = sorted(p.name for p in folder.glob("*.toml"))[:8] if folder.is_dir() else []
        hint = f"; {folder} has {', '.join(found)}" if found else ""
        return f"{path}: there is no such file{hint}"
    if isinstance(error, IsADirectoryError):
        return f"{path}: is a folder; a spec is a TOML file"
    if error.errno in (errno.EINVAL, errno.EFBIG):
        return f"{path}: {error.strerror}; a spec is a short TOML file"
    return f"{quote(str(path)).strip(chr(34))}: cannot be read: {error.strerror}"


def _syntax(message: str, text: str) -> str:
    """tomllib's message with the line it is about, in a spec's words where it has none."""
    where = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if where is None:
        return f"is not TOML: {message}"
    lines = text.splitlines()
    number = int(where[1]) if where[1] else max(1, len(lines))
    line = lines[number - 1].strip() if number <= len(lines) else ""
    what = message[: where.start()]
    if what.startswith(("Cannot overwrite", "Cannot declare", "Duplicate", "Cannot redefine")):
        what = (
            "is given twice; keep one (tables that repeat are written [[problem]], [[optimizer]])"
        )
    return f"line {number}: {quote(line)}: {what}"


def plain(value: Any, path: str, mistakes: Mistakes, depth: int = 0) -> Any:
    """A copy of `value` made of what TOML has: text, numbers, booleans, lists, tables.

    NumPy's scalars and arrays, tuples and paths become their plain counterparts; anything else is
    noted as a mistake and becomes an empty text.
    """
    if depth > DEEPEST:
        mistakes.add(path, f"is nested too deeply; at most {DEEPEST} levels")
        return ""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                mistakes.add(path, f"has the key {key!r}; keys are text")
        return {
            str(key): plain(inside, f"{path}.{key}".lstrip("."), mistakes, depth + 1)
            for key, inside in value.items()
        }
    if isinstance(value, list | tuple | range):
        return [plain(inside, path, mistakes, depth + 1) for inside in value]
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        mistakes.add(path, "has half of a surrogate pair; must be Unicode text")
        return ""
    if isinstance(value, bool | int | float | str):
        return value
    kind = "a date or time" if type(value).__module__ == "datetime" else type(value).__name__
    mistakes.add(path, f"is {kind}; must be text, a number, true or false, a list or a table")
    return ""


def dumps(values: Mapping[str, Any]) -> str:
    """`values` as TOML: scalars first, then a section for each table.

    Values may be booleans, integers, floats, text, lists and tables (mappings with text as keys).

    >>> print(dumps({"seeds": 3, "problem": [{"name": "a", "dataset": {"samples": 50}}]}), end="")
    seeds = 3
    <BLANKLINE>
    [[problem]]
    name = "a"
    dataset = { samples = 50 }
    """
    plain = {k: v for k, v in values.items() if not _tables(v)}
    parts = ["".join(f"{_key(k)} = {_value(v)}\n" for k, v in plain.items())]
    for key, value in values.items():
        if _tables(value):
            head = f"[{_key(key)}]" if isinstance(value, Mapping) else f"[[{_key(key)}]]"
            for table in [value] if isinstance(value, Mapping) else value:
                body = "".join(f"{_key(k)} = {_value(v)}\n" for k, v in table.items())
                parts.append(f"{head}\n{body}")
    return "\n".join(part for part in parts if part)


def inline(key: str, value: Any) -> str:
    """One key with its value on a line, tables inline.

    >>> inline("dataset", {"name": "spiral"})
    'dataset = { name = "spiral" }'
    """
    return f"{_key(key)} = {_value(value)}"


def _tables(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(v, Mapping) for v in value)
    )


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but for surrogate pairs (so no ASCII) and DEL (which TOML forbids).
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"TOML has no way to write {type(value).__name__}")
