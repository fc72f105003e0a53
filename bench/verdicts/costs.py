"""Times to a target in other coins than epochs: evaluations of the gradient, and seconds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.tables.costs import SECONDS

MEDIANS = ("median", "median_low", "median_high")


def priced(times: pd.DataFrame, costs: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """`times` (a row per problem, optimizer and target) with what its epochs cost.

    `costs` has a row per problem and rule, `judged` says which rule an optimizer has. Budget and
    median come in gradients, `NAME_gradients`, and the median in seconds, `NAME_seconds`: epochs
    times what one costs. Columns of seconds come last; they are the only ones that may differ
    between two runs.
    """
    where = ["problem", "optimizer"]
    rule_of = judged.drop_duplicates(where)[[*where, "rule"]]
    each = times[where].merge(rule_of, how="left").merge(costs, on=["problem", "rule"], how="left")
    gradients = each["gradients"].to_numpy(dtype=float, na_value=float("nan"))
    seconds = each["epoch_seconds"].to_numpy(dtype=float)
    found: dict[str, Any] = {
        **{f"{name}_gradients": times[name] * gradients for name in ("budget", *MEDIANS)},
        **{name: each[name].to_numpy(dtype=float) for name in SECONDS},
        **{f"{name}_seconds": times[name] * seconds for name in MEDIANS},
    }
    return times.assign(**found)
