import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench import stats

INF = np.inf
values = st.integers(-4, 4).map(float) | st.sampled_from([INF, -INF])
samples = st.lists(values, min_size=1, max_size=25)
losses = st.sampled_from([0.0, 0.5, 1.0, 2.0, INF])
pairs = st.lists(st.tuples(losses, losses), min_size=1, max_size=25).map(
    lambda rows: tuple(np.array(rows).T)
)


def enumerated(d):
    """Two-sided p of the signed-rank sum over all signs of the differences that are not zero."""
    d = np.asarray(d)
    ranks = scipy.stats.rankdata(np.abs(d))[d != 0]
    seen = min(ranks[d[d != 0] > 0].sum(), ranks[d[d != 0] < 0].sum())
    sums = [ranks @ signs for signs in itertools.product([0, 1], repeat=ranks.size)]
    return min(1.0, 2 * np.mean([s <= seen for s in sums]))


@pytest.mark.parametrize("n", [1, 2, 5, 10, 25, 50])
def test_wilcoxon_without_ties_is_scipys(n):
    for shift in (0.0, 0.4, 1.5):
        d = np.random.default_rng(n).normal(shift, size=n)
        expected = scipy.stats.wilcoxon(d, method="exact")
        found = stats.wilcoxon(d)
        assert found.p == pytest.approx(expected.pvalue, abs=1e-10)
        assert min(found.positive, found.negative) == expected.statistic


@pytest.mark.parametrize(
    "d",
    [
        [1.0, -1.0, 2.0, 2.0, 2.0, 3.0],
        [0.0, 0.0, 1.0, 2.0, 3.0, -1.0, 4.0],
        [0.0, 0.0, 0.0, 5.0],
        [INF, INF, -INF, 1.0, 2.0, 0.0],
        [INF] * 8,
        [0.0] * 4,
        [-2.0],
        [1.0, 1.0, 1.0, 1.0, -1.0, 3.0, 3.0, -3.0, 0.0, 9.0, 9.0],
    ],
)
def test_wilcoxon_with_ties_zeros_and_infinities_is_the_enumeration(d):
    assert stats.wilcoxon(d).p == pytest.approx(enumerated(d), abs=1e-12)


@given(st.lists(values, min_size=1, max_size=9))
def test_wilcoxon_is_the_enumeration(d):
    assert stats.wilcoxon(d).p == pytest.approx(enumerated(d), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_wilcoxon_of_many_is_scipys_approximation(seed):
    rng = np.random.default_rng(seed)
    d = rng.normal(0.1, size=300) if seed % 2 else rng.integers(-5, 7, 300).astype(float)
    expected = scipy.stats.wilcoxon(d, zero_method="pratt", method="asymptotic", correction=True)
    assert stats.wilcoxon(d).p == pytest.approx(expected.pvalue, abs=1e-10)


def test_exact_and_approximate_wilcoxon_meet():
    d = np.random.default_rng(8).integers(-9, 11, 200).astype(float)
    expected = scipy.stats.wilcoxon(d, zero_method="pratt", method="asymptotic", correction=True)
    assert stats.wilcoxon(d).p == pytest.approx(expected.pvalue, rel=0.02)


def test_sign_test_is_the_binomial_test():
    for n in range(1, 30):
        d = np.random.default_rng(n).normal(0.3, size=n)
        d[: n // 4] = 0
        found = stats.sign_test(d)
        expected = scipy.stats.binomtest(found.positive, found.positive + found.negative)
        assert found.p == pytest.approx(expected.pvalue, abs=1e-10)
        assert found.zero == n // 4
    assert stats.sign_test([0.0, 0.0]).p == 1


@given(samples)
def test_swapped_labels_flip_signs_and_keep_p(d):
    d = np.array(d)
    one, other = stats.wilcoxon(d), stats.wilcoxon(-d)
    assert (one.positive, one.negative, one.p) == (other.negative, other.positive, other.p)
    assert one.correlation == -other.correlation
    assert stats.sign_test(d).p == stats.sign_test(-d).p


@given(samples)
def test_infinite_differences_are_very_large_ones(d):
    large = np.nan_to_num(np.array(d), posinf=1e9, neginf=-1e9)
    assert stats.wilcoxon(d) == stats.wilcoxon(large)
    assert stats.sign_test(d) == stats.sign_test(large)


@given(pairs)
def test_no_pair_vanishes(pair):
    a, b = pair
    for d in (stats.differences(a, b), stats.log_ratios(a, b)):
        assert not np.isnan(d).any()
        np.testing.assert_array_equal(np.sign(d), np.where(a < b, -1, np.where(a > b, 1, 0)))
    np.testing.assert_array_equal(stats.differences(b, a), -stats.differences(a, b))
    np.testing.assert_array_equal(stats.log_ratios(b, a), -stats.log_ratios(a, b))
    found = stats.superiority(a, b)
    assert found.wins + found.ties + found.losses == a.size
    assert found.low <= found.share == np.mean(a < b) <= found.high
    swapped = stats.superiority(b, a)
    assert (swapped.wins, swapped.losses) == (found.losses, found.wins)


@given(samples.filter(lambda d: all(d)))
def test_sign_test_and_median_interval_agree(d):
    _, low, high = stats.median_interval(d)
    assert (stats.sign_test(d).p <= 0.05) == (low > 0 or high < 0)


@pytest.mark.parametrize("m", [1, 2, 5, 40])
def test_holm_is_the_stepwise_procedure(m):
    p = np.random.default_rng(m).beta(0.3, 2, size=m)
    p[: m // 3] = p[0]
    adjusted = stats.holm(p)
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for step, i in enumerate(np.argsort(p, kind="stable")):
            if p[i] > level / (m - step):
                break
            rejected.add(int(i))
        assert set(np.flatnonzero(adjusted <= level)) == rejected
    assert stats.holm([]).size == 0
    assert stats.holm([0.03, 0.01, 0.04]).tolist() == [0.06, 0.03, 0.06]
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.holm([0.5, np.nan])


@pytest.mark.parametrize("n", [1, 2, 5, 8, 20])
def test_smallest_p_is_reached_by_unanimous_seeds(n):
    d = np.arange(1.0, n + 1)
    expected = pytest.approx(stats.smallest_p(n), rel=1e-12)
    assert stats.wilcoxon(d).p == expected
    assert stats.sign_test(d).p == expected
    assert stats.wilcoxon(np.ones(n)).p == expected


@pytest.mark.parametrize(("comparisons", "level"), [(1, 0.05), (3, 0.05), (300, 0.05), (40, 0.01)])
def test_fewest_seeds_is_where_holm_can_reject_first(comparisons, level):
    n = stats.fewest_seeds(comparisons, level)

    def best(n):
        return stats.holm([stats.smallest_p(n)] + [1.0] * (comparisons - 1))[0]

    assert best(n) <= level < best(n - 1)


def test_seeds_for_width():
    assert stats.seeds_for_width(20, 1.0, 0.5) == 80
    assert stats.seeds_for_width(20, 0.2, 0.5) == 20
    assert stats.seeds_for_width(20, INF, 0.5) is None
    with pytest.raises(ValueError, match="not positive"):
        stats.seeds_for_width(20, 1.0, 0.0)


def test_unpaired_samples_and_negative_ratios_are_refused():
    with pytest.raises(ValueError, match="same seeds: 2 and 3"):
        stats.differences([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="at least 0"):
        stats.log_ratios([-1.0], [1.0])
    with pytest.raises(ValueError, match="one axis"):
        stats.wilcoxon([[1.0, 2.0]])
