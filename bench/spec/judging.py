"""How a spec wants its results judged: keys that change no trial.

`metric` and `margin` stand at the top of a spec, and in a problem's table where it has its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.stats.decision import Margin
from nncore.metrics import TRAIN_LOSS
from nncore.values import POSITIVE, YES_OR_NO, either, record, such

FINAL_LOSS = f"final_{TRAIN_LOSS}"
NAMED = re.compile(r"(final|best|time_to)_((?:train|validation|test)_\w+)")
METRIC = such(
    "final_ or best_ before a metric of a part, such as "
    '"final_train_loss" or "final_validation_accuracy"',
    lambda value: (
        isinstance(value, str)
        and NAMED.fullmatch(value) is not None
        and not value.startswith("time_to_")
    ),
)
SHARE = such("a number between 0 and 1", lambda v: v in POSITIVE and v < 1, float)
MARGIN = either(
    SHARE, record({"ratio": SHARE, "difference": POSITIVE}, optional=("ratio", "difference"))
).saying("a number between 0 and 1, or a table such as { ratio = 0.1, difference = 0.01 }")
KEYS = {"metric": METRIC, "margin": MARGIN, "same_data_counts": YES_OR_NO}
# Those that a problem may have itself.
OWN = {"metric": METRIC, "margin": MARGIN}


def parts_of(name: str) -> tuple[str, str]:
    """What a metric's name or a criterion looks at, and in which column.

    Raises ValueError for what is none.

    >>> parts_of("final_train_loss"), parts_of("time_to_validation_accuracy")
    (('final', 'train_loss'), ('time_to', 'validation_accuracy'))
    """
    found = NAMED.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} names no metric")
    kind, column = found.groups()
    return kind, column


def is_test(name: str) -> bool:
    """Whether a metric looks at test data, which never take part in a choice."""
    return parts_of(name)[1].startswith("test_")


@dataclass(frozen=True)
class Judged:
    """What a problem is judged by: a metric, and by how much it may differ and be the same."""

    metric: str = FINAL_LOSS
    margin: Margin = field(default_factory=Margin)

    def of(self, table: Mapping[str, Any]) -> Judged:
        """This, with what a table of a spec says instead."""
        metric = table.get("metric", self.metric)
        return Judged(metric, margin_of(table["margin"]) if "margin" in table else self.margin)


def check(spec: Mapping[str, Any]) -> None:
    """Raise ValueError where a key of judging has a value that it cannot have."""
    for key, values in KEYS.items():
        if key in spec and spec[key] not in values:
            raise ValueError(f"{key}: must be {values.words}")


def margin_of(value: float | Mapping[str, float | None]) -> Margin:
    """The margin that a spec gives; a number is both that of ratios and that of differences.

    >>> margin_of(0.05), margin_of({"ratio": 0.2})
    (Margin(ratio=0.05, difference=0.05), Margin(ratio=0.2, difference=0.01))
    """
    if isinstance(value, Mapping):
        return Margin(**{key: size for key, size in value.items() if size is not None})
    return Margin(value, value)


def same_data_counts(spec: Mapping[str, Any]) -> bool:
    """Whether problems on the same data count as several wherever problems are put together."""
    return bool(spec.get("same_data_counts", False))
