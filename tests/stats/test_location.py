import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench import stats

INF = np.inf
finite = st.floats(-1e6, 1e6)
losses = st.lists(st.floats(0, 1e6) | st.just(INF), min_size=1, max_size=30)


@pytest.mark.parametrize("q", [0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 21])
def test_quantiles_are_numpys(n, q):
    values = np.random.default_rng(n).lognormal(sigma=3, size=(4, 5, n))
    np.testing.assert_allclose(
        stats.quantile(values, q), np.quantile(values, q, axis=-1), rtol=1e-12
    )


def test_medians_are_numpys_bit_for_bit():
    for n in range(1, 12):
        values = np.random.default_rng(n).lognormal(sigma=3, size=(50, n))
        np.testing.assert_array_equal(stats.median(values), np.median(values, axis=-1))


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([1.0, INF], 0.5, INF),
        ([1.0, INF], 0.0, 1.0),
        ([1.0, 2.0, INF], 0.5, 2.0),
        ([1.0, 2.0, INF], 0.5001, INF),
        ([-INF, 2.0, INF], 0.5, 2.0),
        ([-INF, 2.0, INF], 0.49, -INF),
        ([-INF, INF], 0.5, 0.0),
        ([-INF, INF], 0.4, -INF),
        ([-INF, INF], 0.6, INF),
        ([INF, INF], 0.3, INF),
        ([-INF, -INF, -INF], 0.3, -INF),
        ([1.7e308, 1.7e308, 1.6e308, 1.7e308], 0.5, 1.7e308),
        ([7.0], 0.2, 7.0),
    ],
)
def test_quantiles_beside_infinity(values, q, expected):
    assert stats.quantile(values, q) == expected


def test_quantiles_of_equal_values_are_that_value():
    for q in np.linspace(0, 1, 101):
        assert stats.quantile([0.1] * 7, q) == 0.1


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 1 - 0.05 / 300])
@pytest.mark.parametrize("q", [0.05, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("n", [1, 5, 6, 10, 20, 50, 200])
def test_interval_ranks_are_the_innermost_that_hold(n, q, confidence):
    low, high = stats.interval_ranks(n, q, confidence)
    count = scipy.stats.binom(n, q)  # how many values lie below the quantile
    tail = (1 - confidence) / 2 * (1 + 1e-9)

    def low_misses(rank):
        return count.cdf(rank)  # the value of this rank (from 0) lies above

    def high_misses(rank):
        return count.sf(rank)  # the value of this rank lies below

    assert low_misses(0) > tail if low is None else low_misses(low) <= tail < low_misses(low + 1)
    if high is None:
        assert high_misses(n - 1) > tail
    else:
        assert high_misses(high) <= tail < high_misses(high - 1)


@pytest.mark.parametrize("n", [6, 10, 11, 20, 50])
def test_median_interval_is_scipys(n):
    values = np.random.default_rng(n).lognormal(size=n)
    reference = scipy.stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    _, low, high = stats.median_interval(values)
    # scipy's ranks may lie one further out; ours never miss more often than they may.
    assert reference.low <= low <= np.median(values) <= high <= reference.high


def test_median_interval_covers_exactly_as_often_as_counted():
    # All orders of 7 fair coins: is the median of a continuous law between the two ends?
    low, high = stats.interval_ranks(7)
    covered = sum(low < sum(coins) <= high for coins in itertools.product([0, 1], repeat=7)) / 2**7
    assert covered == 1 - 2 * 0.5**7 >= 0.95


def test_median_interval_of_many_rows_is_that_of_each():
    values = np.random.default_rng(0).normal(size=(3, 4, 13))
    values[0, 0, :5] = INF
    together = stats.median_interval(values)
    for i, j in np.ndindex(3, 4):
        assert [x[i, j] for x in together] == [
            float(x) for x in stats.median_interval(values[i, j])
        ]


@given(losses)
def test_infinity_is_a_very_large_number(values):
    large = [1e9 if x == INF else x for x in values]
    for ours, expected in zip(
        stats.median_interval(values)[1:], stats.median_interval(large)[1:], strict=True
    ):
        assert ours == (INF if expected == 1e9 else expected)


@given(losses)
def test_increasing_transforms_commute_with_the_interval(values):
    values = np.array(values)
    _, low, high = stats.median_interval(values)
    _, low_log, high_log = stats.median_interval(np.log1p(values))
    assert (low_log, high_log) == tuple(np.log1p(x) if x > -INF else -INF for x in (low, high))


@given(st.lists(finite | st.sampled_from([INF, -INF]), min_size=1, max_size=20))
def test_mirrored_values_mirror_the_interval(values):
    middle, low, high = stats.median_interval(values)
    mirrored = stats.median_interval(-np.array(values))
    assert mirrored == (-middle, -high, -low)
    assert low <= middle <= high


@pytest.mark.parametrize("n", range(1, 6))
def test_fewer_than_six_say_nothing(n):
    assert stats.median_interval(np.arange(n))[1:] == (-INF, INF)
    assert stats.median_interval(np.arange(6.0))[1:] == (0, 5)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_shares_are_scipys(confidence):
    for n in (1, 2, 10, 50):
        for k in range(n + 1):
            expected = scipy.stats.binomtest(k, n).proportion_ci(confidence, method="exact")
            np.testing.assert_allclose(
                stats.share_interval(k, n, confidence), tuple(expected), atol=1e-10
            )
    assert stats.share_interval(0, 0) == (0, 1)


@pytest.mark.parametrize("n", [4, 8, 20, 40])
def test_interquartile_mean_is_the_trimmed_mean_of_multiples_of_four(n):
    values = np.random.default_rng(n).normal(size=(7, n))
    np.testing.assert_allclose(
        stats.interquartile_mean(values), scipy.stats.trim_mean(values, 0.25, axis=-1), rtol=1e-12
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 50])
def test_interquartile_mean_is_that_of_four_copies(n):
    # Four copies of every value make the same staircase, with whole steps at the quarters.
    values = np.random.default_rng(n).normal(size=n)
    expected = scipy.stats.trim_mean(np.repeat(values, 4), 0.25)
    assert stats.interquartile_mean(values) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0, INF], 2.5),
        ([1.0, 2.0, INF, INF], INF),
        ([-INF, 1.0, 2.0, INF], 1.5),
        ([-INF, -INF, INF, INF], 0.0),
        ([-INF, -INF, 1.0, INF, INF, INF, INF, INF], INF),
        ([-INF, -INF, -INF, 1.0], -INF),
    ],
)
def test_interquartile_mean_with_infinities(values, expected):
    assert stats.interquartile_mean(values) == expected
    assert stats.interquartile_mean([values, [1.0] * len(values)]).tolist() == [expected, 1.0]


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("statistic", [np.mean, np.std])
def test_bootstrap_is_scipys(method, statistic):
    values = np.random.default_rng(3).lognormal(size=15)

    def along_last(x):
        return statistic(x, axis=-1)

    expected = scipy.stats.bootstrap(
        (values,), statistic, n_resamples=999, rng=np.random.default_rng(5),
        method={"percentile": "percentile", "bca": "BCa"}[method],
    ).confidence_interval  # fmt: skip
    _, low, high = stats.bootstrap_interval(
        along_last, values, np.random.default_rng(5), resamples=999, method=method
    )
    np.testing.assert_allclose([low, high], tuple(expected), rtol=1e-10)


def test_expanded_levels_widen_by_student_and_the_variance():
    values = np.random.default_rng(3).normal(size=12)
    nominal = 2 * scipy.stats.norm.cdf(scipy.stats.t(11).ppf(0.025) * math.sqrt(12 / 11))
    ours = stats.interquartile_mean_interval(values, np.random.default_rng(1), resamples=500)
    plain = stats.bootstrap_interval(
        stats.interquartile_mean, values, np.random.default_rng(1), 1 - nominal, 500, "percentile"
    )
    np.testing.assert_allclose(ours, plain, rtol=1e-12)


def test_rows_are_resampled_jointly():
    row = np.random.default_rng(0).normal(size=10)
    _, low, high = stats.interquartile_mean_interval(
        np.stack([row, row + 1, 2 * row]), np.random.default_rng(1), resamples=300
    )
    np.testing.assert_allclose(low, [low[0], low[0] + 1, 2 * low[0]], rtol=1e-12)
    np.testing.assert_allclose(high, [high[0], high[0] + 1, 2 * high[0]], rtol=1e-12)


@pytest.mark.parametrize("method", ["expanded", "percentile", "bca"])
def test_bootstrap_at_its_limits(method):
    def interval(values):
        rng = np.random.default_rng(0)
        return tuple(
            float(x)
            for x in stats.bootstrap_interval(
                stats.interquartile_mean, values, rng, resamples=200, method=method
            )
        )

    assert interval([3.0]) == (3.0, -INF, INF)
    assert interval([3.0] * 10) == (3.0, 3.0, 3.0)
    assert interval([INF] * 10) == (INF, INF, INF)
    estimate, low, high = interval([1.0] * 7 + [2.0, INF, INF])
    assert 1 <= low <= estimate < high == INF


@pytest.mark.parametrize(
    "function",
    [
        stats.median,
        stats.median_interval,
        stats.interquartile_mean,
        lambda x: stats.interquartile_mean_interval(x, np.random.default_rng(0)),
        lambda x: stats.quantile(x, 0.2),
        stats.wilcoxon,
        stats.sign_test,
        stats.expected_best,
        stats.median_best,
        lambda x: stats.seeds_advised(x, 0.1),
        stats.median_sequence,
        lambda x: stats.compare(x, 0.1, 0.95),
        lambda x: stats.differences(x, x),
        lambda x: stats.superiority(x, x),
        lambda x: stats.kaplan_meier(x, 10.0),
        lambda x: stats.time_to_target(np.arange(len(x)), x, 0.5),
        lambda x: stats.ranks([x]),
        lambda x: stats.normalised_scores(x, 1.0, 0.1),
        lambda x: stats.sensitivity([0.1, 1.0][: len(x)], x),
    ],
)
def test_nan_and_nothing_are_refused(function):
    with pytest.raises(ValueError, match="NaN"):
        function([0.5, np.nan])
    with pytest.raises(ValueError, match="at least 1"):
        function([])
