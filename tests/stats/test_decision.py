"""Comparisons with a margin: one interval, four answers."""

import numpy as np
import pytest

from bench.stats.decision import Answer, Comparison, compare

MARGIN = 0.1
TABLE = [
    # low, high, answer, lead, least
    (-0.5, -0.2, Answer.BETTER, -1, 0.2),
    (-0.5, -0.02, Answer.BETTER, -1, 0.02),
    (-0.08, -0.02, Answer.SLIGHTLY, -1, 0.02),
    (-0.08, 0.05, Answer.SAME, 0, 0.0),
    (0.0, 0.0, Answer.SAME, 0, 0.0),
    (-0.2, 0.05, Answer.UNKNOWN, 0, 0.0),
    (-np.inf, np.inf, Answer.UNKNOWN, 0, 0.0),
    (0.3, np.inf, Answer.BETTER, 1, 0.3),
    (np.inf, np.inf, Answer.BETTER, 1, np.inf),
    (-0.1, 0.05, Answer.UNKNOWN, 0, 0.0),  # at the margin is not within it
]


@pytest.mark.parametrize(("low", "high", "answer", "lead", "least"), TABLE)
def test_what_an_interval_says(low, high, answer, lead, least):
    for one, sign in (
        (Comparison(0, low, high, MARGIN), 1),
        (Comparison(0, -high, -low, MARGIN), -1),
    ):
        assert (one.answer, one.lead, one.least) == (answer, sign * lead, least)
        assert one.decided == (answer is not Answer.UNKNOWN)


@pytest.mark.parametrize("watched", [False, True])
def test_infinite_differences_and_ties_take_part(watched):
    lost = compare([np.inf] * 30, MARGIN, 0.95, watched=watched)
    assert (lost.answer, lost.lead) == (Answer.BETTER, 1)
    assert compare([0.0] * 30, MARGIN, 0.95, watched=watched).answer is Answer.SAME


def test_to_watch_costs_seeds():
    d = np.random.default_rng(0).normal(0.2, 1.0, 100)
    fixed, watched = (compare(d, MARGIN, 0.95, watched=w) for w in (False, True))
    assert watched.low < fixed.low <= fixed.high < watched.high


@pytest.mark.parametrize("margin", [0.0, -1.0, np.inf, np.nan])
def test_a_margin_is_positive(margin):
    with pytest.raises(ValueError, match="margin"):
        compare([1.0], margin, 0.95)
