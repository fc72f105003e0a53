"""Frames -> matplotlib axes: each function draws one frame on `ax` (or on new axes) and returns it.

The frames are those of `bench.tables`, or what `bench.bands` makes of them; each figure is of one
problem. Nothing here touches pyplot or any global state.
"""

from bench.plots.curves import curves
from bench.plots.heatmap import heatmap
from bench.plots.sensitivity import sensitivity
from bench.plots.spread import ranking, spread
from bench.plots.style import Look, looks

__all__ = ["Look", "curves", "heatmap", "looks", "ranking", "sensitivity", "spread"]
