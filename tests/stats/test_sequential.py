"""Confidence sequences: their evidence against an integral, their error against simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from bench import stats
from bench.stats.sequential import (
    fewest_above,
    log_evidence,
    median_sequence,
    median_sequences,
    share_sequence,
)


@pytest.mark.parametrize(("above", "n"), [(0, 1), (1, 1), (5, 9), (9, 9), (30, 40), (0, 12)])
def test_the_evidence_is_the_mean_capital_over_stakes(above, n):
    capital, _ = quad(lambda q: 2 * (2 * q) ** above * (2 - 2 * q) ** (n - above), 0.5, 1)
    assert log_evidence(above, n) == pytest.approx(math.log(capital), abs=1e-9)


def test_a_fair_coin_wins_nothing_on_average():
    """The capital is a martingale at q = 1/2: its mean after n fair values is 1."""
    for n in (1, 7, 40):
        chances = [math.comb(n, k) / 2**n * math.exp(log_evidence(k, n)) for k in range(n + 1)]
        assert sum(chances) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("n", [8, 13, 57, 200, 1000])
@pytest.mark.parametrize("level", [0.025, 1e-4])
def test_the_fewest_is_where_the_evidence_first_suffices(n, level):
    enough = [k for k in range(n + 1) if log_evidence(k, n) >= -math.log(level)]
    assert fewest_above(n, level) == (enough[0] if enough else None)


@pytest.mark.parametrize("level", [0.025, 0.05 / 60, 0.05 / 192])
def test_a_fair_coin_crosses_the_bound_no_more_often_than_promised(level):
    """Exactly, over all of the first 400 values: by counting every way to get there."""
    reach = np.zeros(402)  # the chance of each count, the bound not crossed yet
    reach[0], crossed = 1.0, 0.0
    for n in range(1, 401):
        reach[1:] = (reach[1:] + reach[:-1]) / 2
        reach[0] /= 2
        needed = fewest_above(n, level)
        if needed is not None:
            crossed += reach[needed:].sum()
            reach[needed:] = 0
    assert crossed + reach.sum() == pytest.approx(1)
    assert 0.3 * level < crossed <= level


def test_every_order_of_few_values_counts_as_often_as_it_should():
    """All 2^12 signs of the first 12 values, one by one: the median is missed in few of them."""
    confidence = 0.9
    missed = 0
    for signs in itertools.product((-1.0, 1.0), repeat=12):
        *_, (low, high) = median_sequences(signs, confidence)
        missed += not low <= 0 <= high
    assert 0 < missed <= (1 - confidence) * 2**12


def test_it_is_the_intersection_of_the_intervals_of_each_number():
    values = np.random.default_rng(5).standard_cauchy(90)
    low, high = -math.inf, math.inf
    for n, found in enumerate(median_sequences(values), start=1):
        needed = fewest_above(n, 0.025)
        if needed is not None:
            ordered = np.sort(values[:n])
            low, high = max(low, ordered[n - needed]), min(high, ordered[needed - 1])
        assert found == (low, high) == median_sequence(values[:n])


def test_a_sequence_that_has_missed_begins_again():
    """First all values lie at 1, then all at 0: the median of all is no longer at 1."""
    values = [1.0] * 10 + [0.0] * 60
    assert median_sequence(values[:10]) == (1.0, 1.0)
    assert median_sequence(values)[0] == 0.0


LAWS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "half ties at 0": lambda rng, n: rng.standard_normal(n) * (rng.random(n) < 0.5),
    "infinities": lambda rng, n: np.where(
        rng.random(n) < 0.3, np.inf, rng.standard_normal(n) - 0.57
    ),
}


@pytest.mark.parametrize("law", LAWS)
def test_watched_after_every_seed_it_misses_no_more_than_promised(law):
    rng = np.random.default_rng(7)
    truth = {"infinities": np.quantile(rng.standard_normal(1_000_000), 0.5 / 0.7) - 0.57}.get(
        law, 0
    )
    missed = 0
    for _ in range(400):
        values = LAWS[law](rng, 150)
        low, high = median_sequence(values, 0.95)
        missed += not low <= truth <= high
    # Twenty of 400 are promised; 35 would be three and a half deviations above.
    assert missed < 35


def test_an_interval_for_a_fixed_number_would_not_survive_being_watched():
    """The reason for all this: looked at after every seed, the ordinary interval errs far more."""
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(200):
        values = rng.standard_normal(100)
        ends = (stats.median_interval(values[:n])[1:] for n in range(6, 101))
        missed += any(not low <= 0 <= high for low, high in ends)
    assert missed > 30


def test_it_never_widens_and_ends_are_values():
    values = np.random.default_rng(1).standard_normal(60)
    ends = [median_sequence(values[:n]) for n in range(1, 61)]
    assert all(b[0] >= a[0] and b[1] <= a[1] for a, b in itertools.pairwise(ends))
    assert set(ends[-1]) <= set(values)


def test_too_few_values_say_nothing():
    assert median_sequence([1.0] * 7) == (-math.inf, math.inf)
    assert median_sequence([1.0] * 8) == (1.0, 1.0)


@pytest.mark.parametrize("successes", [[1], [0, 1, 1], [0] * 9, [1, 0] * 20])
def test_the_ends_of_a_share_are_where_its_evidence_is(successes):
    """Before anything is intersected: of one look, the ends solve the equation."""
    [only] = [successes] if len(successes) == 1 else [None]
    n, k = len(successes), sum(successes)

    def capital(p):
        mean, _ = quad(lambda q: q**k * (1 - q) ** (n - k), 0, 1)
        return mean / (p**k * (1 - p) ** (n - k))

    low, high = share_sequence(successes, 0.95)
    assert 0 <= low <= k / n <= high <= 1
    for end in {low, high} - {0.0, 1.0} if only else ():
        assert capital(end) == pytest.approx(20, rel=1e-6)
    inside = [p for p in (low + 1e-6, high - 1e-6) if 0 < p < 1]
    assert all(capital(p) < 20 for p in inside)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_watched_share_is_missed_at_any_time_in_few_experiments(share):
    rng = np.random.default_rng(3)
    tries = (rng.random((200, 40)) < share).astype(float)
    missed = sum(not low <= share <= high for low, high in map(share_sequence, tries))
    assert missed <= 200 * 0.05 + 3 * math.sqrt(200 * 0.05 * 0.95)
