"""The columns that trials, curves and summaries share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.spans import Plan


def leading_columns(plan: Plan, positions: NDArray[np.int64]) -> pd.DataFrame:
    """What the trials at `positions` `(n,)` are, a row each.

    `trial, problem, optimizer, rule, configuration, seed`.
    """
    return pd.DataFrame(
        {
            "trial": plan.indexes[positions],
            "problem": pd.Series(plan.column(lambda s: s.problem_name, positions), dtype=str),
            "optimizer": pd.Series(plan.column(lambda s: s.optimizer, positions), dtype=str),
            "rule": pd.Series(plan.column(lambda s: s.configuration.rule, positions), dtype=str),
            "configuration": plan.column(lambda s: s.configuration_index, positions, np.int64),
            "seed": plan.seeds[positions],
        }
    )


def hyperparameters(frame: pd.DataFrame) -> list[str]:
    """Names of the hyperparameter columns of a trials or summary frame."""
    columns = list(frame.columns)
    start = columns.index("seed" if "seed" in columns else "configuration") + 1
    stop = columns.index("status" if "status" in columns else "seeds")
    return columns[start:stop]
