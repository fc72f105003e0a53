"""What stands in the cells of a map fits them, however many there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.figures.panels.heatmap import heatmap
from bench.figures.panels.search import divergence
from bench.tables.headline import MEDIAN

RATES = np.logspace(-3, 2, 11)
SEARCHED = pd.DataFrame(
    {
        "optimizer": "sgd",
        "learning_rate": np.tile(RATES, 2),
        "decay": np.repeat([0.0, 1e-4], len(RATES)),
        MEDIAN: np.tile([1.19e-7, 0.00268, 0.0357, 1.24e-10, np.inf, 0.5, 1e5, 2e-9, 3, 1, 2], 2),
        "seeds": 20,
        "diverged": np.arange(22) % 12,
        "above_constant": np.arange(22) % 3,
    }
)
LOST = pd.DataFrame(
    {
        "optimizer": "sgd",
        "learning_rate": RATES,
        "lost": np.arange(11) * 4,
        "slow": 40 - np.arange(11) * 4,
        "runs": 40,
    }
)
# How to draw a map, and what of a cell's width there is: the best one's frame takes some.
DRAWN = {
    "heatmap": (lambda ax: heatmap(SEARCHED, colorbar=False, ax=ax), 0.93),
    "divergence": (lambda ax: divergence(LOST, ax=ax), 1.02),
}


@pytest.mark.parametrize("inches", [12.0, 4.0, 1.5])
@pytest.mark.parametrize("kind", DRAWN)
def test_what_stands_in_a_cell_fits_it(kind, inches):
    figure = Figure(figsize=(inches, 2))
    canvas = FigureCanvasAgg(figure)
    draw, part = DRAWN[kind]
    ax = draw(figure.add_axes((0, 0, 1, 1)))
    room = part * ax.bbox.width / len(RATES)
    told = [text for text in ax.texts if text.get_text()]
    assert bool(told) == (inches > 2)  # rather nothing than letters that nobody can read
    for text in told:
        assert text.get_window_extent(canvas.get_renderer()).width <= room, text.get_text()
