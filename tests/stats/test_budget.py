import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import stats
from bench.stats.budget import best_weights

INF = np.inf
scores = st.lists(st.integers(0, 20).map(float) | st.just(INF), min_size=1, max_size=8)


@given(scores)
def test_the_best_of_all_subsets(scores):
    expected, medians = stats.expected_best(scores), stats.median_best(scores)[0]
    for k in range(1, len(scores) + 1):
        best = [min(subset) for subset in itertools.combinations(scores, k)]
        assert expected[k - 1] == pytest.approx(np.mean(best), rel=1e-12)
        assert medians[k - 1] == np.sort(best)[(len(best) - 1) // 2]


@pytest.mark.parametrize("m", [1, 2, 10, 200])
def test_weights_are_binomial_quotients(m):
    expected = [[math.comb(m - i - 1, k) / math.comb(m, k + 1) for i in range(m)] for k in range(m)]
    np.testing.assert_allclose(best_weights(m), expected, rtol=1e-10)


def test_gains_of_minus_infinity_win_at_once():
    assert stats.expected_best([-INF, 1.0, INF]).tolist() == [-INF, -INF, -INF]


def test_expected_best_of_rows_is_that_of_each():
    table = np.random.default_rng(0).normal(size=(3, 7))
    for row, best in zip(table, stats.expected_best(table), strict=True):
        np.testing.assert_array_equal(best, stats.expected_best(row))


def test_expected_best_interval_encloses_and_is_reproducible():
    scores = np.random.default_rng(0).lognormal(size=12)
    scores[3] = INF
    once, again = (
        stats.expected_best_interval(scores, np.random.default_rng(1), resamples=500)
        for _ in range(2)
    )
    np.testing.assert_array_equal(once, again)
    estimate, low, high = once
    assert ((low <= estimate) & (estimate <= high)).all()
    assert high[0] == INF
    assert [x.tolist() for x in stats.expected_best_interval([2.0], np.random.default_rng(1))] == [
        [2.0], [-INF], [INF]]  # fmt: skip


def test_median_best_interval_is_that_of_the_quantile():
    scores = np.random.default_rng(0).lognormal(size=30)
    _, low, high = stats.median_best(scores)
    for k in (1, 2, 5):
        expected = stats.quantile_interval(scores, 1 - 0.5 ** (1 / k))
        assert (low[k - 1], high[k - 1]) == expected[1:]
    assert low[-1] == -INF


@pytest.mark.parametrize(
    ("losses", "low", "high", "opens"),
    [
        ([2.0, 1.0, 1.0, 1.05, 2.0], None, None, (False, False)),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 1e-4, 1.0, (True, True)),
        ([1.0, 1.0, 1.0, INF, INF], 1e-4, 1e-2, (True, False)),
        ([INF, INF, 1.0, INF, 1.0], 1e-2, 1e-2, (False, False)),
        ([5.0, 0.0, 0.0, 5.0, 0.0], 1e-3, 1e-2, (False, False)),
        ([INF, INF, INF, INF, 1.0], 1.0, 1.0, (False, True)),
    ],
)
def test_sensitivity(losses, low, high, opens):
    rates = 10.0 ** np.arange(-4, 1)
    found = stats.sensitivity(rates, losses)
    if low is None:
        way = math.log(1.1) / math.log(2.0)
        low = 10 ** (-3 - way)
        high = 10 ** (-1 + math.log(1.1 / 1.05) / math.log(2 / 1.05))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.decades == pytest.approx(math.log10(high / low), abs=1e-12)
    assert (found.open_low, found.open_high) == opens
    order = np.random.default_rng(0).permutation(5)
    assert stats.sensitivity(rates[order], np.array(losses)[order]) == found


def test_sensitivity_of_a_parabola_is_its_width():
    rates = np.logspace(-5, 1, 601)
    found = stats.sensitivity(rates, np.exp(0.4 * (np.log10(rates) + 2) ** 2), tolerance=0.1)
    assert found.best == pytest.approx(0.01)
    assert found.decades == pytest.approx(2 * math.sqrt(math.log(1.1) / 0.4), abs=1e-3)


def test_sensitivity_refuses_what_has_no_logarithm():
    assert stats.sensitivity([0.1, 1.0], [INF, INF]) is None
    for rates in ([0.0, 1.0], [0.1, 0.1], [0.1, INF]):
        with pytest.raises(ValueError, match="rates"):
            stats.sensitivity(rates, [1.0, 1.0])
    with pytest.raises(ValueError, match="negative"):
        stats.sensitivity([0.1, 1.0], [-1.0, 1.0])


def test_sensitivity_interval():
    rates = 10.0 ** np.arange(-4, 1)
    losses = np.exp((np.log10(rates)[:, None] + 2) ** 2 + np.zeros(10))
    found, low, high = stats.sensitivity_interval(rates, losses, np.random.default_rng(0))
    assert low == high == found.decades > 0
    noisy = losses * np.random.default_rng(2).lognormal(sigma=0.1, size=losses.shape)
    found, low, high = stats.sensitivity_interval(rates, noisy, np.random.default_rng(0))
    assert low < found.decades < high
    everywhere = stats.sensitivity_interval(rates, losses * INF, np.random.default_rng(0))
    assert everywhere == (None, 0.0, 0.0)
    assert stats.sensitivity_interval(rates, losses[:, :1], np.random.default_rng(0))[1:] == (
        -INF, INF)  # fmt: skip


@pytest.mark.parametrize("m", [7, 300, 301, 1200])
def test_few_counts_of_many_values_are_those_of_all(m):
    """Of many values, no table whose size is the square of their number is built."""
    counts = np.array([1, 2, 5, m // 2, m - 1, m])
    exact = [
        [math.comb(m - i - 1, int(k) - 1) / math.comb(m, int(k)) for i in range(m)] for k in counts
    ]
    weights = best_weights(m, counts)
    np.testing.assert_allclose(weights, exact, rtol=1e-9, atol=1e-300)
    scores = np.random.default_rng(m).lognormal(size=m)
    scores[:2] = INF
    ordered = np.sort(scores)
    finite = np.where(np.isfinite(ordered), ordered, 0.0)
    expected = np.where(counts > 2, weights @ finite, INF)
    np.testing.assert_allclose(stats.expected_best(scores, counts), expected, rtol=1e-12)
    all_of_them = stats.median_best(scores)
    some = stats.median_best(scores, counts=counts)
    for whole, part in zip(all_of_them, some, strict=True):
        np.testing.assert_array_equal(whole[counts - 1], part)
