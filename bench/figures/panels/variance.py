"""Shares of variance, an optimizer a row and a stream a mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from bench.figures import style
from bench.figures.panels.spread import NAME
from bench.verdicts.variance import NAMES

# Tol's high contrast (https://personal.sron.nl/~pault/), which no optimizer has, and markers.
MARKS = {
    "data": ("#004488", "o"),
    "start": ("#BB5566", "s"),
    "order": ("#997700", "^"),
    "rule": ("#000000", "D"),
}
APART = 0.24  # of a row between two streams


def shares(rows: pd.DataFrame, *, ax: Axes | None = None, **_: Any) -> Axes:
    """Draw the shares of one problem's rows of `variance.csv` with intervals; hollow: alone."""
    ax = style.axes(ax)
    names = [str(name) for name in rows["optimizer"].unique()]
    streams = [stream for stream in NAMES if stream in set(rows["stream"])]
    for row in rows[rows["stream"].isin(streams)].to_dict("records"):
        colour, marker = MARKS[row["stream"]]
        place = streams.index(row["stream"]) - (len(streams) - 1) / 2
        y = names.index(row["optimizer"]) + APART * place
        if np.isnan(row["share"]):
            continue
        ax.hlines(y, row["share_low"], row["share_high"], color=colour, lw=1.6, alpha=0.7, zorder=3)
        ax.plot([row["share"]], [y], marker=marker, ms=5, color=colour, zorder=4)
        if np.isfinite(row["alone"]):
            ax.plot([row["alone"]], [y], marker=marker, ms=7, mec=colour, mfc="none", zorder=3.5)
    ax.set_yticks(range(len(names)), [style.wrapped(name, NAME) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(-0.03, 1.03)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="share of the variance", ylabel="")
    return ax


def legend(streams: Mapping[str, str]) -> dict[str, Line2D]:
    """Samples of the `streams` by their words."""
    return {
        words: Line2D([], [], color=MARKS[stream][0], marker=MARKS[stream][1], ms=5, lw=1.6)
        for stream, words in streams.items()
    }
