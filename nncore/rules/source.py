"""What a rule's source says, and in which line: for messages to whoever wrote it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Function = Callable[..., Any]


def definition(function: Function) -> int:
    """The line of its file in which `function` is defined, below its decorators."""
    return next((line for _, line in _nodes(function, ast.FunctionDef)), _first(function))


def returned(function: Function) -> int | None:
    """The line of the first statement that returns something; None where there is none."""
    for node, line in _nodes(function, ast.Return):
        if node.value is not None:
            return line
    return None


def rebound(function: Function, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Which of the `names` are bound anew (`w = ...`, not `w -= ...`, `w[:] = ...`), and where."""
    found = list(_nodes(function, (ast.AugAssign, ast.Name)))
    changed = [node.target for node, _ in found if isinstance(node, ast.AugAssign)]
    for node, line in found:
        name = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id
        if name in names and not any(node is target for target in changed):
            yield node.id, line


def _first(function: Function) -> int:
    return function.__code__.co_firstlineno


def _nodes(
    function: Function, kind: type[Any] | tuple[type[Any], ...]
) -> Iterator[tuple[Any, int]]:
    """The nodes of a kind in the source, with their lines; none where nobody has the source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, kind):
            yield node, _first(function) + node.lineno - 1
