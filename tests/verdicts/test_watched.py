"""Seeds that were added until pairs were decided: what intervals hold then, and advice else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bench import stats
from bench.verdicts import pairs, ranking, samples, words

RNG = np.random.default_rng(11)
LOSSES = np.exp(RNG.standard_normal((3, 40)) + np.array([[0.0], [0.5], [4.0]]))


def sample(losses: Any, name: str = "p") -> samples.Sample:
    losses = np.asarray(losses)
    optimizers = tuple("abc"[: len(losses)])
    return samples.Sample(name, optimizers, tuple(range(losses.shape[1])), losses)


def told(found: Sequence[samples.Sample], **how: Any) -> tuple[Any, str]:
    """The pairs of some samples, and what is said of them."""
    rows = pairs.pairs(found, **how)
    order = ranking.ranking(found, rows, {}, {}, {}, **how)
    times = rows.iloc[:0].assign(optimizer="")
    return rows, " ".join(words.verdicts(order, rows, times, found))


def test_pairs_are_decided_by_what_may_be_watched() -> None:
    found = pairs.pairs([sample(LOSSES)], watched=True).set_index(["a", "b"])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        gaps = stats.log_ratios(LOSSES[i], LOSSES[j])
        expected = stats.median_sequence(gaps, 1 - 0.05 / 3)
        assert tuple(found.loc[("abc"[i], "abc"[j]), ["low", "high"]]) == expected
    fixed = pairs.pairs([sample(LOSSES)]).set_index(["a", "b"])
    assert (found["high"] - found["low"] > fixed["high"] - fixed["low"]).all()


def test_a_pair_without_seeds_may_still_get_some() -> None:
    """Who crashed so far stays in the family while seeds are added: it does not grow by looking."""
    crashed = LOSSES.copy()
    crashed[2] = np.nan
    both = pairs.pairs([sample(crashed)], watched=True)
    gaps = stats.log_ratios(LOSSES[0], LOSSES[1])
    assert (both["low"][0], both["high"][0]) == stats.median_sequence(gaps, 1 - 0.05 / 3)
    assert pairs.asked(both) == 1


def test_medians_hold_for_all_optimizers_and_at_all_numbers_of_seeds() -> None:
    found = sample(LOSSES)
    rows = ranking.ranking([found], pairs.pairs([found]), {}, {}, {}, watched=True)
    for losses, (_, row) in zip(LOSSES, rows.iterrows(), strict=True):
        expected = stats.median_sequence(losses, 1 - 0.05 / 3)
        assert (row["median_low"], row["median_high"]) == expected


@pytest.mark.parametrize("watched", [True, False])
def test_too_few_seeds_are_said_at_their_own_number(watched: bool) -> None:
    """Watched, they are more."""
    few = [sample(LOSSES[:, :7], f"p{i}") for i in range(20)]
    rows, text = told(few, watched=watched)
    least = {True: stats.fewest_watched(60), False: stats.fewest_seeds(60)}[watched]
    assert (rows["fewest_seeds"].dropna() == least).all()
    assert f"7 seeds can never tell any of 60 pairs apart; {least} could" in text


def test_the_fewest_are_those_that_can_tell() -> None:
    for count in (1, 9, 96):
        n = stats.fewest_watched(count)
        for seeds, able in ((n, True), (n - 1, False)):
            found = stats.compare([5.0] * seeds, 0.1, 1 - 0.05 / count, watched=True)
            assert found.decided == able


def test_advice_is_given_where_it_is_known_and_no_seeds_are_added() -> None:
    # On 29 of 40 seeds the first is lower: not enough to tell it, enough for a range.
    ahead = np.where(np.arange(40) < 29, 1.0, 3.0)
    found = [sample([ahead, np.full(40, 2.0)], f"p{i}") for i in range(10)]
    rows, text = told(found)
    row = rows.iloc[0]
    gaps = np.log(ahead / 2)
    assert row["answer"] == "cannot tell"
    expected = stats.seeds_advised(gaps, -np.log(0.9), 10)
    assert (row["advised_low"], row["advised_high"]) == expected
    assert "might decide" in text
    watched, text = told(found, watched=True)
    assert watched[["advised_low", "advised_high"]].isna().all(axis=None)
    assert "might decide" not in text
    level = [sample([np.tile([1.0, 3.0], 20), np.full(40, 2.2)])]
    rows, text = told(level)
    assert rows[["advised_low", "advised_high"]].isna().all(axis=None)
    assert "cannot be told apart with 40 seeds." in text


def test_what_is_promised_together() -> None:
    rows = pairs.pairs([sample(LOSSES)], watched=True)
    [line] = words.together(rows, watched=True)
    assert "all 3 pairs" in line
    assert "whichever round" in line
    assert "round" not in words.together(rows)[0]
    assert "at least 95%" in line
    assert "the same seeds chose them" not in line
    assert "the same seeds chose them" in words.together(rows, same_seeds=True)[0]
