"""Times to a target in other coins than epochs: evaluations of the gradient, and seconds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.store.records import EVALUATIONS
from bench.tables.costs import SECONDS, with_prices

MEDIANS = ("median", "median_low", "median_high")


def priced(times: pd.DataFrame, costs: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """`times` (a row per problem, optimizer and target) with what its epochs cost.

    `costs` has a row per problem and rule, `judged` the rule and the evaluations of an optimizer's
    trials. Budget and median come as `NAME_gradient_evaluations`: epochs times the evaluations
    of a batch that one has, the median over runs to the end; the median as `NAME_seconds`, too.
    Columns of seconds come last; they are the only ones that may differ between two runs.
    """
    where = ["problem", "optimizer"]
    of = judged.drop_duplicates(where)[[n for n in (*where, "rule", "wrap") if n in judged]]
    each = with_prices(times[where].merge(of, on=where, how="left"), costs)
    gradients = _gradients(times, judged).to_numpy()
    seconds = each["epoch_seconds"].to_numpy(dtype=float)
    found: dict[str, Any] = {
        **{f"{name}_{EVALUATIONS}": times[name] * gradients for name in ("budget", *MEDIANS)},
        **{name: each[name].to_numpy(dtype=float) for name in SECONDS},
        **{f"{name}_seconds": times[name] * seconds for name in MEDIANS},
    }
    return times.assign(**found)


def _gradients(times: pd.DataFrame, judged: pd.DataFrame) -> pd.Series:
    """Evaluations of a batch in an epoch, a row of `times` each; NaN where no run says."""
    if EVALUATIONS not in judged:
        return pd.Series(float("nan"), index=times.index)
    ended = judged[judged["status"] == "ok"]
    whole = ended.groupby(["problem", "optimizer"])[EVALUATIONS].median().rename("whole")
    found = times[["problem", "optimizer"]].join(whole, on=["problem", "optimizer"])["whole"]
    return found.astype(float) / times["budget"].astype(float)
