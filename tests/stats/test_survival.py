import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench import stats
from bench.stats.survival import log_log_interval

INF = np.inf
costs = st.lists(st.sampled_from([0.0, 10.0, 20.0, 30.0, INF]), min_size=1, max_size=30)

# Weeks in remission under 6-mercaptopurine (Freireich et al. 1963), + censored: the textbooks'
# example, with its printed estimate.
WEEKS = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
REMISSION = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}


def remission():
    costs = np.array(WEEKS + [INF] * len(CENSORED), dtype=float)
    return stats.kaplan_meier(costs, np.array(WEEKS + CENSORED, dtype=float))


def test_the_textbooks_curve():
    curve = remission()
    shares = dict(zip(curve.times, curve.share, strict=True))
    for week, staying in REMISSION.items():
        assert 1 - shares[week] == pytest.approx(staying, abs=5e-5)
    assert curve.quantile()[0] == 23
    assert dict(zip(curve.times, curve.at_risk, strict=True))[10] == 15


def test_a_censored_curve_is_scipys():
    curve = remission()
    sample = scipy.stats.CensoredData(uncensored=WEEKS, right=CENSORED)
    reference = scipy.stats.ecdf(sample).cdf
    np.testing.assert_allclose(curve.share, reference.evaluate(curve.times), atol=1e-10)
    interval = reference.confidence_interval(method="log-log")
    low, high = log_log_interval(1 - curve.share, curve.at_risk, curve.events)
    inside = curve.share > 0
    for ours, theirs in ((low, interval.low), (high, interval.high)):
        np.testing.assert_allclose(ours[inside], theirs.evaluate(curve.times[inside]), atol=1e-10)


def test_intervals_are_exact_before_the_first_censoring_and_log_log_after():
    curve = remission()
    early = curve.times <= 6
    for count, low, high in zip(
        np.cumsum(curve.events)[early], curve.low[early], curve.high[early], strict=True
    ):
        expected = scipy.stats.binomtest(int(count), 21).proportion_ci(method="exact")
        np.testing.assert_allclose((low, high), tuple(expected), atol=1e-10)
    later = log_log_interval(1 - curve.share, curve.at_risk, curve.events)
    np.testing.assert_array_equal(
        (curve.low[~early], curve.high[~early]), [x[~early] for x in later]
    )


@given(costs)
def test_one_budget_gives_the_plain_shares_and_order_statistics(costs):
    curve = stats.kaplan_meier(costs, 30.0)
    expected = [np.mean(np.array(costs) <= t) for t in curve.times]
    np.testing.assert_allclose(curve.share, expected, atol=1e-12)
    np.testing.assert_allclose((curve.low, curve.high), stats.share_interval(
        [np.sum(np.array(costs) <= t) for t in curve.times], len(costs)))  # fmt: skip
    middle, low, high = curve.quantile()
    _, low_rank, high_rank = stats.median_interval(costs)
    assert (low, high) == (max(low_rank, 0.0), high_rank)
    lower, upper = np.sort(costs)[[(len(costs) - 1) // 2, len(costs) // 2]]
    assert middle == (lower if np.isfinite(upper) else INF)


@pytest.mark.parametrize("n", [7, 10, 30])
def test_every_share_is_reached_when_its_run_arrives(n):
    curve = stats.kaplan_meier(np.arange(1.0, n + 1), 100.0)
    assert [curve.quantile(k / n)[0] for k in range(1, n)] == list(range(1, n))


@pytest.mark.parametrize("n", [2, 10, 20])
def test_the_median_is_infinite_where_half_arrive_exactly(n):
    costs = np.where(np.arange(n) < n // 2, np.arange(1.0, n + 1), INF)
    assert stats.kaplan_meier(costs, 100.0).quantile()[0] == stats.median(costs) == INF
    one_more = np.where(np.arange(n) <= n // 2, np.arange(1.0, n + 1), INF)
    assert stats.kaplan_meier(one_more, 100.0).quantile()[0] == n // 2


def test_a_target_never_reached_is_infinitely_far():
    curve = stats.kaplan_meier([INF] * 10, 100.0)
    assert curve.quantile() == (INF, INF, INF)
    assert curve.share.tolist() == [0.0, 0.0]
    assert curve.high[-1] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert stats.kaplan_meier([5.0], 10.0).quantile() == (5.0, 0.0, INF)


def test_costs_beyond_their_budget_are_refused():
    for budget in (9.0, INF):
        with pytest.raises(ValueError, match="budget"):
            stats.kaplan_meier([10.0], budget)


def test_time_to_target_is_the_first_record_there():
    epochs = [0, 5, 10, 15]
    curves = np.array([[3.0, 0.5, 0.9, 0.1], [0.1, 3, 3, 3], [3, 3, 3, 3], [3, INF, INF, INF]])
    assert stats.time_to_target(epochs, curves, 0.5).tolist() == [5, 0, INF, INF]
    assert stats.time_to_target(epochs, curves[:, None], 0.1).tolist() == [[15], [0], [INF], [INF]]
    assert stats.time_to_target(epochs, [0.1, 0.8, 0.9, 0.7], 0.8, at_least=True) == 5
    with pytest.raises(ValueError, match="4 epochs for 2 records"):
        stats.time_to_target(epochs, [1.0, 2.0], 0.5)
