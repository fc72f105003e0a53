"""Two optimizers on the same seeds: paired ratios of losses, and who wins how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from bench.figures import style
from bench.figures.panels.cells import LEAST, cell, text_size
from bench.figures.panels.sensitivity import share
from bench.figures.panels.spread import NAME
from bench.figures.scale import RULE, LinearScale, LogScale, fix_ticks, log_scale
from bench.figures.style import Look
from bench.spec.judging import FINAL_LOSS
from bench.stats.decision import Scale
from bench.tables.headline import Headline

WINS = colormaps["RdBu"]  # blue: the row wins; told apart without colour vision
SHARE, NUMBER = 3.2, 1.5  # widths of "100%" in bold and of "28", each with some air, per size
BAND = "#d9d9d9"
TINY, HUGE = 1e-6, 1e6  # ratios beyond are drawn at these edges


def ratios(
    pairs: pd.DataFrame,
    order: Sequence[str],
    *,
    looks: Mapping[str, Look],
    headline: Headline | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw by what factor the values of others differ from those of the first on the same seeds.

    `pairs` are the rows of one problem from `pairs.csv`, `order` the optimizers. A point is the
    median over seeds, the bar its interval; filled where that tells the two apart, the grey band
    is the margin. To the right of 1 the other has the higher loss; of 0 the higher value, where
    differences are compared. On the right, on how many seeds the first is better.
    """
    ax, headline = style.axes(ax), headline or Headline()
    best = order[0]
    rows = against(pairs, order)
    ends = [rows[name].to_numpy(dtype=float) for name in ("mid", "low", "high")]
    ratio = bool((pairs["scale"] != Scale.DIFFERENCE).all())
    margin = float(pairs["margin"].max())
    scale: LogScale | LinearScale
    if ratio:
        middle, low, high = (np.exp(x) for x in ends)
        same, band = 1.0, (np.exp(-margin), np.exp(margin))
        inside = [x[(x > 0) & np.isfinite(x)] for x in (middle, low, high)]
        shown = np.clip(np.concatenate([*inside, [1.0]]), TINY, HUGE)
        scale = log_scale(np.append(shown, [shown.min() / 1.15, shown.max() * 1.15]), rows=0)
    else:
        middle, low, high = ends
        same, band = 0.0, (-margin, margin)
        shown = np.concatenate([*(x[np.isfinite(x)] for x in ends), band])
        scale = LinearScale(float(shown.min()), float(shown.max()))
    left, right = scale.limits
    if margin > 0:
        ax.axvspan(*np.clip(band, left, right), color=BAND, lw=0, zorder=0)
    ax.plot([same], [0], marker=looks[best].marker, ms=7, color=looks[best].color, zorder=4)
    for y, (_, row) in enumerate(rows.iterrows(), start=1):
        look = looks[row["other"]]
        told = row["better"] != ""
        lowest, mid, highest = low[y - 1], middle[y - 1], high[y - 1]
        bar = np.clip([lowest, highest], left, right)
        if not np.isnan(bar).any():
            ax.hlines(y, *bar, color=look.color, lw=2.2, alpha=0.7, zorder=3)
            for end, edge, mark in ((lowest, left, "<"), (highest, right, ">")):
                if (end < left) if mark == "<" else (end > right):
                    ax.plot([edge], [y], mark, color=look.color, ms=6, clip_on=False, zorder=4)
        if not np.isnan(mid):
            face = look.color if told else "white"
            ax.plot(
                [float(np.clip(mid, left, right))],
                [y],
                marker=look.marker,
                ms=7,
                mfc=face,
                mec=look.color,
                mew=1.5,
                zorder=4.5,
                clip_on=False,
            )
        _count(ax, y, row)
    ax.axvline(same, color=RULE, lw=1, zorder=1)
    scale.apply(ax, "x")
    ax.set_yticks(range(len(order)), [style.wrapped(name, NAME) for name in order])
    ax.yaxis.get_ticklabels()[0].set_fontweight("bold")
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    what = "final loss" if headline.name == FINAL_LOSS else headline.words
    ax.set(xlabel=f"{what}, {'as a multiple of' if ratio else 'minus'} the first's")
    return ax


def against(pairs: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """The pairs that the first of `order` is part of, turned so that it comes first, in order.

    Columns `other, better, seeds, wins, mid, low, high`; the last three are log(other / first),
    or differences.
    """
    best = order[0]
    mine = pairs[(pairs["a"] == best) | (pairs["b"] == best)]
    first = (mine["a"] == best).to_numpy()
    low, high = mine["low"].to_numpy(float), mine["high"].to_numpy(float)
    out = pd.DataFrame(
        {
            "other": np.where(first, mine["b"], mine["a"]),
            "better": mine["better"].to_numpy(),
            "seeds": mine["seeds"].to_numpy(),
            "wins": np.where(first, mine["a_better"], mine["b_better"]),
            "mid": np.where(first, -1, 1) * mine["estimate"].to_numpy(float),
            "low": np.where(first, -high, low),
            "high": np.where(first, -low, high),
        }
    )
    return out.set_index("other").loc[list(order[1:])].reset_index()


def wins(
    pairs: pd.DataFrame,
    order: Sequence[str],
    *,
    names: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw on what share of seeds the row's optimizer is better than the column's.

    `pairs` are the rows of one problem, or those of all problems together. Bold and framed: one is
    better for sure. Ties count for neither; half of them colours both.
    """
    ax = style.axes(ax)
    places = {name: i for i, name in enumerate(order)}
    width = ax.bbox.width * 72 / ax.figure.dpi / max(len(order), 1)  # points
    size = text_size(width, SHARE)
    for _, pair in pairs.iterrows():
        if pd.isna(pair["a_better"]):
            continue
        for row, column, won in (("a", "b", "a_better"), ("b", "a", "b_better")):
            y, x = places[pair[row]], places[pair[column]]
            part = float(pair[won]) / float(pair["seeds"])
            # Ties, which count for neither, are half won as far as the colour goes.
            level = part + float(pair["ties"]) / float(pair["seeds"]) / 2
            face = WINS(0.5 + (level - 0.5) * 0.85)
            cell(ax, x, y, fc=face, ec="white", lw=1)
            sure = pair["better"] != ""
            if sure:
                cell(ax, x, y, side=0.92, fill=False, ec="black", lw=1.1, zorder=4)
            ink = "white" if abs(level - 0.5) > 0.36 else "black"
            text = share(round(part * 1e6), 1_000_000)
            weight = "bold" if sure else "normal"
            if size:
                ax.text(x, y, text, ha="center", va="center", size=size, color=ink, weight=weight)
    n = len(order)
    rows = [f"{style.plain(name, NAME)}  " if names else "" for name in order]
    ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    numbers = text_size(width, NUMBER)
    every = 1 if numbers else 5
    ticks = [i for i in range(n) if (i + 1) % every == 0]
    fix_ticks(ax, "x", ticks, [str(i + 1) for i in ticks], [])
    fix_ticks(ax, "y", range(n), [f"{row}{i + 1}" for i, row in enumerate(rows)], [])
    ax.tick_params(length=0, labelsize=7.5)
    ax.tick_params(axis="x", labeltop=True, labelbottom=False, labelsize=numbers or LEAST)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _count(ax: Axes, y: int, row: pd.Series) -> None:
    text = f"{row['wins']}/{row['seeds']}"
    ax.annotate(
        text,
        (1, y),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        size=7,
        color=style.GREY,
        weight="bold" if row["better"] != "" else "normal",
    )
