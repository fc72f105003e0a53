"""Intervals of the final training loss, or ranges where seeds are too few for an interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.tables.headline import HIGH, LOW, final_losses


def intervals_or_ranges(summary: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The summary, the interval of the final training loss replaced where there cannot be one.

    Few seeds give no 95% interval (its ends are infinite): then the ends are the smallest and the
    largest loss. `interval` says which it is: "95%", "range", or "" for a single run.
    """
    keys = ["problem", "configuration", *(["phase"] if "phase" in summary else [])]
    losses = trials[keys].assign(value=final_losses(trials)).dropna(subset="value")
    ranges = losses.groupby(keys, sort=False)["value"].agg(["min", "max", "size"])
    out = summary.join(ranges, on=keys, validate="one_to_one")
    too_few = np.isneginf(out[LOW]) | out[LOW].isna()
    out["interval"] = np.where(out["size"] > 1, np.where(too_few, "range", "95%"), "")
    out[LOW] = out[LOW].where(~too_few, out["min"])
    out[HIGH] = out[HIGH].where(~too_few, out["max"])
    return out.drop(columns=["min", "max", "size"])
