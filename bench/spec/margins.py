"""By how much losses may differ and count as the same: what `margin` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.stats.decision import Margin
from nncore.values import POSITIVE, either, record, such

SHARE = such("a number between 0 and 1", lambda v: v in POSITIVE and v < 1, float)
KEY = "margin"
VALUES = either(
    SHARE, record({"ratio": SHARE, "difference": POSITIVE}, optional=("ratio", "difference"))
).saying("a number between 0 and 1, or a table such as { ratio = 0.1, difference = 0.01 }")


def margin_of(spec: Mapping[str, Any]) -> Margin:
    """The margin of a spec; a number is both that of ratios and that of differences.

    Raises ValueError for what is none.

    >>> margin_of({"margin": 0.05}), margin_of({"margin": {"ratio": 0.2}})
    (Margin(ratio=0.05, difference=0.05), Margin(ratio=0.2, difference=0.01))
    """
    value = spec.get(KEY, {})
    if value not in VALUES:
        raise ValueError(f"{value} is no margin")
    if isinstance(value, Mapping):
        return Margin(**{key: size for key, size in value.items() if size is not None})
    return Margin(value, value)
