"""Mean ranks over problems, and who is not told apart: a critical-difference diagram."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench import stats
from bench.figures import style
from bench.figures.panels.spread import NAME
from bench.figures.style import Look


def critical(rows: pd.DataFrame, *, looks: Mapping[str, Look], ax: Axes | None = None) -> Axes:
    """Draw `rank_of_medians` of `across.csv`, an optimizer a row, the best on top.

    Black bars below join those that do not differ by the critical difference, which is drawn above.
    """
    ax = style.axes(ax)
    rows = rows.sort_values(["rank_of_medians", "optimizer"], kind="stable")
    ranks = rows["rank_of_medians"].to_numpy(dtype=float)
    difference, k = float(rows["critical_difference"].iloc[0]), len(rows)
    for y, (name, rank) in enumerate(zip(rows["optimizer"], ranks, strict=True)):
        look = looks[name]
        ax.plot([rank], [y], marker=look.marker, ms=7, color=look.color, zorder=4)
    groups = stats.together(ranks, difference)
    for number, group in enumerate(groups):
        below = k - 0.3 + 0.35 * number
        ends = ranks[group].min() - 0.04, ranks[group].max() + 0.04
        ax.hlines(below, *ends, color="black", lw=3, zorder=3)
        ax.vlines(ends, -0.5, below, color="#cccccc", lw=0.6, zorder=1)
    reach = min(1 + difference, float(k))
    ax.hlines(-0.75, 1, reach, color=style.GREY, lw=1.2)
    mark = "" if 1 + difference <= k else ", more than mean ranks can differ by"
    ax.annotate(
        f"critical difference {difference:.2f}{mark}",
        (1, -0.75),
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        size=7,
        color=style.GREY,
    )
    ax.set_yticks(range(k), [style.wrapped(name, NAME) for name in rows["optimizer"]])
    ax.set_xticks(np.arange(1, k + 1))
    ax.set(xlim=(0.85, k + 0.15), xlabel="mean rank over problems, 1 is the best")
    ax.set_ylim(k + 0.35 * max(len(groups) - 1, 0), -1.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    return ax
