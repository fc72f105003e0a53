"""What a search over configurations finds, and where it loses runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes

from bench.figures import grey, style
from bench.figures.panels.cells import cell, text_size
from bench.figures.panels.sensitivity import share
from bench.figures.panels.spread import NAME
from bench.figures.scale import fix_ticks, headline_scale
from bench.figures.style import Look
from bench.tables.headline import Headline
from bench.tables.words import value_text

LOST = colormaps["Reds"]
NEVER = "#f7f7f7"
WIDEST = 3.5  # the width of "○100%" in letters of size 1


def budget(
    frame: pd.DataFrame,
    *,
    looks: Mapping[str, Look],
    headline: Headline | None = None,
    loss: str = "",
    floor: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the median best headline after k configurations, a line per optimizer, for one problem.

    Bands are 95% intervals; they end where the sweep is too small to say how good the best of k may
    be. Those in grey have none.
    """
    ax, headline = style.axes(ax), headline or Headline()
    names = [name for name in looks if (frame["optimizer"] == name).any()]
    lines = frame["median_best"].to_numpy(dtype=float)
    coloured = frame[frame["optimizer"].isin(grey.shown(looks))]
    ends = coloured[["median_best_low", "median_best_high"]].to_numpy(dtype=float).ravel()
    near = ends[np.isfinite(ends)]
    if headline.quantity.lower:
        # Bands that reach far beyond the lines would flatten them.
        seen = lines[np.isfinite(lines) & (lines > 0)]
        near = near[(near > 0) & (near <= 30 * seen.max(initial=0))]
        near = near[near >= seen.min(initial=1) / 30]
    scale = headline_scale(np.concatenate([lines, near]), headline, floor=floor)
    floor, ceiling = scale.limits
    for place, name in enumerate(names):
        part, look = frame[frame["optimizer"] == name], looks[name]
        k = part["k"].to_numpy(dtype=float)
        y = scale.place(part["median_best"].to_numpy(dtype=float))
        low, high = (part[f"median_best_{e}"].to_numpy(dtype=float) for e in ("low", "high"))
        better = low if headline.quantity.lower else -high
        known = ~np.isnan(better) & ~np.isneginf(better)
        if known.any() and not look.grey:
            below = np.clip(scale.place(np.where(known, low, 0.0)), floor, ceiling)
            above = np.clip(scale.place(high), floor, ceiling)
            ax.fill_between(
                k, below, above, where=known.tolist(), color=look.color, alpha=0.1, lw=0, zorder=2
            )
        every = max(len(k) // 5, 1)
        ax.plot(k, y, **look.line, markevery=(place % every, every))
    scale.apply(ax)
    most = float(frame["k"].max())
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if t <= most]
    ax.set_xscale("log")
    fix_ticks(ax, "x", ticks, [f"{t:,}" for t in ticks], [])
    ax.set_xlim(0.93, most * 1.05)
    ax.set(xlabel="configurations tried", ylabel=_best_label(headline, loss))
    return ax


def _best_label(headline: Headline, loss: str) -> str:
    known = {headline.column: headline.quantity}
    return f"best {style.metric_label(headline.column, loss, known)}"


def divergence(lost: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share of diverged runs by optimizer and learning rate, for one problem.

    `lost` is from `bench.verdicts.rates.divergence`. White: never; no cell: not tried; "○30%":
    runs that came down slowly.
    """
    ax = style.axes(ax)
    rates = sorted(lost["learning_rate"].unique())
    names = list(dict.fromkeys(lost["optimizer"]))
    room = ax.bbox.width * 72 / ax.figure.dpi / len(rates)  # points
    size = min(6.5, text_size(room, WIDEST)) if len(rates) <= 16 else 0.0
    columns = ["optimizer", "learning_rate", "lost", "slow", "runs"]
    for name, rate, gone, slow, runs in lost[columns].itertuples(index=False):
        x, y = rates.index(rate), names.index(name)
        part = gone / runs
        face = LOST(0.15 + 0.7 * part) if gone else NEVER
        cell(ax, x, y, fc=face, ec="white", lw=1)
        if size:
            ink = "white" if part > 0.6 else "black" if gone or slow else "#999999"
            told = [share(gone, runs)] * bool(gone) + [f"○{share(slow, runs)}"] * bool(slow)
            text = "\n".join(told) or "0"
            ax.text(x, y, text, ha="center", va="center", size=size, color=ink)
    every = -(-len(rates) // 12)
    ticks = range(0, len(rates), every)
    fix_ticks(ax, "x", ticks, [value_text(rates[i]) for i in ticks], [])
    fix_ticks(ax, "y", range(len(names)), [style.plain(n, NAME) for n in names], [])
    ax.set(xlim=(-0.5, len(rates) - 0.5), ylim=(len(names) - 0.5, -0.5))
    ax.tick_params(length=0, labelsize=7.5)
    if len(ticks) > 7:
        ax.tick_params(axis="x", labelrotation=45)
    ax.grid(visible=False)
    ax.set(xlabel="learning rate")
    return ax
