"""Configurations and what went wrong in them, as one would write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.tables.columns import hyperparameters
from nncore.rules import rules

Defaults = Mapping[str, Mapping[str, float]]
NONE: Defaults = {}


def configuration_texts(rows: pd.DataFrame, of_plugins: Defaults = NONE) -> dict[Any, str]:
    """A text for every configuration (row) of one optimizer, by index: "rate 0.05, decay 1e-3".

    It names the learning rate, and whatever varies among `rows` or is not the rule's default.
    `of_plugins` has the defaults of rules that are not built in, by rule; which numbers are those
    of another package nobody knows without it, so they are not named.
    """
    values = rows[hyperparameters(rows)]
    names = values.columns[values.notna().any()]
    rule = str(rows["rule"].iloc[0])
    known: Mapping[str, float] = rules[rule].hyperparameters if rule in rules else {}
    defaults = {"decay": 0.0, **of_plugins.get(rule, known)}

    def differs(name: str) -> bool:
        value = rows[name].iloc[0]
        if ":" in rule and name not in defaults:
            return isinstance(value, str | bool | np.bool_)
        return name not in defaults or bool(value != defaults[name])

    told = [
        n for n in names if n == "learning_rate" or rows[n].nunique(dropna=False) > 1 or differs(n)
    ]
    return {
        index: ", ".join(
            f"{'rate' if name == 'learning_rate' else name} {value_text(value)}"
            for name, value in zip(told, values, strict=True)
            if not _missing(value)
        )
        for index, *values in rows[told].itertuples(name=None)
    }


def names_told(names: Iterable[str], most: int | None = None) -> str:
    """Names in a sentence, those with a comma of their own in quotation marks; `most` of them.

    >>> names_told(["spiral", "spiral, 2000 epochs", "blobs", "layer"], 2)
    'spiral, “spiral, 2000 epochs” and 2 more'
    """
    told = [f"“{name}”" if "," in name else name for name in names]
    rest = 0 if most is None else max(len(told) - most, 0)
    listed = ", ".join(told[: len(told) - rest])
    return f"{listed} and {rest} more" if rest else listed


def value_text(value: Any) -> str:
    """A hyperparameter as one would write it.

    >>> [value_text(value) for value in (0.001, 5e-7, 0.9, 10 ** -3.5, "cosine")]
    ['0.001', '5e-7', '0.9', '3.16e-4', 'cosine']
    """
    if isinstance(value, int | float | np.number):
        text = f"{value:.3g}"
        if 0 < abs(float(value)) < 1e-3:
            mantissa, exponent = f"{value:.2e}".split("e")
            text = f"{float(mantissa):g}e{exponent}"
        mantissa, e, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent)}" if e else text
    return str(value)


def failures(row: Mapping[str, Any] | pd.Series) -> str:
    """What went wrong in a configuration's runs: "3 of 10 diverged", or nothing.

    >>> failures({"seeds": 10, "diverged": 3, "crashed": 1})
    '3 of 10 diverged, 1 crashed'
    """
    words = []
    if row["diverged"]:
        words.append(f"{row['diverged']} of {row['seeds']} diverged")
    if row["crashed"]:
        words.append(f"{row['crashed']} crashed")
    return ", ".join(words)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
