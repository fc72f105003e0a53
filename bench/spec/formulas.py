"""Formulas in a spec: arithmetic on metrics, hyperparameters and a problem's numbers.

Nothing is executed: a formula is read into its parts, of which only those below are known.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LONGEST = 300
BINARY: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
UNARY: dict[type[ast.unaryop], Callable[..., Any]] = {ast.USub: np.negative, ast.UAdd: np.positive}
FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "sqrt": (np.sqrt, 1),
    "log": (np.log, 1),
    "exp": (np.exp, 1),
    "abs": (np.abs, 1),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
}
WORDS = f"numbers, names, + - * / ** ( ) and {', '.join(FUNCTIONS)}"


@dataclass(frozen=True)
class Formula:
    """A formula as it is written, and the `names` that it needs, in the order of the text."""

    text: str
    names: tuple[str, ...]

    @property
    def is_name(self) -> bool:
        """Whether it is a single name."""
        return self.names == (self.text.strip(),)

    def __call__(self, values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Its value, elementwise; what no number is, as 0 / 0, is NaN.

        >>> float(formula("(sqrt(k) - 1) / (sqrt(k) + 1)")({"k": 100.0})) * 11
        9.0
        """
        with np.errstate(all="ignore"):
            return np.asarray(_value(_tree(self.text), values), dtype=np.float64)


def formula(text: str) -> Formula:
    """The formula in `text`. Raises ValueError where it is none, or is too long.

    >>> formula("final_train_loss / learning_rate**2").names
    ('final_train_loss', 'learning_rate')
    """
    names: dict[str, None] = {}
    _check(_tree(text), names)
    return Formula(text, tuple(names))


def _tree(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"is no formula; a formula has {WORDS}") from None


def _check(node: ast.expr, names: dict[str, None]) -> None:
    """Collect the names; raises ValueError for what a formula does not have."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            if abs(number) < 1e300:
                return
        case ast.Name() | ast.Attribute():
            if dotted := _dotted(node):
                names[dotted] = None
                return
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            _check(left, names)
            _check(right, names)
            return
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            _check(operand, names)
            return
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            if len(args) == FUNCTIONS[name][1]:
                for argument in args:
                    _check(argument, names)
                return
    raise ValueError(f'has "{ast.unparse(node)[:40]}"; a formula has {WORDS}')


def _dotted(node: ast.expr) -> str:
    """`schedule.warmup` as one name; empty where something else than names is in it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _value(node: ast.expr, values: Mapping[str, ArrayLike]) -> Any:
    match node:
        case ast.Constant(value=number):
            return np.float64(number)  # type: ignore[arg-type]
        case ast.BinOp(left=left, op=op, right=right):
            return BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return UNARY[type(op)](_value(operand, values))
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name][0](*(_value(argument, values) for argument in args))
        case _:
            return np.asarray(values[_dotted(node)], dtype=np.float64)
