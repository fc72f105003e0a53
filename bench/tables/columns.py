"""The columns that trials, curves and summaries share."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.plan.trials import Trial


def leading_columns(trials: Sequence[Trial]) -> pd.DataFrame:
    """What a trial is, a row each: `trial, problem, optimizer, rule, configuration, seed`."""
    return pd.DataFrame(
        {
            "trial": [t.index for t in trials],
            "problem": pd.Series([t.problem_name for t in trials], dtype=str),
            "optimizer": pd.Series([t.optimizer for t in trials], dtype=str),
            "rule": pd.Series([t.configuration.rule for t in trials], dtype=str),
            "configuration": [t.configuration_index for t in trials],
            "seed": [t.seed for t in trials],
        }
    )


def hyperparameters(frame: pd.DataFrame) -> list[str]:
    """Names of the hyperparameter columns of a trials or summary frame."""
    columns = list(frame.columns)
    start = columns.index("seed" if "seed" in columns else "configuration") + 1
    stop = columns.index("status" if "status" in columns else "seeds")
    return columns[start:stop]
