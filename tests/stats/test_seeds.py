"""Numbers of seeds: against the power of exact tests, and ranges against what is true."""

import numpy as np
import pytest
import scipy.stats

from bench import stats

MARGIN = 0.1


def power(n: int, share: float, level: float) -> float:
    """The chance that a two-sided sign test of n seeds finds a majority of `share`."""
    fewest = next(k for k in range(n + 2) if scipy.stats.binom.sf(k - 1, n, 0.5) <= level / 2)
    return float(scipy.stats.binom.sf(fewest - 1, n, share))


@pytest.mark.parametrize(
    ("share", "comparisons"), [(0.58, 1), (0.65, 1), (0.58, 30), (0.65, 30), (0.75, 30), (0.9, 30)]
)
def test_a_majority_is_found_with_the_power_that_is_promised(share, comparisons):
    n = int(stats.seeds_to_find(share, comparisons))
    # An exact test jumps from n to n + 1: around the number it has about 80%.
    around = [power(n + more, share, 0.05 / comparisons) for more in range(-3, 4)]
    assert 0.74 < np.mean(around) < 0.86
    assert n >= stats.fewest_seeds(comparisons)


def test_no_majority_is_never_found():
    assert stats.seeds_to_find(0.5) == stats.seeds_to_find(0.2) == np.inf
    assert stats.seeds_to_find(1.0, 30) == stats.fewest_seeds(30)


def test_whichever_answer_takes_fewer_seeds_counts():
    lead, same = [0.9, 0.1, 0.9, 0.5], [0.5, 0.5, 0.95, 0.9]
    assert stats.seeds_to_decide(lead) == stats.seeds_to_find(0.9)
    assert stats.seeds_to_decide(same) == stats.seeds_to_find(0.9, power=0.9)
    assert stats.seeds_to_decide([0.1, 0.9, 0.5, 0.9]) == stats.seeds_to_decide(lead)
    assert stats.seeds_to_decide([0.5, 0.5, 0.95, 0.5]) == np.inf


def test_advice_is_a_range_around_the_truth_or_none():
    """Of a law whose shares are known, in most samples with advice and in nearly all without."""
    rng = np.random.default_rng(3)
    cases = ((1.0, True), (0.0, False))
    for shift, known in cases:
        law = scipy.stats.norm(shift)
        shares = law.cdf(0), law.sf(0), law.cdf(MARGIN), law.sf(-MARGIN)
        needed = stats.seeds_to_decide(shares, 30)
        ranges = [stats.seeds_advised(d, MARGIN, 30) for d in law.rvs((300, 20), rng)]
        given = [ends for ends in ranges if ends is not None]
        assert (len(given) > 150) == known
        assert sum(not low <= max(needed, 20) <= high for low, high in given) <= 0.05 * 300
        assert all(20 <= low <= high <= 2_000 for low, high in given)


def test_advice_depends_on_no_names_and_no_scale():
    d = np.random.default_rng(0).normal(0.8, 1, 25)
    found = stats.seeds_advised(d, MARGIN, 10)
    assert found is not None
    assert stats.seeds_advised(-d, MARGIN, 10) == found
    assert stats.seeds_advised(7 * d, 7 * MARGIN, 10) == found
    lost = np.where(d > 1, np.inf, d)
    assert stats.seeds_advised(lost, MARGIN, 10) == found


def test_without_a_majority_or_with_few_seeds_there_is_no_advice():
    assert stats.seeds_advised([1.0], MARGIN) is None
    assert stats.seeds_advised([0.5, -0.5] * 20, MARGIN) is None
    assert stats.seeds_advised([np.inf, -np.inf], MARGIN) is None
    # All within the margin: the same, whatever the signs.
    assert stats.seeds_advised([0.05, -0.05] * 20, MARGIN) is not None
    with pytest.raises(ValueError, match="not positive"):
        stats.seeds_advised([1.0], 0.0)


def test_seeds_to_place_are_those_that_would_decide():
    rng = np.random.default_rng(11)
    law = rng.normal(0.4, 1, 20)
    # A range without an upper end: the sign of the differences from the lower one.
    found = stats.seeds_to_place(law, -0.5, np.inf)
    assert found is not None
    low, high = found
    assert 20 <= low <= high <= 2000
    # Beyond all doubt the seeds there are suffice; in doubt nobody knows.
    assert stats.seeds_to_place(law, -9.0, 9.0) == (20, 20)
    assert stats.seeds_to_place(law, 9.0, 10.0) == (20, 20)
    assert stats.seeds_to_place(law, float(np.median(law)), np.inf) is None
    fewer, more = (stats.seeds_to_place(law, -0.9, np.inf, m) for m in (1, 50))
    assert fewer is not None
    assert more is not None
    assert fewer[1] < more[1]
