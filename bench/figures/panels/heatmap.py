"""The headline over pairs of learning rate and one other hyperparameter."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.panels.cells import cell, text_size
from bench.figures.scale import Way, fix_ticks, linear_scale, log_scale, log_ticks, number
from bench.tables.headline import MEDIAN, Headline
from bench.tables.slices import best_by_pair
from bench.tables.words import value_text

CMAP = colormaps["viridis_r"]  # bright is low is good; in order without colour vision and in grey
MOST_NUMBERS = 200
WIDEST = 4.7  # the width of "1.2e−10" in letters of size 1, and of the air in the best cell's frame
DIVERGED = "#e4e4e4"


def heatmap(
    summary: pd.DataFrame,
    hyperparameter: str = "decay",
    *,
    norm: Normalize | None = None,
    headline: Headline | None = None,
    loss: str = "",
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the median headline of one problem and optimizer as a map.

    Every value has a row and every rate a column of the same size, so decay 0 is a row like any
    other. All other hyperparameters are the best ones for that cell. Hatched: the median is
    infinite, at least half the runs diverged; "3/10 ×" counts diverged runs, "3/10 ○" those that
    came down slowly; the best cell is framed; cells without a number were not run. `norm` shares
    colours between maps.
    """
    ax = style.axes(ax)
    cells = best_by_pair(summary, hyperparameter)
    headline = headline or Headline()
    norm = norm or colour_norm(cells[MEDIAN], headline)
    rates = list(np.unique(cells["learning_rate"].to_numpy(dtype=float)))
    values = sorted(cells[hyperparameter].unique(), key=lambda v: (isinstance(v, str), v))
    room = ax.bbox.width * 72 / ax.figure.dpi / len(rates)  # points
    size = text_size(room, WIDEST) if len(rates) * len(values) <= MOST_NUMBERS else 0.0
    counted = ["seeds", "diverged", "above_constant"]
    columns = cells[["learning_rate", hyperparameter, MEDIAN, *counted]]
    best = cells[MEDIAN].min()
    for rate, value, median, seeds, diverged, slow in columns.itertuples(index=False, name=None):
        x, y = rates.index(rate), values.index(value)
        counts = ((diverged, "×"), (slow, "○"))
        lost = "\n".join(f"{count}/{seeds} {mark}" for count, mark in counts if count)
        value = float(headline.values(median))
        _cell(ax, x, y, value, norm, headline, lost, size)
        if median == best and np.isfinite(best):
            cell(ax, x, y, side=0.94, fill=False, ec="black", lw=2, zorder=4)
            best = np.nan
    ax.set(xlim=(-0.5, len(rates) - 0.5), ylim=(-0.5, len(values) - 0.5))
    ax.grid(visible=False)
    _name_cells(ax, "x", [value_text(rate) for rate in rates])
    _name_cells(ax, "y", [value_text(value) for value in values])
    ax.tick_params(length=0)
    ax.set(xlabel="learning rate", ylabel=style.plain(hyperparameter.replace("_", " ")))
    if colorbar and isinstance(ax.figure, Figure):
        colour_bar(ax.figure, norm, headline, loss, ax)
    return ax


def colour_norm(medians: pd.Series, headline: Headline) -> Normalize:
    """Colours for the values of median costs: bright is good.

    On a log scale where less is better; 0 takes the colour of the smallest positive one there.
    """
    values = headline.values(medians.dropna().to_numpy(dtype=float))
    if headline.quantity.lower:
        scale = log_scale(values)
        return LogNorm(scale.low, scale.high, clip=True)
    plain = linear_scale(values, lowest=headline.quantity.end)
    return Normalize(plain.low, plain.high, clip=True)


def _colours(headline: Headline) -> Colormap:
    return CMAP if headline.quantity.lower else CMAP.reversed()


def colour_bar(
    figure: Figure,
    norm: Normalize,
    headline: Headline,
    loss: str,
    ax: Axes,
    cax: Axes | None = None,
) -> None:
    """The legend of the colours: beside `ax`, or level in `cax`."""
    way: Way = "x" if cax else "y"
    bar = figure.colorbar(
        ScalarMappable(norm, _colours(headline)),
        ax=None if cax else ax,
        cax=cax,
        orientation="horizontal" if cax else "vertical",
    )
    if isinstance(norm, LogNorm):
        ticks, minor = log_ticks(float(norm.vmin or 0.1), float(norm.vmax or 1))
        fix_ticks(bar.ax, way, ticks, [number(t) for t in ticks], minor)
    words = style.headline_label(headline, loss)
    bar.set_label(f"median of the {words}; the brighter the better")
    bar.ax.grid(visible=False)


def _name_cells(ax: Axes, way: Way, texts: list[str]) -> None:
    """Ticks in the middle of cells, as many as there is room for."""
    every = -(-len(texts) // 20)
    fix_ticks(ax, way, [float(i) for i in range(0, len(texts), every)], texts[::every], [])
    longest = max(map(len, texts), default=0)
    if way == "x" and longest * len(texts[::every]) > 56:
        ax.tick_params(axis="x", labelrotation=45)
    ax.tick_params(axis=way, labelsize=7.5)


def _cell(
    ax: Axes,
    x: int,
    y: int,
    median: float,
    norm: Normalize,
    headline: Headline,
    lost: str,
    size: float,
) -> None:
    """One cell with its number and its diverged runs, in letters of `size` points, if any."""
    finite = bool(np.isfinite(median))
    drawn = max(median, 1e-300) if isinstance(norm, LogNorm) else median
    face = _colours(headline)(float(norm(drawn))) if finite else DIVERGED
    edge, hatch = ("white", None) if finite else ("#b0b0b0", "////")
    cell(ax, x, y, fc=face, ec=edge, lw=1, hatch=hatch)
    if not size:
        return
    first = short(median) if finite else "no result" if np.isnan(median) else ""
    ax.text(
        x,
        y,
        "\n".join(filter(None, [first, lost])),
        ha="center",
        va="center",
        size=size,
        color=_ink(face),
        bbox=None if finite else {"fc": DIVERGED, "ec": "none", "pad": 1},
        zorder=3,
    )


def short(value: float) -> str:
    """A number for a cell, in seven letters; below 0 with a digit less.

    >>> short(0.123456), short(12345.6), short(1.19e-7), short(-2.4e-10), short(0)
    ('0.123', '1.2e4', '1.2e−7', '−2e−10', '0')
    """
    digits = 3 - (value < 0)
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{float(f'{value:.{digits}g}'):g}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")


def _ink(face: tuple[float, ...] | str) -> str:
    """Black or white, whichever contrasts with `face` (relative luminance, WCAG 2)."""
    if isinstance(face, str):
        return "black"
    rgb = np.asarray(face[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ [0.2126, 0.7152, 0.0722] > 0.179 else "white"
