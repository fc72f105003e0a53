"""Where printed values fall among those of many seeds."""

import numpy as np
import pytest
from scipy.stats import percentileofscore

from bench.studies.documents import (
    printed,
    standings,
)


def trace(texts, scale=1.0):
    epochs = np.arange(len(texts))
    place = ("000", 1, "blobs", "sgd", "train_loss")
    return printed.Trace(*place, epochs, epochs, tuple(texts), scale)


@pytest.mark.parametrize("decimals", [1, 3, 12])
def test_percentiles_against_scipy(decimals):
    rng = np.random.default_rng(0)
    ours, page = rng.exponential(size=(200, 5)), rng.exponential(size=5)
    ours[3, 2] = np.inf
    found = standings.standing(trace([f"{x:.{decimals}f}" for x in page], 2.0), "", ours)
    expected = [
        percentileofscore(np.round(2 * seeds, decimals), float(f"{x:.{decimals}f}"), kind="mean")
        for seeds, x in zip(ours.T, page, strict=True)
    ]
    np.testing.assert_allclose(found.percentiles, expected)
    if decimals == 1:
        assert any(p % 0.5 for p in expected), "no ties: rounding was not tried"


def test_the_band_leaves_at_most_half_a_percent_on_either_side():
    ours = np.repeat(np.random.default_rng(0).permutation(1000.0 * np.arange(1000))[:, None], 2, 1)
    for rank, inside in {3: False, 4: False, 5: True, 994: True, 995: False}.items():
        curve = np.array([1000.0 * rank, 500_000.0])
        assert standings.within(curve, ours).tolist() == [inside, True]
        found = standings.standing(trace([f"{x:.1f}" for x in curve]), "", ours)
        assert standings.trace_row(found)["whole_trace_inside"] is inside
        assert found.seeds_inside == pytest.approx(0.99)


def brute_extremeness(page, ours):
    """Every rank of every curve by counting."""
    curves = [page, *ours]

    def extreme(curve):
        return min(
            min(sum(c[e] <= curve[e] for c in curves), sum(c[e] >= curve[e] for c in curves))
            for e in range(len(page))
        )

    return np.mean([extreme(curve) <= extreme(page) for curve in curves])


@pytest.mark.parametrize("seed", range(5))
def test_extremeness_by_counting(seed):
    rng = np.random.default_rng(seed)
    curves = rng.integers(6, size=(15, 4)).astype(float)  # with ties
    assert standings.extremeness(curves[0], curves[1:]) == brute_extremeness(curves[0], curves[1:])


def test_one_of_our_own_curves_is_rarely_extreme():
    """Below p with a probability of at most p, whatever the dependence along the curve."""
    curves = np.random.default_rng(0).standard_normal((101, 30)).cumsum(axis=1)
    p = [standings.extremeness(curves[i], np.delete(curves, i, axis=0)) for i in range(101)]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p) <= level) <= level
    assert np.mean(np.array(p) <= 0.5) > 0.25
