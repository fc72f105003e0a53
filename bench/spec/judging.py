"""How a spec wants its results judged: the keys at its top level that change no trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.stats.decision import Margin
from nncore.values import POSITIVE, YES_OR_NO, either, record, such

SHARE = such("a number between 0 and 1", lambda v: v in POSITIVE and v < 1, float)
KEYS = {
    "margin": either(
        SHARE, record({"ratio": SHARE, "difference": POSITIVE}, optional=("ratio", "difference"))
    ).saying("a number between 0 and 1, or a table such as { ratio = 0.1, difference = 0.01 }"),
    "same_data_counts": YES_OR_NO,
}


def check(spec: Mapping[str, Any]) -> None:
    """Raise ValueError where a key of judging has a value that it cannot have."""
    for key, values in KEYS.items():
        if key in spec and spec[key] not in values:
            raise ValueError(f"{key}: must be {values.words}")


def margin_of(spec: Mapping[str, Any]) -> Margin:
    """The margin of a spec; a number is both that of ratios and that of differences.

    >>> margin_of({"margin": 0.05}), margin_of({"margin": {"ratio": 0.2}})
    (Margin(ratio=0.05, difference=0.05), Margin(ratio=0.2, difference=0.01))
    """
    value = spec.get("margin", {})
    if isinstance(value, Mapping):
        return Margin(**{key: size for key, size in value.items() if size is not None})
    return Margin(value, value)


def same_data_counts(spec: Mapping[str, Any]) -> bool:
    """Whether problems on the same data count as several wherever problems are put together."""
    return bool(spec.get("same_data_counts", False))
