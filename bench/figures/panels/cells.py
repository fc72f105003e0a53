"""Cells of a panel: squares around whole numbers."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle


def cell(ax: Axes, x: int, y: int, *, side: float = 1.0, **looks: Any) -> None:
    """Draw a square of `side` around (x, y); `looks` are those of a rectangle.

    Panels of cells set their limits. `Axes.add_patch` would measure every cell for them, which
    takes most of the time where there are thousands.
    """
    ax.add_artist(Rectangle((x - side / 2, y - side / 2), side, side, **looks))
