"""Intervals of the headline's cost, or ranges where seeds are too few for an interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.tables.headline import COST, HIGH, LOW


def intervals_or_ranges(summary: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The summary, the interval of the cost replaced where there cannot be one.

    Few seeds give no 95% interval (its ends are infinite): then the ends are the smallest and the
    largest cost. `interval` says which it is: "95%", "range", or "" for a single run.
    """
    keys = ["problem", "configuration", *(["phase"] if "phase" in summary else [])]
    costs = trials[keys].assign(value=trials[COST]).dropna(subset="value")
    ranges = costs.groupby(keys, sort=False)["value"].agg(["min", "max", "size"])
    out = summary.join(ranges, on=keys, validate="one_to_one")
    too_few = np.isneginf(out[LOW]) | out[LOW].isna()
    out["interval"] = np.where(out["size"] > 1, np.where(too_few, "range", "95%"), "")
    out[LOW] = out[LOW].where(~too_few, out["min"])
    out[HIGH] = out[HIGH].where(~too_few, out["max"])
    return out.drop(columns=["min", "max", "size"])
