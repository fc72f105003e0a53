"""Statements about problems that are not at hand: intervals, chances, critical differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from bench import stats

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("k", [2, 3, 5, 9, 20])
@pytest.mark.parametrize("level", [0.05, 0.1])
def test_the_critical_difference_is_the_studentized_ranges(k: int, level: float) -> None:
    reach = scipy.stats.studentized_range.ppf(1 - level, k, np.inf)
    assert stats.studentized_range(1 - level, k) == pytest.approx(reach, rel=1e-5)
    expected = reach / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * 14))
    assert stats.critical_difference(k, 14, level) == pytest.approx(expected, rel=1e-5)


def test_groups_are_all_that_differ_by_less_and_no_smaller_ones() -> None:
    for _ in range(200):
        ranks = RNG.uniform(1, 6, RNG.integers(2, 8))
        difference = float(RNG.uniform(0.2, 3))
        found = [set(group.tolist()) for group in stats.together(ranks, difference)]
        near = [
            set(some)
            for size in range(2, len(ranks) + 1)
            for some in itertools.combinations(range(len(ranks)), size)
            if np.ptp(ranks[list(some)]) < difference
        ]
        largest = [one for one in near if not any(one < other for other in near)]
        assert sorted(map(sorted, found)) == sorted(map(sorted, largest))


def test_intervals_speak_of_problems_not_of_seeds() -> None:
    # Of two problems each is one's: however many seeds, nobody knows about a third.
    ranks = np.stack([np.stack([np.full(500, 1.0), np.full(500, 2.0)])] * 2)
    ranks[1] = 3 - ranks[1]
    mean, low, high = stats.hierarchical_interval(ranks, (1, 2), np.random.default_rng(0))
    assert mean.tolist() == [1.5, 1.5]
    assert (low < 1.1).all()
    assert (high > 1.9).all()
    # Many problems and one seed each: as the interval of so many values.
    many = RNG.choice([1.0, 2.0], (1, 40, 1))
    _, low, high = stats.hierarchical_interval(many, (1, 2), np.random.default_rng(0))
    exact = stats.share_interval(int((many == 2).sum()), 40)
    assert (low[0] - 1, high[0] - 1) == pytest.approx([float(x) for x in exact], abs=0.02)


def test_the_hierarchical_interval_covers_the_mean_over_problems() -> None:
    rng, covered = np.random.default_rng(1), []
    for _ in range(300):
        effects = rng.standard_normal((3, 6, 1))
        ranks = stats.ranks(effects + 0.5 * rng.standard_normal((3, 6, 10)))
        _, low, high = stats.hierarchical_interval(ranks, (1, 3), rng, resamples=399)
        covered.append(low[0] <= 2 <= high[0])
    assert np.mean(covered) >= 0.93


def test_the_chance_on_a_new_problem_by_hand() -> None:
    # The first is the best on three problems of four, the last never.
    costs = np.ones((3, 4, 9)) * np.array([[1.0], [2.0], [3.0]])[:, :, None]
    costs[1, 3] = 0.5
    best, low, high = stats.best_on_next(costs, np.random.default_rng(0), resamples=50)
    assert best == pytest.approx(np.array([3, 1, 0]) / 5 + 1 / 15)
    for count, ends in zip((3, 1, 0), zip(low, high, strict=True), strict=True):
        law = scipy.stats.beta(count + 1 / 3, 5 - count - 1 / 3)
        assert ends == pytest.approx(law.ppf([0.025, 0.975]))
    # Equal ones share, also where nobody ends finite.
    equal, *_ = stats.best_on_next(np.full((4, 2, 5), np.inf), np.random.default_rng(0))
    assert equal == pytest.approx([0.25] * 4)
    noisy, *_ = stats.best_on_next(RNG.standard_normal((5, 7, 10)), np.random.default_rng(0))
    assert noisy.sum() == pytest.approx(1)


def test_nothing_is_made_of_nothing() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="outside"):
        stats.hierarchical_interval(np.zeros((2, 3, 4)), (1, 2), rng)
    with pytest.raises(ValueError, match="NaN"):
        stats.best_on_next(np.full((2, 2, 2), np.nan), rng)
    with pytest.raises(ValueError, match="2 optimizers"):
        stats.best_on_next(np.ones((1, 2, 2)), rng)
