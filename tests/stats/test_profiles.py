import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench import stats

INF = np.inf
tables = arrays(
    float, st.tuples(st.integers(1, 5), st.integers(1, 6)),
    elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, 10.0, INF]),
)  # fmt: skip


@given(tables)
def test_ranks_are_scipys_and_infinity_is_a_large_number(costs):
    expected = scipy.stats.rankdata(costs, axis=0)
    np.testing.assert_array_equal(stats.ranks(costs), expected)
    np.testing.assert_array_equal(stats.ranks(np.minimum(costs, 1e9)), expected)


@given(tables)
def test_wins_are_counted(costs):
    wins = stats.win_matrix(costs)
    for i, j in itertools.product(range(len(costs)), repeat=2):
        assert wins[i, j] == np.mean([a < b for a, b in zip(costs[i], costs[j], strict=True)])
        ties = np.mean(costs[i] == costs[j])
        assert wins[i, j] + wins[j, i] + ties == pytest.approx(1)


@given(tables)
def test_profiles_are_counted(costs):
    factors = [1.0, 1.5, 3.0, 100.0]
    profile = stats.performance_profile(costs, factors)
    for i, (j, factor) in itertools.product(range(len(costs)), enumerate(factors)):
        solved = [
            cost < INF and cost <= factor * best
            for cost, best in zip(costs[i], costs.min(axis=0), strict=True)
        ]
        assert profile[i, j] == np.mean(solved)


@pytest.mark.parametrize(
    ("loss", "score"),
    [(1.0, 0), (0.01, 1), (0.1, 0.5), (10.0**-0.5, 0.25), (5.0, 0), (INF, 0), (0.0, 1), (1e-9, 1)],
)
def test_normalised_scores(loss, score):
    assert stats.normalised_scores(loss, 1.0, 0.01) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize(("initial", "target"), [(1.0, 1.0), (0.1, 1.0), (1.0, 0.0), (INF, 1.0)])
def test_scores_need_a_way_to_go(initial, target):
    with pytest.raises(ValueError, match="initial > target"):
        stats.normalised_scores([0.5], initial, target)


def test_stratified_interval_resamples_within_problems_and_jointly():
    # Seeds agree within each problem, so nothing is left to vary, however far apart problems are.
    same = np.repeat([[0.1], [0.5], [0.9]], 10, axis=1)
    estimate, low, high = stats.stratified_interval(same, np.random.default_rng(0), resamples=99)
    assert low == estimate == high == pytest.approx(0.5)
    # Whatever two optimizers share is gone in the difference of their rows.
    scores = np.random.default_rng(1).uniform(size=(2, 3, 10))
    shifted = np.stack([scores[0], scores[0] + 0.25, scores[1]])
    estimate, low, high = stats.stratified_interval(
        shifted, np.random.default_rng(0), resamples=199
    )
    np.testing.assert_allclose(low[1] - low[0], 0.25)
    np.testing.assert_allclose(high[1] - high[0], 0.25)
    assert (low < estimate).all()
    assert (estimate < high).all()
    _, low, high = stats.stratified_interval(scores[..., :1], np.random.default_rng(0))
    assert (low.tolist(), high.tolist()) == ([-INF] * 2, [INF] * 2)


def test_problems_are_resampled_apart():
    # Were the same seeds drawn for both problems, their opposite scores would always cancel.
    score = np.random.default_rng(1).uniform(size=10)
    _, low, high = stats.stratified_interval(
        np.stack([score, 1 - score]), np.random.default_rng(0), resamples=199,
        statistic=lambda x: x.mean(axis=(-2, -1)),
    )  # fmt: skip
    assert low < 0.45
    assert high > 0.55


def test_one_problem_is_the_plain_bootstrap():
    scores = np.random.default_rng(1).uniform(size=(2, 1, 12))
    stratified = stats.stratified_interval(scores, np.random.default_rng(4), resamples=300)
    plain = stats.interquartile_mean_interval(scores[:, 0], np.random.default_rng(4), resamples=300)
    np.testing.assert_array_equal(stratified, plain)


def test_costs_need_two_axes_and_no_sign():
    with pytest.raises(ValueError, match="two axes"):
        stats.ranks([1.0, 2.0])
    with pytest.raises(ValueError, match="negative"):
        stats.performance_ratios([[-1.0]])


@pytest.mark.parametrize(("count", "n"), [(10, 10), (9, 10), (0, 7), (5, 20), (1, 1)])
def test_a_bounded_mean_of_zeros_and_ones_has_clopper_and_pearsons_interval(count, n):
    values = np.r_[np.ones(count), np.zeros(n - count)]
    rng = np.random.default_rng(n)
    share, low, high = stats.bounded_mean_interval(values, (0, 1), rng, resamples=40_000)
    assert share == pytest.approx(count / n)
    # Four standard errors of a quantile at 2.5% of 40,000 draws are some 1% of the width.
    assert np.array([low, high]) == pytest.approx(
        np.array(stats.share_interval(count, n)), abs=0.01
    )


def test_a_bounded_mean_keeps_its_width_its_limits_and_its_bytes():
    ranks = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 3.0, 2.5, 3.0], [3.0, 2.0, 2.5, 2.0]])
    drawn = [stats.bounded_mean_interval(ranks, (1, 3), np.random.default_rng(1)) for _ in "ab"]
    for a, b in zip(*drawn, strict=True):
        assert a.tobytes() == b.tobytes()
    mean, low, high = drawn[0]
    assert (low[0], mean[0]) == (1, 1)
    assert high[0] > 1.5
    assert (low >= 1).all()
    assert (high <= 3).all()
    assert ((low < mean) | (mean == 1)).all()
    with pytest.raises(ValueError, match="outside of 1 to 3"):
        stats.bounded_mean_interval([0.5], (1, 3), np.random.default_rng(1))
