"""Local minima of a function of two parameters, found on the grid of its contours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FINER = 10  # points to each side of the middle, and times that a grid is finer than the last
ROUNDS = 3


def local_minima(
    heights: Callable[[Array], Array], x: Array, y: Array, values: Array, known: Array
) -> Array:
    """Local minima `(J, 2)` within the grid `x` (N,), `y` (M,), without those `known` (K, 2).

    `values` (M, N) are those of `heights`, which takes points `(..., 2)`. A point of the grid that
    is lower than all around it may lie in a slanting valley narrower than the grid; ever finer
    grids around it then lead away, while those around a minimum stay.
    """
    inner, edge = values[1:-1, 1:-1], np.ones(values.shape, bool)
    edge[1:-1, 1:-1] = False
    lowest = ~edge
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                around = np.roll(values, (down, right), (0, 1))[1:-1, 1:-1]
                lowest[1:-1, 1:-1] &= inner < around
    rows, columns = np.nonzero(lowest)
    points = np.stack([x[columns], y[rows]], axis=-1)
    cell = np.array([x[1] - x[0], y[1] - y[0]])
    apart = np.abs(points[:, None] - known) / cell
    points = points[(apart.max(axis=-1) > 2).all(axis=-1)]
    for _ in range(ROUNDS):
        points = _settled(heights, points, cell)
        cell = cell / FINER
    return points


def _settled(heights: Callable[[Array], Array], points: Array, cell: Array) -> Array:
    """The lowest of the grid points within a cell of each of `points`, unless it is at the rim."""
    steps = np.arange(-FINER, FINER + 1) / FINER
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    near = points[:, None] + offsets * cell
    best = np.argmin(heights(near), axis=1) if len(points) else np.empty(0, int)
    inside = np.abs(offsets[best]).max(axis=-1, initial=0) < 1
    return np.asarray(near[np.arange(len(points)), best][inside])
