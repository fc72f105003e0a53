"""Training curves: the median over seeds with its quartiles, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bench.figures import grey, style
from bench.figures.scale import HUGE, TINY, Scale, linear_scale, log_scale
from bench.figures.style import Look
from nncore.metrics import BUILT_IN_COLUMNS, LOSS, TRAIN_LOSS, Columns

EPOCHS = ("epoch", "epochs")
BLOWN_UP = 1e3  # losses above so many times the largest initial one share the upper edge


def curves(
    bands: pd.DataFrame,
    metric: str = TRAIN_LOSS,
    *,
    metrics: Columns = BUILT_IN_COLUMNS,
    looks: Mapping[str, Look],
    labels: Mapping[str, str] | None = None,
    loss: str = "",
    target: float | None = None,
    scale: Scale | None = None,
    over: tuple[str, str] = EPOCHS,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw one metric of one problem, a line per optimizer; returns the axes.

    `bands` comes from `bench.tables.bands.curve_bands`, and is drawn `over` a column of it, with a
    name for the axis. `looks` gives every optimizer its
    colour, `labels` its text in the legend, both in the order of the legend. Crosses in the strip
    above stand for the runs that diverged, at their epochs; a median goes into the strip when at
    least half have.
    Those in grey have no bands, and share a row of the strip.
    """
    ax = style.axes(ax)
    rows = bands[bands["metric"] == metric].assign(at=bands[over[0]])
    names = [name for name in looks if (rows["optimizer"] == name).any()]
    scale = scale or curve_scale(rows, metric, target, looks=looks, metrics=metrics)
    lost = grey.rows(diverging(rows, names), looks)
    for place, name in enumerate(reversed(names)):
        part = rows[rows["optimizer"] == name]
        row = min(lost.get(name, 0), max(scale.rows - 1, 0))
        if not looks[name].grey:
            _band(ax, part, scale, looks[name], row)
        _line(ax, part, scale, looks[name], row, place, len(names))
        if name in lost and scale.rows:
            _crosses(ax, part, scale, looks[name], row)
    if target is not None:
        ax.axhline(float(scale.place(target)), color=style.GREY, lw=1, ls=":", label="target")
    scale.apply(ax)
    ax.set(xlabel=over[1], ylabel=style.metric_label(metric, loss, metrics))
    ax.margins(x=0.01)
    if legend:
        texts = {name: (labels or {}).get(name, name) for name in names}
        style.legend_beside(ax, entries(texts, looks, target))
    return ax


def entries(
    labels: Mapping[str, str], looks: Mapping[str, Look], target: float | None = None
) -> dict[str, Line2D]:
    """What a legend of curves says: text -> sample."""
    found = grey.entries(labels, looks)
    if target is not None:
        found[f"target: {target:g}"] = Line2D([], [], color=style.GREY, lw=1, ls=":")
    return found


def diverging(bands: pd.DataFrame, names: list[str]) -> list[str]:
    """Those of `names` of which some run diverged."""
    some = bands.groupby("optimizer")["diverged"].max()
    return [name for name in names if some.get(name, 0) > 0]


def curve_scale(
    bands: pd.DataFrame,
    metric: str,
    target: float | None = None,
    *,
    looks: Mapping[str, Look],
    metrics: Columns = BUILT_IN_COLUMNS,
    floor: float = 0.0,
) -> Scale:
    """The scale for the rows of one metric in `bands`, and for the value to reach.

    Logarithmic where less is better, unless that may be less than nothing; losses below the `floor`
    of rounding share the lower edge.
    """
    coloured = bands[bands["optimizer"].isin(grey.shown(looks))]
    values = np.append(bands["median"], coloured[["low", "high"]]).astype(float)
    values = values if target is None else np.append(values, target)
    quantity = metrics[metric]
    if not quantity.lower:
        best = np.inf if quantity.best is None else quantity.best
        return linear_scale(values, lowest=quantity.end, highest=best)
    if (values[np.isfinite(values)] < 0).any():
        return linear_scale(values)
    first = bands.groupby(["optimizer", "metric"], sort=False)["median"].first().to_numpy(float)
    start = first[np.isfinite(first)].max(initial=0.0)
    lost = grey.rows(diverging(bands, [n for n in looks if n in set(bands["optimizer"])]), looks)
    rows = len(set(lost.values()))
    if not rows:
        rows = int(not np.isfinite(values).all())
    highest, lowest = (
        BLOWN_UP * start if start > 0 else HUGE,
        floor if quantity.name == LOSS else TINY,
    )
    return log_scale(values, rows=rows, highest=highest, lowest=lowest)


def _line(
    ax: Axes, part: pd.DataFrame, scale: Scale, look: Look, row: int, place: int, number: int
) -> None:
    """The median, broken where it enters a strip: a slope there would be an artefact."""
    x, values = part["at"].to_numpy(dtype=float), part["median"].to_numpy(dtype=float)
    y, zone = scale.place(values, row), scale.zone(values)
    breaks = np.flatnonzero(np.diff(zone)) + 1
    x, y = np.insert(x, breaks, x[breaks - 1]), np.insert(y, breaks, np.nan)
    step = max(len(x) // 8, 1)
    ax.plot(
        x,
        y,
        **look.line,
        markevery=_marks(len(x), breaks, step * place // number, step),
        label=style.plain(part["optimizer"].iloc[0]),
    )


def _marks(n: int, breaks: NDArray[np.int64], start: int, step: int) -> list[int]:
    """Where markers go: evenly, and on both sides of a break, where a line may be one point."""
    ends = breaks + np.arange(len(breaks))
    return sorted({*range(start, n, step), *(ends - 1).tolist(), *(ends + 1).tolist()} - {-1, n})


def _band(ax: Axes, part: pd.DataFrame, scale: Scale, look: Look, row: int) -> None:
    """The quartiles, broken where one of them falls to zero; none for a single seed."""
    if part["seeds"].max() > 1:
        x = part["at"].to_numpy(dtype=float)
        ends = [part[name].to_numpy(dtype=float) for name in ("low", "high")]
        zero = np.stack([scale.zone(end) < 0 for end in ends])
        breaks = np.flatnonzero((zero[:, 1:] != zero[:, :-1]).any(axis=0)) + 1
        low, high = (np.insert(scale.place(end, row), breaks, np.nan) for end in ends)
        x = np.insert(x, breaks, x[breaks])
        ax.fill_between(x, low, high, color=look.color, alpha=0.16, lw=0, zorder=2)


def _crosses(ax: Axes, part: pd.DataFrame, scale: Scale, look: Look, row: int) -> None:
    """A cross per diverged run, at the record that shows it."""
    new = np.diff(part["diverged"].to_numpy(dtype=int), prepend=0)
    x = np.repeat(part["at"].to_numpy(dtype=float), new)
    y = scale.place(np.full(len(x), np.inf), row)
    style.crosses(ax, x, y, look, clip_on=False)
    for place, count in zip(part["at"], new, strict=True):
        if count > 1 and not look.grey:
            style.beside(ax, (place, float(y[0])), str(count), look.color)
