"""The columns of trials and summaries."""

from __future__ import annotations

import pandas as pd


def hyperparameters(frame: pd.DataFrame) -> list[str]:
    """Names of the hyperparameter columns of a trials or summary frame."""
    columns = list(frame.columns)
    start = columns.index("seed") + 1 if "seed" in columns else columns.index("rule") + 1
    stop = columns.index("status") if "status" in columns else columns.index("seeds")
    return columns[start:stop]
