"""Trajectories over the contours of a function of two parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bench.figures import style
from bench.figures.local_minima import local_minima
from bench.figures.style import Look

Array = NDArray[np.float64]
GRID = 241  # points along each side
LEAST_LEVELS = 10
STEPS = (1, 2, 3, 4, 5, 8, 10)  # contours per decade
BELOW = 8  # contours within the lowest twentieth of the view
FAR = 1e3  # views
GONE = 3.0  # views from the middle
MARK_EVERY = 0.14  # of the view, along a path
GROUND = LinearSegmentedColormap.from_list("ground", ["#bdbdbd", "#f8f8f8"])
STAR = "#FFD92F"


@dataclass(frozen=True)
class Ground:
    """A function in a view: `x` (N,), `y` (M,), its decimal logarithms `logs` (M, N), contours.

    `levels` (L,) are decimal logarithms too, `per_decade` of them in a factor of ten. `minima` is
    (K, 2), `local` (J, 2) has the other local minima in view.
    """

    x: Array
    y: Array
    logs: Array
    levels: Array
    per_decade: int
    minima: Array
    local: Array

    @property
    def view(self) -> tuple[Array, Array]:
        """The lower left and the upper right corner."""
        return np.array([self.x[0], self.y[0]]), np.array([self.x[-1], self.y[-1]])


def view(paths: Iterable[Array], minima: Array, aspect: float = 1.0) -> tuple[Array, Array]:
    """Corners of what is to be seen, `aspect` times as wide as high: all starts, minima and ends.

    Detours count up to the distance that these span; a path that ends farther away, or
    nowhere, does not.
    """
    paths = [np.asarray(points, dtype=float) for points in paths]
    must = np.concatenate([minima, *(points[:1] for points in paths)])
    low, high = must.min(axis=0), must.max(axis=0)
    size = float((high - low).max()) or 1.0
    reach = size
    for points in paths:
        near = _within(points, low - reach, high + reach)
        if near[-1]:
            must = np.concatenate([must, points[near]])
    low, high = must.min(axis=0), must.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    half = half + 0.08 * max(float(half.max()), 0.25 * size)
    tall = max(half[1], half[0] / aspect)
    half = np.array([tall * aspect, tall])
    return middle - half, middle + half


def ground(
    heights: Callable[[Array], Array], minima: Array, corners: tuple[Array, Array]
) -> Ground:
    """The values of a function that is 0 at its `minima`, between `corners`.

    `heights` takes points `(..., 2)` and gives `(...)`. Contours are evenly spaced in the logarithm
    and so many that at least ten lie in the upper 95% of the view.
    """
    (left, below), (right, above) = corners
    x, y = np.linspace(left, right, GRID), np.linspace(below, above, GRID)
    values = heights(np.stack(np.meshgrid(x, y), axis=-1))
    least = float(values[values > 0].min(initial=np.inf))
    logs = np.log10(np.maximum(values, least if np.isfinite(least) else 1.0))
    floor, top = float(np.quantile(logs, 0.05)), float(logs.max())
    per = next((s for s in STEPS if (top - floor) * s >= LEAST_LEVELS), STEPS[-1])
    first = max(np.ceil(logs.min() * per), np.ceil(floor * per) - BELOW)
    levels = np.arange(first, np.floor(top * per) + 1) / per
    minima = np.asarray(minima, dtype=float)
    return Ground(x, y, logs, levels, per, minima, local_minima(heights, x, y, values, minima))


def contours(
    ground: Ground, paths: Mapping[str, Array], *, looks: Mapping[str, Look], ax: Axes | None = None
) -> Axes:
    """Draw `paths` (optimizer -> points (E + 1, 2)) over `ground`; returns the axes.

    A white circle is a start, a star a minimum, a small dot a local one, a large mark with a dark
    edge an end; a path that is not finite to its end has a cross at the last point that is. Ends at
    the same place are nested. What lies outside the view is cut off.
    """
    ax = style.axes(ax)
    if len(ground.levels) > 1:
        colours = GROUND(np.linspace(0, 1, len(ground.levels) + 1))
        area = ground.x, ground.y, ground.logs
        ax.contourf(*area, levels=ground.levels, colors=colours, extend="both", zorder=0)
        lines: dict[str, Any] = {"colors": "#8c8c8c", "linewidths": 0.5, "linestyles": "solid"}
        ax.contour(*area, levels=ground.levels, zorder=1, **lines)
    low, high = ground.view
    ax.plot(*ground.local.T, **_dot(), ls="", gid="local", zorder=2.5)
    ax.plot(*ground.minima.T, **_star(), ls="", zorder=3)
    names = [name for name in looks if name in paths]
    for place, name in enumerate(names):
        points, look = tamed(paths[name], low, high), looks[name]
        zorder = 4 + place / len(names)
        ax.plot(
            *points.T,
            color=look.color,
            ls=look.linestyle,
            lw=1.4,
            marker=look.marker,
            ms=3.5,
            markevery=_marks(points, low, high),
            label=style.plain(name),
            zorder=zorder,
        )
        if not np.isfinite(paths[name][-1]).all():
            style.crosses(ax, points[-1:, 0], points[-1:, 1], look, s=50, lw=2, zorder=7)
        else:
            size = 9.5 - 5 * place / len(names)
            mark: dict[str, Any] = {
                "marker": look.marker,
                "color": look.color,
                "mec": "black",
                "mew": 0.9,
            }
            ax.plot(*points[-1:].T, ls="", ms=size, gid="end", zorder=zorder + 1, **mark)
    starts = np.unique([paths[name][0] for name in names], axis=0).reshape(-1, 2)
    ax.plot(*starts.T, **_circle(), ls="", zorder=8)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel="first parameter", ylabel="second parameter")
    ax.grid(visible=False)
    return ax


def tamed(points: Array, low: Array, high: Array) -> Array:
    """The part of `points` to draw: what is finite, and of a path that runs away what begins it.

    A path that ends outside the view is followed to the first point three views from the middle.
    Points beyond a thousand views come nearer, where the eye cannot tell their direction from the
    true one.
    """
    finite = np.isfinite(points).all(axis=1)
    points = points[: len(points) if finite.all() else int(np.argmin(finite))]
    middle, size = (low + high) / 2, float((high - low).max())
    away = np.abs(points - middle).max(axis=1, keepdims=True)
    gone = np.flatnonzero(away > GONE * size)
    if len(gone) and not _within(points[-1:], low, high).all():
        points, away = points[: gone[0] + 1], away[: gone[0] + 1]
    most = FAR * size
    far = away > most
    return np.where(far, middle + (points - middle) * (most / np.where(far, away, 1.0)), points)


def leaving(points: Array, low: Array, high: Array) -> str:
    """What of a path is not seen: "end" if the end is not, "part" if some other point, or ""."""
    seen = _within(points, low, high)
    return "" if seen.all() else "part" if seen[-1] else "end"


def lost_within(points: Array, low: Array, high: Array) -> bool:
    """Whether a path ends within the view because it is not finite beyond."""
    last = tamed(points, low, high)
    return not np.isfinite(points[-1]).all() and not leaving(last[-1:], low, high)


def entries(minima: int, local: int = 0) -> dict[str, Line2D]:
    """What a legend says beside the optimizers: text -> sample."""
    found = {"start": Line2D([], [], ls="", **_circle())}
    kind = "global " if local else ""
    found[kind + _plural(minima)] = Line2D([], [], ls="", **_star())
    if local:
        found[f"local {_plural(local)}"] = Line2D([], [], ls="", **_dot())
    return found


def _plural(number: int) -> str:
    return "minimum" if number == 1 else "minima"


def _within(points: Array, low: Array, high: Array) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(((points >= low) & (points <= high)).all(axis=1))


def _marks(points: Array, low: Array, high: Array) -> list[int]:
    """Points with a marker: evenly spaced along what is seen, neither at the start nor the end."""
    seen = _within(points, low, high)
    steps = np.abs(np.diff(points, axis=0) / (high - low)).max(axis=1, initial=0)
    walked = np.cumsum(np.where(seen[1:], np.minimum(steps, 1.0), 0.0))
    number = min(int(walked[-1] / MARK_EVERY), 8) if len(walked) else 0
    stops = np.linspace(0, 1, number + 2)[1:-1] * (walked[-1] if len(walked) else 0)
    return sorted(set((np.searchsorted(walked, stops) + 1).tolist()))


def _star() -> dict[str, Any]:
    return {"marker": "*", "ms": 18, "mfc": STAR, "mec": "black", "mew": 0.8}


def _dot() -> dict[str, Any]:
    return {"marker": "o", "ms": 4, "mfc": "#555555", "mec": "white", "mew": 0.5}


def _circle() -> dict[str, Any]:
    return {"marker": "o", "ms": 7, "mfc": "white", "mec": "black", "mew": 1.4}
