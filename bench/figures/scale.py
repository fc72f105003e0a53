"""Axes on which nothing is lost: zero and infinity have places of their own.

On a log axis, 0 and infinity would vanish, and replacing 0 by some epsilon draws a drop that is not
there. A scale therefore has labelled strips beyond its main range: "0" below, "diverged" above.
`place` maps values to positions; `apply` dresses an axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from bench.tables.headline import Headline

Array = NDArray[np.float64]
Way = Literal["x", "y"]
TINY, HUGE = 1e-200, 1e200
STRIP = "#ececec"
RULE = "#9a9a9a"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Scale(Protocol):
    """Where values are drawn along one axis; `rows` is the height of the strip for infinity."""

    @property
    def rows(self) -> int: ...  # noqa: D102

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis."""
        ...

    def place(self, values: ArrayLike, row: int = 0) -> Array:
        """Positions of `values`, the same shape; `row` tells strip entries apart."""
        ...

    def zone(self, values: ArrayLike) -> NDArray[np.int64]:
        """-1 in the strip below, 0 in the main range, 1 in the strip above."""
        ...

    def apply(self, ax: Axes, way: Way = "y") -> None:
        """Set limits, ticks and strips of the axis `way` of `ax`."""
        ...


@dataclass(frozen=True)
class LogScale:
    """A log axis from `low` to `high` with a strip for 0 and `rows` rows for infinity.

    `cap` tells that larger finite values exist: they are drawn at `high`, whose tick says so; `cut`
    that smaller positive ones do, at `low`. `bare` tells that there is nothing in the main range,
    which has no ticks then.
    """

    low: float
    high: float
    zero: bool = False
    rows: int = 0
    cap: bool = False
    bare: bool = False
    cut: bool = False

    @property
    def _ends(self) -> tuple[float, float]:
        """Ends of the main range as decimal logarithms, a little beyond the values."""
        low, high = math.log10(self.low), math.log10(self.high)
        pad = max(0.04 * (high - low), 0.01)
        return low - (0.0 if self.cut else pad), high + (0.0 if self.cap else pad)

    @property
    def _strip(self) -> float:
        """Height of one row of a strip, in decades."""
        low, high = self._ends
        return (high - low) * max(0.045, 0.075 - 0.005 * self.rows)

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis, strips included."""
        low, high = self._ends
        below = 1.4 * self._strip if self.zero else 0.0
        above = (self.rows + 0.4) * self._strip if self.rows else 0.0
        return 10 ** (low - below), 10 ** (high + above)

    def place(self, values: ArrayLike, row: int = 0) -> Array:
        """Positions of `values` (NaN counts as infinity), the same shape."""
        values = np.asarray(values, dtype=float)
        low, high = self._ends
        zone = self.zone(values)
        inside = np.clip(np.where(zone == 0, values, 1.0), self.low, self.high)
        below = 10 ** (low - 0.7 * self._strip)
        above = 10 ** (high + (self.rows - row - 0.3) * self._strip)
        return np.where(zone < 0, below, np.where(zone > 0, above, inside))

    def zone(self, values: ArrayLike) -> NDArray[np.int64]:
        """-1 for zero (and below), 1 for infinity and NaN, else 0."""
        values = np.asarray(values, dtype=float)
        return np.where(values <= 0, -1, np.where(np.isfinite(values), 0, 1)).astype(np.int64)

    def apply(self, ax: Axes, way: Way = "y") -> None:
        """Make the axis logarithmic, with ticks in the main range and labelled strips."""
        ends, (low, high) = self.limits, self._ends
        major, minor = ([], []) if self.bare else log_ticks(self.low, self.high)
        labels = [number(tick) for tick in major]
        middle_zero, middle_top = float(self.place(0.0)), math.sqrt(10**high) * math.sqrt(ends[1])
        if self.cap:
            apart = [t for t in major if math.log10(self.high / t) > 0.04 * (high - low)]
            labels = [f"≥ {number(float(f'{self.high:.2g}'))}", *labels[: len(apart)]]
            major = [self.high, *apart]
        if self.cut:
            room = (0.04 if way == "y" else 0.2) * (high - low)
            kept = [i for i, tick in enumerate(major) if math.log10(tick / self.low) > room]
            labels = [f"≤ {number(float(f'{self.low:.2g}'))}", *(labels[i] for i in kept)]
            major = [self.low, *(major[i] for i in kept)]
        strips = []
        if self.zero:
            strips.append((middle_zero, "exactly 0"))
            shade(ax, way, ends[0], 10**low, 10**low)
        if self.rows:
            strips.append((middle_top, "diverged"))
            shade(ax, way, 10**high, ends[1], 10**high)
        ax.set(**{f"{way}scale": "log", f"{way}lim": ends})
        named = strips if way == "y" else []  # as ticks' texts they keep the axis' label away
        major = [*major, *(position for position, _ in named)]
        fix_ticks(ax, way, major, [*labels, *(text for _, text in named)], minor)
        name_strips(ax, way, strips)


@dataclass(frozen=True)
class LinearScale:
    """A plain axis; values below `low` are drawn at `low`, whose tick then says so (`cut`)."""

    low: float
    high: float
    cut: bool = False
    rows: int = 0

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis."""
        pad = 0.04 * (self.high - self.low)
        return self.low - pad, self.high + pad

    def place(self, values: ArrayLike, row: int = 0) -> Array:
        """Positions of `values` (NaN counts as -inf), the same shape."""
        values = np.asarray(values, dtype=float)
        return np.clip(np.where(np.isnan(values), -np.inf, values), self.low, self.high)

    def zone(self, values: ArrayLike) -> NDArray[np.int64]:
        """Always 0: there are no strips."""
        return np.zeros(np.shape(values), dtype=np.int64)

    def apply(self, ax: Axes, way: Way = "y") -> None:
        """Set limits and ticks."""
        ends = self.limits
        ax.set(**{f"{way}lim": ends})
        ticks = [t for t in MaxNLocator(5).tick_values(*ends) if ends[0] <= t <= ends[1]]
        labels = [f"{t:.4g}".replace("-", "−") for t in ticks]
        if self.cut:
            apart = [t for t in ticks if t - self.low > 0.06 * (self.high - self.low)]
            labels = [f"≤ {self.low:.3g}".replace("-", "−"), *labels[len(ticks) - len(apart) :]]
            ticks = [self.low, *apart]
        fix_ticks(ax, way, ticks, labels, [])


def log_scale(
    values: ArrayLike,
    *,
    rows: int | None = None,
    highest: float = HUGE,
    lowest: float = TINY,
    least: float = 1.5,
) -> LogScale:
    """The scale for `values` of any shape: zeros, infinities and NaN among them are welcome.

    `rows` is the number of rows of the strip for infinity: by default one if any value needs it.
    Values above `highest` share the upper edge, those below `lowest` the lower one. The
    range covers at least the factor `least`, so that noise around a constant does not fill the
    figure.
    """
    values = np.asarray(values, dtype=float).ravel()
    finite = np.clip(values[np.isfinite(values) & (values > 0)], TINY, HUGE)
    if rows is None:
        rows = int((~np.isfinite(values)).any())
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.1, 1.0)
    cap = high > highest > low
    cut = low < lowest < high
    low, high = (lowest if cut else low), (highest if cap else high)
    if high / low < least:
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = middle / math.sqrt(least), middle * math.sqrt(least)
    zero, bare = bool((values <= 0).any()), not finite.size
    return LogScale(low, high, zero, rows, cap, bare, cut)


def linear_scale(
    values: ArrayLike, *, lowest: float = -math.inf, highest: float = math.inf
) -> LinearScale:
    """The scale for `values` from `lowest` to `highest`; what lies below shares the lower edge.

    The range covers at least a tenth of the highest value, so that noise around a constant does not
    fill the figure.
    """
    values = np.asarray(values, dtype=float).ravel()
    finite = values[np.isfinite(values)]
    cut = bool(math.isfinite(lowest) and (~(values >= lowest)).any())
    inside = finite[finite >= lowest]
    size = highest if math.isfinite(highest) else float(np.abs(inside).max(initial=0.0))
    low = lowest if cut else float(inside.min()) if inside.size else size
    high = float(inside.max(initial=low))
    least = 0.1 * (abs(size) or 1.0)
    if high - low < least:
        low, high = max(lowest, low - least / 2), high + least / 2
    return LinearScale(low, min(high, highest), cut)


def headline_scale(
    values: ArrayLike, headline: Headline, *, rows: int | None = None, floor: float = 0.0
) -> Scale:
    """The scale for values of a headline: logarithmic where less is better, as `log_scale`.

    Losses below the `floor` of rounding share the lower edge.
    """
    quantity = headline.quantity
    if quantity.lower:
        return log_scale(values, rows=rows, lowest=floor if headline.is_loss else TINY)
    best = math.inf if quantity.best is None else quantity.best
    return linear_scale(values, lowest=quantity.end, highest=best)


def log_ticks(low: float, high: float) -> tuple[list[float], list[float]]:
    """Major and minor ticks between `low` and `high`: decades, else 1-2-5, else evenly spaced."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 7))
    narrow = last - first <= 2

    def between(multiples: Sequence[int], step: int = 1) -> list[float]:
        exponents = range(first - first % step, last + 1, step)
        ticks = [m * 10.0**e for e in exponents for m in multiples]
        return [t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]

    # Every tick costs time to draw; over many decades the small ones are a blur anyway.
    minor = between(range(2, 10)) if last - first <= 4 else between([1])
    for multiples in ([1], [1, 2, 5], [1, 2, 3, 5, 7]):
        major = between(multiples, every if multiples == [1] else 1)
        if len(major) >= (3 if narrow else 2):
            return major, minor
    even = MaxNLocator(5).tick_values(low, high)
    return [float(t) for t in even if low <= t <= high], []


def number(value: float) -> str:
    """A tick's text, without mathtext.

    >>> number(0.01), number(2e-7), number(1e5), number(1.0986)
    ('0.01', '2·10⁻⁷', '10⁵', '1.099')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}".replace("-", "−")
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = f"{float(mantissa):g}".replace("-", "−")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPT)
    return power if mantissa == "1" else f"{mantissa}·{power}"


def shade(ax: Axes, way: Way, start: float, stop: float, border: float) -> None:
    """A grey strip across `ax` between two positions, with a line where it begins."""
    if way == "y":
        ax.axhspan(start, stop, color=STRIP, zorder=0, lw=0)
        ax.axhline(border, color=RULE, lw=0.8, zorder=0.5)
    else:
        ax.axvspan(start, stop, color=STRIP, zorder=0, lw=0)
        ax.axvline(border, color=RULE, lw=0.8, zorder=0.5)


def name_strips(ax: Axes, way: Way, strips: Sequence[tuple[float, str]]) -> None:
    """Names of strips where no tick's text can meet them: the last ticks on the left, or above."""
    small: dict[str, Any] = {"size": 7.5, "style": "italic", "color": "#444444"}
    if way == "x":
        for position, text in strips:
            place: dict[str, Any] = {
                "transform": ax.get_xaxis_transform(),
                "ha": "center",
                "va": "bottom",
            }
            ax.text(position, 1.015, text, **place, **small)
        return
    count = len(ax.yaxis.get_major_ticks())
    for tick in ax.yaxis.get_major_ticks()[count - len(strips) :]:
        tick.label1.set(**small)
        tick.tick1line.set_visible(False)
        tick.gridline.set_visible(False)


def fix_ticks(
    ax: Axes, way: Way, major: Sequence[float], labels: Sequence[str], minor: Sequence[float]
) -> None:
    """Ticks at exactly these positions, with these texts."""
    axis: Any = ax.xaxis if way == "x" else ax.yaxis
    axis.set_major_locator(FixedLocator(list(major)))
    axis.set_major_formatter(FixedFormatter(list(labels)))
    axis.set_minor_locator(FixedLocator(list(minor)))
    axis.set_minor_formatter(NullFormatter())
