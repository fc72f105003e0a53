"""Figures laid out in inches: as large as what they show, nothing overlapping, no layout solver.

From top to bottom: the title, the panels row by row, a legend or a colour bar, and small print.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures.style import GREY, plain, wrapped

WIDTH = 10.0
TITLE = 0.42  # inches
TITLE_LETTERS = 92
LETTERS = 16.5  # of small print in an inch
ABOVE = 0.12  # inches between what belongs to the panels and the legend
BAR = (0.52, 4.2, 0.16)  # a colour bar: inches above the small print, its width and height
BAR_ROOM = 0.72
# Legends of single panels, in inches: of a line, between entries, of a letter; their corner, from
# the panel's upper right or lower left; and what of the margin or of the panel texts leave free.
LINE, BETWEEN, LETTER = 0.15, 0.06, 0.059
BESIDE, BELOW = (0.12, 0.0), (-0.06, -0.46)
FREE_BESIDE, FREE_BELOW = 0.45, 0.15


@dataclass(frozen=True)
class Margins:
    """Inches around panels: outside left, right, above and below, and between neighbours.

    `across` may give every gap its own width.
    """

    left: float = 0.95
    right: float = 0.2
    top: float = 0.3
    bottom: float = 0.5
    across: float | Sequence[float] = 0.9
    down: float = 0.75

    def columns(
        self, widths: Sequence[float | None], width: float = WIDTH
    ) -> list[tuple[float, float]]:
        """Left edge and width of every column; those without a width share what is left.

        >>> Margins(left=1, right=0, across=1).columns([None, 3.0])
        [(1, 5.0), (7.0, 3.0)]
        """
        number = len(widths)
        gaps = [self.across] * (number - 1) if isinstance(self.across, int | float) else self.across
        fixed = [wide for wide in widths if wide is not None]
        free = width - self.left - self.right - sum(fixed) - sum(gaps)
        found, left = [], self.left
        for wide, gap in zip(widths, [*gaps, 0.0], strict=True):
            wide = free / (number - len(fixed)) if wide is None else wide
            found.append((left, wide))
            left += wide + gap
        return found


@dataclass(frozen=True)
class Legend:
    """A legend across the figure: text -> sample, in `columns`.

    `line` is the height of a line and `gap` what stays free below, both in inches; `sample` is the
    length of a sample as a multiple of the letters' size, `letters` how many a line holds.
    """

    entries: Mapping[str, Artist]
    columns: int = 1
    line: float = 0.178
    gap: float = 0.08
    sample: float = 3.2
    letters: int = 132

    @property
    def texts(self) -> list[str]:
        """The entries' texts, wrapped to their columns."""
        return [wrapped(text, self.letters // self.columns, 3) for text in self.entries]

    @property
    def height(self) -> float:
        """Inches that the texts take."""
        lines = [text.count("\n") + 1 for text in self.texts]
        each = math.ceil(len(lines) / self.columns)
        columns = [sum(lines[i : i + each]) for i in range(0, len(lines), each or 1)]
        return self.line * max(columns, default=0)


@dataclass(frozen=True)
class Layout:
    """A figure `width` inches wide: its title, small print and legend, and where its panels go.

    `heights` are those of the rows in inches, `widths` those of the columns (None: an equal share);
    the first `panels` of the places are filled, all by default. `own` gives every panel a height of
    its own, from the top of its row. `legends` are one a panel, below it or `beside` it in the
    right margin. With `bar`, a colour bar has room above the small print.
    """

    title: str
    sentences: Sequence[str]
    heights: Sequence[float]
    widths: Sequence[float | None] = (None,)
    panels: int | None = None
    own: Sequence[float] = ()
    width: float = WIDTH
    margins: Margins = field(default_factory=Margins)
    legend: Legend | None = None
    legends: Sequence[Mapping[str, Artist]] = ()
    beside: bool = False
    bar: bool = False

    def figure(self) -> tuple[Figure, list[Axes]]:
        """The figure with everything but what panels show, and its panels, row by row."""
        figure = Figure(figsize=(self.width, self.height))
        axes = [figure.add_axes(box) for box in self._boxes()]
        legends = self._wrapped()
        for ax, legend in zip(axes, legends, strict=bool(legends)):
            self._panel_legend(figure, ax, legend)
        if self.legend is not None and self.legend.entries:
            self._legend(figure, self.legend)
        self._texts(figure)
        return figure, axes

    def bar_axes(self, figure: Figure) -> Axes:
        """Axes for a level colour bar."""
        above, wide, high = BAR
        bottom = (self._print + above) / self.height
        box = (self.margins.left / self.width, bottom, wide / self.width, high / self.height)
        return figure.add_axes(box, label="colours")

    @cached_property
    def height(self) -> float:
        """Inches of the whole figure."""
        m, rows = self.margins, len(self.heights)
        gaps = (m.down + self._under) * (rows - 1)
        panels = TITLE + m.top + sum(self.heights) + gaps + (m.bottom + self._under)
        legend = ABOVE + self.legend.height if self.legend is not None else 0.0
        return panels + (legend + BAR_ROOM * self.bar + self._print)

    @cached_property
    def _columns(self) -> list[tuple[float, float]]:
        return self.margins.columns(self.widths, self.width)

    @cached_property
    def _caption(self) -> list[str]:
        """The lines of the small print."""
        return textwrap.wrap(" ".join(s for s in self.sentences if s), int(self.width * LETTERS))

    @property
    def _print(self) -> float:
        """Inches of the small print."""
        return 0.16 + 0.137 * len(self._caption)

    @cached_property
    def _under(self) -> float:
        """Inches of the panels' own legends below each row."""
        if self.beside:
            return 0.0
        found = (
            LINE * sum(text.count("\n") + 1 for text in legend) + BETWEEN * len(legend)
            for legend in self._wrapped()
        )
        return max(found, default=0.0)

    def _boxes(self) -> list[tuple[float, float, float, float]]:
        """Left, bottom, width and height of every panel, as shares of the figure."""
        across = len(self.widths)
        panels = across * len(self.heights) if self.panels is None else self.panels
        found: list[tuple[float, float, float, float]] = []
        top = TITLE + self.margins.top
        for row, high in enumerate(self.heights):
            for left, wide in self._columns[: panels - row * across]:
                tall = self.own[len(found)] if self.own else high
                bottom = 1 - (top + tall) / self.height
                box = (left / self.width, bottom, wide / self.width, tall / self.height)
                found.append(box)
            top += high + self.margins.down + self._under
        return found

    def _wrapped(self) -> list[dict[str, Artist]]:
        """The panels' legends, their texts wrapped to the room they have."""
        _, wide = self._columns[0]
        room = self.margins.right - FREE_BESIDE if self.beside else wide - FREE_BELOW
        letters = int(room / LETTER)
        return [{wrapped(t, letters, 3): s for t, s in legend.items()} for legend in self.legends]

    def _panel_legend(self, figure: Figure, ax: Axes, entries: Mapping[str, Artist]) -> None:
        box = ax.get_position()
        right, up = BESIDE if self.beside else BELOW
        x, y = (box.x1, box.y1) if self.beside else (box.x0, box.y0)
        figure.legend(
            list(entries.values()),
            list(entries),
            loc="upper left",
            bbox_to_anchor=(x + right / self.width, y + up / self.height),
            borderaxespad=0,
            borderpad=0,
            handlelength=2.6,
            labelspacing=0.45,
            handletextpad=0.6,
        )

    def _legend(self, figure: Figure, legend: Legend) -> None:
        figure.legend(
            list(legend.entries.values()),
            legend.texts,
            loc="lower left",
            bbox_to_anchor=(0.01, (self._print + legend.gap) / self.height),
            ncols=legend.columns,
            borderaxespad=0,
            columnspacing=1.5,
            handlelength=legend.sample,
        )

    def _texts(self, figure: Figure) -> None:
        """The title above everything, and the small print below everything."""
        left: dict[str, Any] = {"x": 0.01, "ha": "left"}
        title = plain(self.title, TITLE_LETTERS)
        top = 1 - 0.09 / self.height
        figure.text(y=top, s=title, va="top", size=11.5, weight="bold", **left)
        # Names may hold dollars, escaped or not.
        caption = "\n".join(self._caption).replace(r"\$", "$").replace("$", r"\$")
        figure.text(y=0.08 / self.height, s=caption, va="bottom", size=7.5, color=GREY, **left)
