"""Optimizers across problems: means with intervals, an optimizer a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.figures import style
from bench.figures.panels.spread import NAME
from bench.figures.style import Look


def estimates(
    rows: pd.DataFrame,
    column: str,
    order: Sequence[str],
    *,
    looks: Mapping[str, Look],
    names: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw `column` of `ranking.csv` with its interval, a row per optimizer in `order`."""
    ax = style.axes(ax)
    for y, name in enumerate(order):
        row, look = rows[rows["optimizer"] == name].iloc[0], looks[name]
        low, high = float(row[f"{column}_low"]), float(row[f"{column}_high"])
        if np.isfinite([low, high]).all():
            ax.hlines(y, low, high, color=look.color, lw=2.2, alpha=0.7, zorder=3)
        ax.plot([float(row[column])], [y], marker=look.marker, ms=7, color=look.color, zorder=4)
    texts = [style.wrapped(name, NAME) for name in order] if names else [""] * len(order)
    ax.set_yticks(range(len(order)), texts)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    return ax
