"""Cells of a panel: squares around whole numbers."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

LARGEST, LEAST = 7.5, 5.0  # points of texts in cells


def cell(ax: Axes, x: int, y: int, *, side: float = 1.0, **looks: Any) -> None:
    """Draw a square of `side` around (x, y); `looks` are those of a rectangle.

    Panels of cells set their limits. `Axes.add_patch` would measure every cell for them, which
    takes most of the time where there are thousands.
    """
    ax.add_artist(Rectangle((x - side / 2, y - side / 2), side, side, **looks))


def text_size(cell: float, widest: float) -> float:
    """Points of a text `widest` times as wide as its size, in a cell of `cell` points.

    0 if it would be too small to be read.

    >>> text_size(30, 3.2), text_size(20, 3.2), text_size(12, 3.2)
    (7.5, 5.9, 0.0)
    """
    size = min(LARGEST, math.floor(0.95 * cell / widest * 10) / 10)
    return float(size) if size >= LEAST else 0.0
