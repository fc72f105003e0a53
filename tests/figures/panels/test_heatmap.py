"""Heat maps as drawn: a cell per pair of values, against plain pandas."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from bench.figures import panels
from bench.figures.panels.heatmap import colour_norm
from bench.tables.headline import MEDIAN, Headline
from bench.tables.words import value_text
from tests.figures.artists import CASES, LOSS, charged, one


@pytest.mark.parametrize("hyperparameter", ["decay", "momentum"])
@pytest.mark.parametrize("name", ["normal", "all diverged", "zeros", "crashed", "tiny", "NaN"])
def test_a_cell_per_pair(name, hyperparameter):
    frames = CASES[name]
    summary = one(frames.summary)
    summary = summary[summary["optimizer"] == "sgd + momentum"]
    ax = panels.heatmap(summary, hyperparameter)
    trials = one(frames.trials)
    trials = trials[trials["optimizer"] == "sgd + momentum"]
    keys = ["configuration", "learning_rate", hyperparameter]
    medians = trials.assign(value=charged(trials)).groupby(keys)["value"].median()
    medians = medians.groupby(keys[1:]).min()
    cells = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill()]
    assert len(cells) == len(medians) == len(ax.texts)
    assert sum(bool(p.get_hatch()) for p in cells) == (~np.isfinite(medians)).sum()
    frames_drawn = [p for p in ax.patches if not p.get_fill()]
    assert len(frames_drawn) == bool(np.isfinite(medians).any())
    rates, values = (sorted(medians.index.get_level_values(i).unique()) for i in (0, 1))
    for (rate, value), median in medians.items():
        at = (rates.index(rate), values.index(value))
        told = [t.get_text() for t in ax.texts if t.get_position() == at]
        assert len(told) == 1
        if 1e-3 <= median < 1e3:
            assert float(told[0].split("\n")[0]) == pytest.approx(median, rel=6e-3)
        assert ("×" in told[0]) >= np.isinf(median)
        assert ("no result" in told[0]) == np.isnan(median)
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == [value_text(v) for v in values]


def test_a_shared_norm_gives_equal_losses_equal_colours():
    summary = one(CASES["normal"].summary)
    norm = colour_norm(summary[MEDIAN], Headline())
    for optimizer in ("sgd", "adam"):
        rows = summary[summary["optimizer"] == optimizer]
        ax = panels.heatmap(rows, norm=norm)
        finite = rows.loc[np.isfinite(rows[f"{LOSS}_median"]), f"{LOSS}_median"]
        share = np.log(finite / norm.vmin) / np.log(norm.vmax / norm.vmin)
        expected = {tuple(np.round(c, 3)) for c in colormaps["viridis_r"](share)}
        cells = [p for p in ax.patches if p.get_fill() and not p.get_hatch()]
        assert {tuple(np.round(p.get_facecolor(), 3)) for p in cells} == expected
