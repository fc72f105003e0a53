"""The loss that optimizers are compared by: its columns, and what it is of a diverged trial."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nncore.metrics import TRAIN_LOSS

Array = NDArray[np.float64]
FINAL = f"final_{TRAIN_LOSS}"
MEDIAN, LOW, HIGH = f"{FINAL}_median", f"{FINAL}_low", f"{FINAL}_high"


def final_losses(trials: pd.DataFrame) -> Array:
    """The final training loss of every trial `(N,)`: infinite if it diverged, NaN if none."""
    values = trials[FINAL].to_numpy(dtype=float, copy=True)
    values[trials["status"].to_numpy() == "diverged"] = np.inf
    return values
