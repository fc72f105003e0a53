"""What changed between two results: a configuration a row."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.layout import Layout, Margins
from bench.figures.panels.spread import NAME, names_width
from bench.figures.scale import RULE, fix_ticks, log_scale
from bench.gate.compare import Change, Comparison

MOST = 60  # rows
BAND = "#d9d9d9"
COLOURS = {"worse": style.COLOURS[1], "better and worse": style.COLOURS[5], "better": "#0072B2"}
TINY, HUGE = 1e-3, 1e3  # ratios beyond are drawn at these edges


def changes_figure(found: Comparison, first: str, second: str) -> Figure | None:
    """Ratios of the second's headline to the first's; scores, and what has none, are left out.

    None where nothing is left.
    """
    every = [c for changes in found.words.values() for c in changes if _drawn(c)]
    if not every:
        return None
    rows, names = every[:MOST], [f"{c.forth.problem}: {c.forth.optimizer}" for c in every[:MOST]]
    figure, (ax,) = Layout(
        f"{second} beside {first}",
        [
            "Points: medians over seeds of the second's headline as a multiple of the first's on "
            "the same seed; bars: the bounds that decide. Grey: the margin within which they are "
            "the same. Orange: worse; blue: better; hollow: nobody can tell.",
            f"The first {MOST} of {len(every)} configurations." if len(every) > MOST else "",
        ],
        heights=[max(0.24 * len(rows), 0.9)],
        margins=Margins(left=names_width(names)),
    ).figure()
    ends = np.array([c.interval for c in rows], dtype=float)
    shown = np.clip(ends[np.isfinite(ends) & (ends > 0)], TINY, HUGE)
    size = 1 + found.margin
    scale = log_scale([*shown, 1 / size, size])
    scale.apply(ax, "x")
    left, right = scale.limits
    ax.axvspan(1 / size, size, color=BAND, lw=0, zorder=0)
    ax.axvline(1, color=RULE, lw=1, zorder=1)
    for y, (change, (middle, low, high)) in enumerate(zip(rows, ends, strict=True)):
        colour = COLOURS.get(change.word, style.GREY)
        ax.hlines(y, max(low, left), min(high, right), color=colour, lw=2, alpha=0.7, zorder=3)
        face = "white" if change.word == "cannot tell" else colour
        place = float(np.clip(middle, left, right))
        ax.plot([place], [y], "o", ms=6, mfc=face, mec=colour, mew=1.4, zorder=4, clip_on=False)
    fix_ticks(ax, "y", range(len(rows)), [style.wrapped(n, NAME) for n in names], [])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="headline, as a multiple of the first's")
    return figure


def _drawn(change: Change) -> bool:
    return change.interval is not None and not change.forth.measures[0].score
