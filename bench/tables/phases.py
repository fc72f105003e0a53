"""Which rows a choice was made from, and which judge it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from bench.plan.manifest import Manifest


def with_phases(frame: pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    """`trials.csv` with a column `phase` after `improved`: "tuning" or "evaluation".

    The frame as it is where configurations were not tuned on seeds of their own.
    """
    if manifest.tuning is None:
        return frame
    random = ~frame["problem"].isin(list(manifest.fixed))
    unseen = random & ~frame["seed"].isin(list(manifest.tuning.seeds))
    frame.insert(
        list(frame.columns).index("improved") + 1,
        "phase",
        pd.Series(np.where(unseen, "evaluation", "tuning"), index=frame.index, dtype=str),
    )
    return frame


def searched(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that configurations were chosen from: all, or those of the tuning phase."""
    return frame[frame["phase"] == "tuning"] if "phase" in frame else frame


def all_evaluated(trials: pd.DataFrame, fixed: Collection[str] = ()) -> bool:
    """Whether every problem with randomness has been judged on seeds of its own."""
    if "phase" not in trials:
        return False
    random = set(trials["problem"]) - set(fixed)
    return random <= set(trials.loc[trials["phase"] == "evaluation", "problem"])
