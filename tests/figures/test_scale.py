"""Scales have a place for every value, and ticks within them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.figures import style
from bench.figures.scale import HUGE, TINY, linear_scale, log_scale, log_ticks
from tests.figures.artists import texts

SAMPLES = {
    "usual": [0.01, 0.5, 3.0],
    "narrow": [1.0980, 1.0986],
    "one value": [0.7],
    "wide": [1e-30, 1e20],
    "widest": [TINY, HUGE],
    "with zero": [0.0, 1e-8, 1.0],
    "with infinity": [0.1, math.inf],
    "with NaN": [0.1, math.nan],
    "all": [0.0, 0.1, 2.0, math.inf],
    "only zero": [0.0],
    "only infinity": [math.inf],
    "none": [],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_log_scale_has_a_place_for_everything(name):
    values = np.array(SAMPLES[name])
    scale = log_scale(values)
    low, high = scale.limits
    places = scale.place(values)
    assert 0 < low < high < math.inf
    assert ((low <= places) & (places <= high)).all()
    inside = values[np.isfinite(values) & (values > 0)]
    assert scale.place(inside) == pytest.approx(inside)
    if (values == 0).any():
        assert scale.place(0.0) < min(inside, default=scale.low) * (1 - 1e-9)
    if not np.isfinite(values).all():
        assert scale.place(np.inf) == scale.place(np.nan) > max(inside, default=scale.high)
    ax = style.axes(None)
    scale.apply(ax)
    ticks = ax.yaxis.get_majorticklocs()
    assert len(ticks) >= (2 if inside.size else 0)
    assert ((low <= ticks) & (ticks <= high)).all()
    assert ("exactly 0" in texts(ax)) == bool((values == 0).any())
    assert ("diverged" in texts(ax)) == (not np.isfinite(values).all())


def test_values_above_the_highest_share_the_upper_edge_which_says_so():
    scale = log_scale([0.1, 1.0, 1e30], highest=100.0)
    assert list(scale.place([0.1, 1e2, 1e3, 1e30])) == [0.1, 100.0, 100.0, 100.0]
    ax = style.axes(None)
    scale.apply(ax)
    assert "≥ 100" in [t.get_text() for t in ax.get_yticklabels()]


def test_losses_below_the_floor_share_the_lower_edge_which_says_so():
    scale = log_scale([1e-31, 1e-9, 1.0], lowest=1.4e-14)
    assert list(scale.place([1e-31, 1e-15, 1e-9])) == [1.4e-14, 1.4e-14, 1e-9]
    assert scale.place(0.0) < 1.4e-14
    for way in ("x", "y"):
        ax = style.axes(None)
        scale.apply(ax, way)
        told = [t.get_text() for t in getattr(ax, f"get_{way}ticklabels")()]
        assert told[0] == "≤ 1.4·10⁻¹⁴"
    for apart in ([1e-13, 1.0], [1e-31, 1e-15]):
        assert not log_scale(apart, lowest=1.4e-14).cut


def test_scores_below_the_lowest_share_the_lower_edge_which_says_so():
    scale = linear_scale([-np.inf, -50.0, 0.2, 0.9], lowest=-1.0, highest=1.0)
    assert list(scale.place([-np.inf, np.nan, -50.0, 0.2, 0.9])) == [-1, -1, -1, 0.2, 0.9]
    ax = style.axes(None)
    scale.apply(ax)
    assert "≤ −1" in [t.get_text() for t in ax.get_yticklabels()]


@pytest.mark.parametrize("low", [1e-9, 3e-4, 0.02, 0.97, 7.0])
@pytest.mark.parametrize("factor", [1.001, 1.3, 4.0, 30.0, 1e3, 1e12])
def test_log_ticks_lie_in_the_range_and_are_few(low, factor):
    major, minor = log_ticks(low, low * factor)
    assert 2 <= len(major) <= 10
    assert len(set(major)) == len(major)
    for tick in [*major, *minor]:
        assert low * (1 - 1e-6) <= tick <= low * factor * (1 + 1e-6)
