"""Which rows a choice was made from, and which judge it."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd


def searched(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that configurations were chosen from: all, or those of the tuning phase."""
    return frame[frame["phase"] == "tuning"] if "phase" in frame else frame


def all_evaluated(trials: pd.DataFrame, fixed: Collection[str] = ()) -> bool:
    """Whether every problem with randomness has been judged on seeds of its own."""
    if "phase" not in trials:
        return False
    random = set(trials["problem"]) - set(fixed)
    return random <= set(trials.loc[trials["phase"] == "evaluation", "problem"])
