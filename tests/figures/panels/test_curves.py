"""Curves as drawn: medians, bands, crosses, axes and targets, against plain pandas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from bench.figures import panels, style
from bench.figures.scale import TINY
from bench.tables.best import best_trials
from tests.figures.artists import CASES, crosses, line, one
from tests.frames import course_of


def curve_case(name: str, problem: str | None = None):
    frames = CASES[name]
    trials = one(best_trials(frames.trials), problem)
    return trials, frames.curves, course_of(trials, frames.curves).bands


@pytest.mark.parametrize("name", CASES)
def test_curves_are_medians_with_quartiles(name):
    trials, curves, frame = curve_case(name)
    looks = style.looks(trials)
    ax = panels.curves(frame, "train_loss", looks=looks)
    ran = trials[trials["status"] != "crashed"]
    for optimizer, part in ran.groupby("optimizer"):
        values = curves[curves["trial"].isin(part["trial"])]
        wide = values.pivot(index="epoch", columns="trial", values="train_loss").fillna(np.inf)
        low, median, high = (ordered(wide, q) for q in (0.25, 0.5, 0.75))
        drawn = line(ax, str(optimizer))
        x, y = (np.asarray(a, dtype=float) for a in drawn.get_data())
        usual = (median > 0) & (median <= ax.get_ylim()[1]) & (median >= TINY)
        kept = np.isfinite(y) & np.isin(x, median.index[usual])
        assert y[kept] == pytest.approx(median[usual].to_numpy().clip(max=y[kept].max(initial=0)))
        # Every record is drawn, infinite and zero ones in their strips.
        assert sorted(x[np.isfinite(y)]) == sorted(median.index)
        strip = y[np.isfinite(y)][~np.isfinite(median.to_numpy())]
        assert (strip > median[usual].max() if usual.any() else strip > 0).all()
        # A line is broken where it enters or leaves a strip, and nowhere else.
        zone = np.where(median <= 0, -1, np.where(np.isfinite(median), 0, 1))
        whole = np.insert(zone.astype(float), np.flatnonzero(np.diff(zone)) + 1, np.nan)
        assert np.array_equal(np.isnan(whole), np.isnan(y))
        assert drawn.get_color() == looks[str(optimizer)].color
        rows = frame[(frame["optimizer"] == optimizer) & (frame["metric"] == "train_loss")]
        assert rows["low"].to_numpy() == pytest.approx(low.to_numpy())
        assert rows["high"].to_numpy() == pytest.approx(high.to_numpy())
    filled = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    several = ran.groupby("optimizer").size() > 1
    assert len(filled) == several.sum()
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def ordered(wide: pd.DataFrame, q: float) -> pd.Series:
    """Linear quantiles in which an infinite neighbour wins, by sorting."""
    values = np.sort(wide.to_numpy(), axis=1)
    place = q * (values.shape[1] - 1)
    below, above = values[:, math.floor(place)], values[:, math.ceil(place)]
    share = place - math.floor(place)
    with np.errstate(invalid="ignore"):
        mixed = np.where(share == 0, below, (1 - share) * below + share * above)
    return pd.Series(np.where(np.isinf(above) & (share > 0), np.inf, mixed), wide.index)


@pytest.mark.parametrize("name", CASES)
def test_a_cross_per_diverged_run(name):
    trials, _, frame = curve_case(name)
    ax = panels.curves(frame, looks=style.looks(trials))
    lost = trials[trials["status"] == "diverged"]
    assert len(crosses(ax)) == len(lost)
    epochs = np.sort(frame["epoch"].unique())
    at = epochs[np.searchsorted(epochs, lost["diverged_epoch"].to_numpy(dtype=float))]
    assert sorted(crosses(ax)[:, 0]) == sorted(at)


def test_bands_do_not_slope_towards_zero():
    trials, _, frame = curve_case("zeros")
    ax = panels.curves(frame, looks=style.looks(trials))
    edge = ax.get_ylim()[0]
    zero = ax.lines[0].get_ydata()[-1]
    assert edge < zero
    for filled in ax.collections:
        for path in filled.get_paths():
            heights = set(np.round(path.vertices[:, 1] / zero, 6))
            assert heights == {1.0} or 1.0 not in heights


@pytest.mark.parametrize(
    ("metric", "problem", "top"),
    [
        ("train_accuracy", "spiral", 1),
        ("validation_loss", "spiral", None),
        ("train_r2", "log_linear", 1),
    ],
)
def test_every_metric_has_its_axis(metric, problem, top):
    trials, curves, frame = curve_case("normal", problem)
    ax = panels.curves(frame, metric, looks=style.looks(trials), loss="mean_squared_error")
    assert ax.get_yscale() == ("log" if metric.endswith("loss") else "linear")
    words = metric.split("_")[0].replace("train", "training")
    assert ax.get_ylabel().startswith(words)
    assert ("mean squared error" in ax.get_ylabel()) == metric.endswith("loss")
    if top:
        assert ax.get_ylim()[1] < 1.1 * top
    for optimizer, part in trials.groupby("optimizer"):
        values = curves[curves["trial"].isin(part["trial"])].groupby("epoch")[metric]
        y = line(ax, str(optimizer)).get_ydata()
        assert y[np.isfinite(y)] == pytest.approx(values.median().to_numpy().clip(min=-1))


def test_the_target_is_in_sight_and_in_the_legend():
    trials, _, frame = curve_case("normal")
    ax = panels.curves(frame, looks=style.looks(trials), target=1e-6)
    low, high = ax.get_ylim()
    assert low < 1e-6 < high
    assert list(line(ax, "target").get_ydata()) == [1e-6, 1e-6]
    assert "target: 1e-06" in [t.get_text() for t in ax.get_legend().get_texts()]
