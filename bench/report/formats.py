"""A table of a report for a paper or a page: LaTeX, Markdown, CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from bench.tables.words import value_text

# What LaTeX reads as something else.
SPECIAL = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def latex(frame: pd.DataFrame) -> str:
    r"""A `tabular` with the rules of booktabs: numbers to three digits, on the right.

    >>> print(latex(pd.DataFrame({"rule_name": ["a & b"], "loss": [0.12345]})))
    \begin{tabular}{lr}
    \toprule
    rule\_name & loss \\
    \midrule
    a \& b & 0.123 \\
    \bottomrule
    \end{tabular}
    """
    sides = "".join("r" if right else "l" for right in _numbers(frame))
    rows = [" & ".join(map(_escaped, row)) + r" \\" for row in _texts(frame)]
    begin, end = rf"\begin{{tabular}}{{{sides}}}", r"\end{tabular}"
    return "\n".join([begin, r"\toprule", rows[0], r"\midrule", *rows[1:], r"\bottomrule", end])


def markdown(frame: pd.DataFrame) -> str:
    r"""A table of GitHub's Markdown: numbers to three digits, on the right.

    >>> print(markdown(pd.DataFrame({"rule": ["a | b"], "loss": [0.12345]})))
    | rule | loss |
    |---|---:|
    | a \| b | 0.123 |
    """
    lines = [
        "| " + " | ".join(cell.replace("|", r"\|") for cell in r) + " |" for r in _texts(frame)
    ]
    rule = "|" + "".join("---:|" if right else "---|" for right in _numbers(frame))
    return "\n".join([lines[0], rule, *lines[1:]])


def csv(frame: pd.DataFrame) -> str:
    """Comma-separated values, every digit."""
    return frame.to_csv(index=False, lineterminator="\n").rstrip("\n")


FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    "latex": latex,
    "markdown": markdown,
    "csv": csv,
}


def _numbers(frame: pd.DataFrame) -> list[bool]:
    return [pd.api.types.is_numeric_dtype(frame[name]) for name in frame]


def _texts(frame: pd.DataFrame) -> Iterable[list[str]]:
    """The header and the rows."""
    yield [str(name) for name in frame]
    for row in frame.itertuples(index=False, name=None):
        yield [_text(value) for value in row]


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, bool | int | str):
        return str(value)
    return value_text(value)


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in text)
