"""Figures laid out in inches: as large as what they show, nothing overlapping, no layout solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

TITLE = 0.42


@dataclass(frozen=True)
class Margins:
    """Inches around panels: outside left, right, above and below, and between neighbours."""

    left: float = 0.85
    right: float = 0.2
    top: float = 0.3
    bottom: float = 0.5
    across: float = 0.8
    down: float = 0.75


def canvas(
    heights: Sequence[float],
    columns: int,
    panels: int,
    *,
    width: float = 10.0,
    margins: Margins | None = None,
    below: float = 0.0,
    own: Sequence[float] = (),
) -> tuple[Figure, list[Axes]]:
    """A figure `width` inches wide with `panels` axes, row by row, `heights` inches high each.

    `below` inches stay free under the panels (legend and small print), and `TITLE` above them.
    `own` gives every panel a height of its own, from the top of its row.
    """
    m = margins or Margins()
    height = TITLE + m.top + sum(heights) + m.down * (len(heights) - 1) + m.bottom + below
    figure = Figure(figsize=(width, height))
    wide = (width - m.left - m.right - m.across * (columns - 1)) / columns
    found: list[Axes] = []
    top = TITLE + m.top
    for row, high in enumerate(heights):
        for column in range(min(columns, panels - row * columns)):
            left = m.left + column * (wide + m.across)
            tall = own[len(found)] if own else high
            box = (left / width, 1 - (top + tall) / height, wide / width, tall / height)
            found.append(figure.add_axes(box))
        top += high + m.down
    return figure, found
