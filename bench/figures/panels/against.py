"""One number of every run against another: a point a seed, a colour an optimizer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.figures import style
from bench.figures.style import Look


def against(
    runs: pd.DataFrame, x: str, y: str, *, looks: Mapping[str, Look], ax: Axes | None = None
) -> Axes:
    """Draw the columns `y` over `x` of the trials in `runs`; what is not finite is left out.

    Axes are logarithmic where all that is drawn is above 0.
    """
    ax = style.axes(ax)
    both = runs[[x, y]].to_numpy(dtype=float)
    finite = np.isfinite(both).all(axis=1)
    for name, look in looks.items():
        mine = finite & (runs["optimizer"] == name).to_numpy()
        ax.plot(both[mine, 0], both[mine, 1], ls="", marker=look.marker, ms=4.5, color=look.color)
    for column, scale in zip(both[finite].T, (ax.set_xscale, ax.set_yscale), strict=True):
        if len(column) and (column > 0).all():
            scale("log")
    return ax
