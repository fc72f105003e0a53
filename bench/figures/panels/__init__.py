"""Frames -> matplotlib axes: each function draws one frame on `ax` (or on new axes) and returns it.

The frames are those of `bench.tables`; each figure is of one problem. Nothing here touches pyplot
or any global state.
"""

from bench.figures.panels.curves import curves
from bench.figures.panels.heatmap import heatmap
from bench.figures.panels.sensitivity import sensitivity
from bench.figures.panels.spread import ranking, spread
from bench.figures.style import Look, looks

__all__ = ["Look", "curves", "heatmap", "looks", "ranking", "sensitivity", "spread"]
