"""Claims: estimates with their intervals in the ranges that are claimed, and what trends go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from bench.figures import style
from bench.figures.panels.spread import NAME
from bench.figures.scale import RULE, LinearScale
from bench.figures.style import COLOURS, GREY, Look
from bench.stats.decision import Scale
from bench.verdicts.claims import Answer, Found

BAND = "#d5e8d4"
COLOUR = {Answer.HOLDS: COLOURS[0], Answer.CONTRADICTED: COLOURS[1], Answer.UNKNOWN: GREY}
MARK = {Answer.HOLDS: "o", Answer.CONTRADICTED: "X", Answer.UNKNOWN: "o"}
ROOM = 0.15  # of the shown range, beyond each end
FARTHEST = 3.0  # shares below -300% are drawn at the edge


def row_name(found: Found) -> str:
    """What a quantity is called beside its bar."""
    q = found.question
    name = f"{q.optimizer} - {q.other}" if q.other else q.optimizer
    where = q.problems[0] if len(q.problems) == 1 else f"{len(q.problems)} problems"
    return f"{name}, {where}"


def ranges(found: Sequence[Found], *, ax: Axes | None = None) -> Axes:
    """Draw each quantity in a row: the estimate, its interval, and the claimed range behind it.

    Filled where the claim holds of it, a cross where it is contradicted, hollow where nobody can
    tell. Ends beyond the axis are arrows at its edge.
    """
    ax = style.axes(ax)
    rows = np.array([[f.estimate, f.low, f.high, *f.claimed] for f in found], dtype=float)
    ratio = found[0].question.scale is Scale.RATIO
    inside = rows[np.isfinite(rows)]
    if ratio:
        inside = inside[inside > -FARTHEST]
    if not inside.size:
        return style.nothing(ax, "no number yet")
    low, high = float(inside.min()), float(inside.max())
    pad = ROOM * (high - low) or max(abs(high), 1e-9) * ROOM
    scale = LinearScale(low - pad, high + pad)
    scale.apply(ax, "x")
    left, right = scale.limits
    for y, (each, (middle, first, last, least, most)) in enumerate(zip(found, rows, strict=True)):
        band = np.clip([least, most], left, right)
        ax.fill_betweenx([y - 0.42, y + 0.42], *band, color=BAND, lw=0, zorder=0)
        for end in (least, most):
            if left < end < right:
                ax.plot([end, end], [y - 0.42, y + 0.42], color=RULE, lw=1, zorder=1)
        if np.isnan(middle):
            continue
        colour = COLOUR[each.answer]
        bar = np.clip([first, last], left, right)
        ax.hlines(y, *bar, color=colour, lw=2.2, alpha=0.7, zorder=3)
        for end, edge, mark in ((first, left, "<"), (last, right, ">")):
            if (end < left) if mark == "<" else (end > right):
                ax.plot([edge], [y], mark, color=colour, ms=6, clip_on=False, zorder=4)
        face = "white" if each.answer is Answer.UNKNOWN else colour
        place = [float(np.clip(middle, left, right))]
        ax.plot(place, [y], MARK[each.answer], ms=7, mfc=face, mec=colour, mew=1.5, zorder=4.5)
    ax.set_yticks(range(len(found)), [style.wrapped(row_name(f), NAME) for f in found])
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    if ratio:
        ticks = ax.get_xticks()
        ax.set_xticks(ticks, [f"{100 * tick:.4g}%" for tick in ticks])
        ax.set_xlim(left, right)
    return ax


def trends(
    found: Sequence[Found], over: str, *, looks: Mapping[str, Look], ax: Axes | None = None
) -> Axes:
    """Draw what trends go through: the metric's medians over the numbers, a line per optimizer."""
    ax = style.axes(ax)
    for each in found:
        points = np.array(each.question.points, dtype=float).reshape(-1, 2)
        points = points[np.isfinite(points).all(axis=1)]
        look = looks[each.question.optimizer]
        ax.plot(points[:, 0], points[:, 1], marker=look.marker, ms=5, color=look.color, lw=1.4)
    every = np.array([p for each in found for p in each.question.points if np.isfinite(p).all()])
    if len(every) and (every[:, 0] > 0).all():
        ax.set_xscale("log")
    if len(every) and (every[:, 1] > 0).all():
        ax.set_yscale("log")
    ax.set(xlabel=over, ylabel=style.plain(found[0].question.metric, 40))
    return ax
