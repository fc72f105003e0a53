"""What a notebook gives as objects, as the files that everything else goes by.

A rule of a cell becomes a plugin that holds the function as cloudpickle has it; arrays in memory
become an .npz file. Both lie in a folder that this process removes at its end, and count by their
content: the same cell has the same keys in another session.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import shutil
import tempfile
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from bench.spec.mistakes import SpecError
from nncore.registry import BUILT_IN, load_plugin
from nncore.rules import Rule, rules

PLUGIN = '''"""The rule {name}, of a notebook's cell."""

import base64

import cloudpickle

from nncore.rules import rule

function, options = cloudpickle.loads(base64.b64decode("{text}"))
rule(**options)(function)
'''


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench-cells-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def plugin_of(function: Callable[..., Any]) -> Path:
    """The plugin that registers a rule in every process as its decorator did in this one.

    Raises SpecError for what is no rule, or cannot be pickled.
    """
    name = getattr(function, "__name__", repr(function))
    entry = rules.get(name)
    if entry is None or entry.origin == BUILT_IN or not isinstance(function, types.FunctionType):
        raise SpecError([f"rules: {name} is no rule of this session; write @rule above it"])
    try:
        pickled = cloudpickle.dumps((_portable(function, {}), _options(entry)))
    except Exception as error:
        raise SpecError([f"rules: {name} cannot be sent to workers: {error}"]) from error
    path = _folder() / f"{name}.py"
    path.write_text(PLUGIN.format(name=name, text=base64.b64encode(pickled).decode()))
    load_plugin(path, again=True)
    return path


def _options(entry: Rule) -> dict[str, Any]:
    """What the decorator was given."""
    own = entry.varying if entry.per == "network" else ()
    state = {name: _portable(shape, {}) for name, shape in entry.state.items()}
    return {"per": entry.per, "state": state, "evaluate": entry.evaluate, "varying": list(own)}


def _portable(function: Any, made: dict[int, Any]) -> Any:
    """A function, and those of the session that it calls, without the cell and line it stands in.

    Defined in `__main__`, so that it is pickled whole.
    """
    if not isinstance(function, types.FunctionType):
        return function
    if id(function) in made:
        return made[id(function)]
    known: dict[str, Any] = {"__builtins__": __builtins__}
    code = _anywhere(function.__code__)
    copy = types.FunctionType(
        code, known, function.__name__, function.__defaults__, function.__closure__
    )
    made[id(function)] = copy
    copy.__kwdefaults__, copy.__doc__ = function.__kwdefaults__, function.__doc__
    copy.__module__ = "__main__"
    for name in _names(code):
        if name in function.__globals__:
            value = function.__globals__[name]
            own = getattr(value, "__module__", "") == function.__module__
            known[name] = _portable(value, made) if own else value
    return copy


def _anywhere(code: types.CodeType) -> types.CodeType:
    inside = tuple(_anywhere(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_filename="<cell>", co_firstlineno=1, co_consts=inside)


def _names(code: types.CodeType) -> set[str]:
    inner = (_names(c) for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*inner)


def with_files(source: Any) -> Any:
    """A spec whose datasets are files where they were arrays, `{"X": X, "y": y}`."""
    if not isinstance(source, Mapping) or "problem" not in source:
        return source
    tables = source["problem"]
    if isinstance(tables, Mapping):
        return {**source, "problem": _problem(tables)}
    return {**source, "problem": [_problem(table) for table in tables]}


def _problem(table: Any) -> Any:
    dataset = table.get("dataset") if isinstance(table, Mapping) else None
    if not isinstance(dataset, Mapping) or "X" not in dataset:
        return table
    arrays: dict[str, Any] = {
        name: np.asarray(value) for name, value in dataset.items() if _is_array(name)
    }
    rest = {name: value for name, value in dataset.items() if name not in arrays}
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    path = _folder() / f"{digest.hexdigest()[:16]}.npz"
    if not path.exists():
        np.savez(path, allow_pickle=False, **arrays)
    named = {} if "name" in table else {"name": "arrays"}
    return {**table, **named, "dataset": {"name": "csv", "path": str(path), **rest}}


def _is_array(name: str) -> bool:
    return name.lower() in ("x", "y")


def given(
    source: Any, functions: Sequence[Callable[..., Any]], plugins: Sequence[str | Path]
) -> tuple[Any, list[str | Path]]:
    """A spec and its plugins, all of them files."""
    return with_files(source), [*plugins, *map(plugin_of, functions)]
