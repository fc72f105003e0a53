"""How the headline depends on the learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.figures import grey, style
from bench.figures.scale import Scale, headline_scale, log_scale
from bench.figures.style import Look
from bench.tables.headline import HIGH, LOW, MEDIAN, Headline
from bench.tables.slices import best_by_rate


def sensitivity(
    summary: pd.DataFrame,
    *,
    looks: Mapping[str, Look] | None = None,
    headline: Headline | None = None,
    loss: str = "",
    floor: float = 0.0,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the headline of one problem over the rate, a line per optimizer.

    At every rate the other hyperparameters are the best ones for that rate. Bars are the summary's
    intervals; a star marks each optimizer's best rate. The strip above shows the rates at which
    runs of what is drawn diverged, with their share. A mark is hollow where half of its runs
    or more came down slowly. Optimizers stand side by side at a rate. Those in grey are lines and
    crosses alone.
    """
    ax = style.axes(ax)
    looks, headline = looks or style.looks(summary), headline or Headline()
    points = best_by_rate(summary)
    names = [name for name in looks if (points["optimizer"] == name).any()]
    lost = grey.rows(
        [n for n in names if points.loc[points["optimizer"] == n, "lost"].any()], looks
    )
    values = points[[MEDIAN, LOW, HIGH]].to_numpy(dtype=float)
    barless = ~points[["optimizer"]].isin(grey.shown(looks)).to_numpy()
    values = np.where(np.isneginf(values) | np.isnan(values) | barless, points[[MEDIAN]], values)
    values = headline.values(values[~np.isnan(values)])
    strips = len(set(lost.values())) or int(np.isinf(values).any())
    scale = headline_scale(values, headline, rows=strips, floor=floor)
    rates = points["learning_rate"].to_numpy(dtype=float)
    across = log_scale(rates, least=4)
    number = len(grey.shown(looks))
    step = (across.high / across.low) ** min(0.004, 0.03 / max(number, 1))
    for place, name in enumerate(names):
        part = points[points["optimizer"] == name]
        # Side by side, or bars at the same rate would hide one another.
        shift = 1.0 if looks[name].grey else step ** (place - (number - 1) / 2)
        part = part.assign(learning_rate=part["learning_rate"] * shift)
        row = lost.get(name, 0)
        _line(ax, part, headline, scale, looks[name], row)
        at = float(scale.place(headline.values(np.inf), row))
        _strip(ax, part, at, looks[name], crowded=len(np.unique(rates)) > 24)
    scale.apply(ax)
    across.apply(ax, "x")
    left, right = across.limits
    ax.set_xlim(left, right * (right / left) ** 0.03)  # room for the last rate's share
    ax.set(xlabel="learning rate", ylabel=style.headline_label(headline, loss))
    if legend:
        style.legend_beside(ax, entries(names, looks))
    return ax


def entries(names: list[str], looks: Mapping[str, Look]) -> dict[str, Line2D]:
    """What the legend says: text -> sample."""
    found = grey.entries({name: name for name in names}, looks)
    found["best rate of an optimizer"] = Line2D(
        [], [], ls="", marker="*", ms=11, mfc="white", mec="black"
    )
    return found


def _line(
    ax: Axes, part: pd.DataFrame, headline: Headline, scale: Scale, look: Look, row: int
) -> None:
    """Medians with bars; dots lead to where the median is infinite."""
    x = part["learning_rate"].to_numpy(dtype=float)
    median = headline.values(part[MEDIAN].to_numpy(dtype=float))
    kept = ~np.isnan(median)
    x, median, part = x[kept], median[kept], part[kept]
    y, inside = scale.place(median, row), scale.zone(median) <= 0
    ax.plot(
        x,
        np.where(inside, y, np.nan),
        **look.line | {"ms": 5},
        label=style.plain(part["optimizer"].iloc[0]) if len(part) else "",
    )
    if look.grey:
        return
    hollow = inside & (2 * part["above_constant"] >= part["seeds"] - part["crashed"]).to_numpy()
    ax.plot(
        x[hollow],
        y[hollow],
        ls="",
        marker=look.marker,
        ms=5,
        mfc="white",
        mec=look.color,
        zorder=3.5,
    )
    for i in np.flatnonzero(np.diff(inside.astype(int))):
        ax.plot(x[i : i + 2], y[i : i + 2], color=look.color, lw=0.9, ls=":", zorder=2)
    low, high = part[LOW].to_numpy(dtype=float), part[HIGH].to_numpy(dtype=float)
    bars = inside & ~np.isnan(low) & ~np.isneginf(low) & (high > low)
    if bars.any():
        low, high = headline.values(low[bars]), headline.values(high[bars])
        ends = scale.place(low), scale.place(high, row)
        ax.vlines(x[bars], *ends, color=look.color, lw=1.6, alpha=0.55, zorder=2.5)
    best = part["best"].to_numpy(dtype=bool) & inside
    ax.plot(x[best], y[best], ls="", marker="*", ms=13, mfc=look.color, mec="white", zorder=5)


def _strip(ax: Axes, part: pd.DataFrame, y: float, look: Look, *, crowded: bool) -> None:
    """A cross at `y` and the share at every rate at which runs of the best there diverged."""
    some = part[part["lost"] > 0]
    if some.empty:
        return
    x = some["learning_rate"].to_numpy(dtype=float)
    style.crosses(ax, x, np.full(len(x), y), look)
    for rate, lost, runs in zip(x, some["lost"], some["runs"], strict=True):
        if not crowded and not look.grey:
            style.beside(ax, (rate, y), share(lost, runs), look.color)


def share(part: int, whole: int) -> str:
    """A percentage that is 0% or 100% only if it is.

    >>> share(3, 10), share(1, 900), share(899, 900), share(9, 9)
    ('30%', '<1%', '>99%', '100%')
    """
    if part < whole and part / whole > 0.99:
        return ">99%"
    return "<1%" if 0 < part / whole < 0.01 else f"{part / whole:.0%}"
