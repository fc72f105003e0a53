"""The cases of tests/frames.py, and what is drawn of them, read back from the artists."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.figures import style
from tests.frames import cases

CASES = cases()
LOSS = "final_train_loss"


def one(frame: pd.DataFrame, problem: str | None = None) -> pd.DataFrame:
    return frame[frame["problem"] == (problem or frame["problem"].iloc[0])]


def line(ax: Axes, name: str):
    found = [line for line in ax.lines if line.get_label() == style.plain(name)]
    assert len(found) == 1, name
    return found[0]


def crosses(ax: Axes) -> np.ndarray:
    """Positions of all marks that are crosses."""
    found = [np.asarray(c.get_offsets()) for c in ax.collections if is_cross(c)]
    return np.concatenate([*found, np.empty((0, 2))])


def is_cross(collection) -> bool:
    return collection.get_gid() == "diverged"


def texts(ax: Axes) -> list[str]:
    """What stands on `ax`, the names of strips on its left included."""
    return [t.get_text() for t in (*ax.texts, *ax.get_yticklabels())]


def final(trials: pd.DataFrame) -> pd.Series:
    """Final losses as plain pandas would have them, crashed ones left out."""
    return trials[LOSS].where(trials["status"] != "diverged", np.inf).dropna()


def charged(trials: pd.DataFrame) -> pd.Series:
    """Final losses that choices go by: crashed ones infinite, where a configuration has others."""
    gone = trials["status"] == "crashed"
    other = (~gone).groupby([trials["problem"], trials["configuration"]]).transform("any")
    return final(trials).reindex(trials.index).mask(gone & other, np.inf).dropna()
