"""What an optimizer table may hold beside its rule's hyperparameters: schedules and clipping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.spec.expand import choices, is_number, table_choices
from bench.spec.mistakes import Mistakes, show
from bench.spec.named import definition, is_list
from nncore.schedules import schedules
from nncore.streams import canonical

CLIPS = ("clip_norm", "clip_value")
TRIED = np.array([0.0, 1.0, 10.0])


def schedule_axis(value: Any, path: str, mistakes: Mistakes) -> list[dict[str, Any] | None]:
    """The schedules that `value` stands for, every parameter filled in, each once; None: constant.

    `value` is a name, a table with a name, or a list of these; scalars of a table may be lists.
    """
    if value is None:
        return [None]
    tables = table_choices(value, path, mistakes, lambda parameter: is_list(schedules, parameter))
    found: dict[str, dict[str, Any] | None] = {}
    for table in tables:
        filled = definition(schedules, table, path, mistakes)
        if filled is None:
            continue
        parameters = {key: inside for key, inside in filled.items() if key != "name"}
        try:
            schedules[filled["name"]].function(TRIED, 100, **parameters)
        except (ValueError, TypeError) as error:
            mistakes.add(path, f"is {show(table)}; {error}")
            continue
        still = filled["name"] == "constant" and not filled["warmup"]
        found[canonical(filled)] = None if still else filled
    return list(found.values())


def clip_axis(value: Any, path: str, mistakes: Mistakes) -> list[float | None]:
    """The limits that `value` stands for, each once; None: no clipping."""
    if value is None:
        return [None]
    good: dict[float, None] = {}
    for item in choices(value, path, mistakes):
        if is_number(item) and item > 0:
            good[float(item)] = None
        else:
            mistakes.add(path, f"is {show(item)}; must be a finite number above 0")
    return list(good)


def normal(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of a configuration with the one form that all ways to write it share.

    An inverse-time schedule without a warm-up is what `decay` stands for, and becomes it.
    """
    schedule = values["schedule"]
    plain = schedule is not None and schedule["name"] == "inverse_time" and not schedule["warmup"]
    if schedule is not None and plain and not values["decay"]:
        return {**values, "decay": schedule["decay"], "schedule": None}
    return dict(values)
