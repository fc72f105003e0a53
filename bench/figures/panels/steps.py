"""Shares that grow in steps: reaching the target by an epoch, staying near the fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.figures import grey, style
from bench.figures.scale import fix_ticks, log_scale
from bench.figures.style import Look

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def reached(
    stairs: pd.DataFrame,
    *,
    looks: Mapping[str, Look],
    budget: float,
    bands: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw Kaplan and Meier's share of runs that have reached the target, a line per optimizer.

    `stairs` are those of one problem and metric. Bands are 95% intervals, pointwise; each line goes
    on to the `budget`, where runs that have not arrived are censored (a bar across its end). Those
    in grey have neither.
    """
    ax = style.axes(ax)
    number = len(grey.shown(looks))
    for place, (name, part) in enumerate(_parts(stairs, looks)):
        look = looks[name]
        x = np.append(part["epoch"].to_numpy(dtype=float), budget)
        y, low, high = (
            np.append(part[c].to_numpy(dtype=float), part[c].iloc[-1])
            for c in ("share", "low", "high")
        )
        if not bands:
            low = high = y
        _stairs(ax, x, y, low, high, look, place, number)
        if y[-1] < 1 and not look.grey:
            ax.plot([budget], [y[-1]], "|", ms=9, mew=1.6, color=look.color, clip_on=False)
    ax.set(xlabel="epochs", ylabel="share of runs at the target")
    ax.set_xlim(0, budget * 1.01)
    _shares(ax)
    return ax


def profile(frame: pd.DataFrame, *, looks: Mapping[str, Look], ax: Axes | None = None) -> Axes:
    """Draw performance profiles: the share of runs within a factor of the fastest, by factor."""
    ax = style.axes(ax)
    number = len(grey.shown(looks))
    scale = log_scale(frame["factor"], rows=0)
    for place, (name, part) in enumerate(_parts(frame, looks)):
        columns = ("factor", "share", "share_low", "share_high")
        x, y, low, high = (part[c].to_numpy(dtype=float) for c in columns)
        _stairs(ax, x, y, low, high, looks[name], place, number)
    scale.apply(ax, "x")
    ax.set(xlabel="times the epochs of the fastest on the same seed", ylabel="share of runs")
    _shares(ax)
    return ax


def _parts(frame: pd.DataFrame, looks: Mapping[str, Look]) -> list[tuple[str, pd.DataFrame]]:
    return [
        (name, frame[frame["optimizer"] == name])
        for name in looks
        if (frame["optimizer"] == name).any()
    ]


def _stairs(
    ax: Axes, x: Any, y: Any, low: Any, high: Any, look: Look, place: int, number: int
) -> None:
    if not look.grey:
        alpha = min(0.1, 0.4 / number)  # many bands must not hide the lines between them
        ax.fill_between(x, low, high, step="post", color=look.color, alpha=alpha, lw=0, zorder=2)
    every = max(len(x) // 5, 1)
    # Of lines that share a step the later are thinner, and lie on the earlier.
    wide = {} if look.grey else {"lw": 1.2 + 2.4 * (number - 1 - place) / number}
    ax.plot(
        x,
        y,
        **look.line | wide,
        drawstyle="steps-post",
        markevery=(place % every, every),
    )


def _shares(ax: Axes) -> None:
    ax.set_ylim(-0.04, 1.04)
    fix_ticks(ax, "y", SHARES, [f"{s:.0%}" for s in SHARES], [])
