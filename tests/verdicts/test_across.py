"""Across problems: who is first without which, what a new one may say, who is not told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.verdicts import across, pairs, ranking, samples, separation, target, words
from bench.verdicts.samples import ALL

LINE = np.linspace(1, 2, 20)
NONE = pd.DataFrame(columns=target.COSTS)


def sample(problem: str, *factors: float, floor: float = 0.0) -> samples.Sample:
    names = tuple("abcdef"[: len(factors)])
    costs = np.array([LINE * factor for factor in factors])
    return samples.Sample(problem, names, tuple(range(20)), costs, floor=floor)


# a wins twice, b once by being the best where a is the last.
FOUND = [sample("p", 1, 2, 3), sample("q", 1, 2, 3), sample("r", 3, 1, 2)]


def told(found: list[samples.Sample], more: float = 0.0) -> str:
    """What is told of all problems, with the first one's chance raised by a hair."""
    compared = pairs.pairs(found)
    ranked = ranking.ranking(found, compared, {}, {}, {})
    over = across.across(samples.block(found))
    over.loc[0, "best_next"] += more
    times = pd.DataFrame(columns=target.COLUMNS)
    return words.verdicts(ranked, compared, times, found, over=over)[-1]


def test_ranks_and_chances_by_hand() -> None:
    rows = across.across(samples.block(FOUND)).set_index("optimizer")
    assert rows["mean_rank"].to_dict() == pytest.approx({"a": 5 / 3, "b": 5 / 3, "c": 8 / 3})
    assert rows["rank_of_medians"].to_dict() == pytest.approx({"a": 5 / 3, "b": 5 / 3, "c": 8 / 3})
    assert rows["best_next"].to_dict() == pytest.approx({"a": 7 / 12, "b": 4 / 12, "c": 1 / 12})
    assert rows["first_without"].to_dict() == {"a": "r", "b": "p; q", "c": ""}
    assert set(rows["problems"]) == {3}
    whole = ranking.ranking(FOUND, pairs.pairs(FOUND), {}, {}, {})
    ends = ["mean_rank", "mean_rank_low", "mean_rank_high"]
    mine = whole[whole["problem"] == ALL].set_index("optimizer")
    pd.testing.assert_frame_equal(mine[ends], rows[ends])


def test_words_name_the_problems_on_which_the_best_rank_hangs() -> None:
    text = told([sample("p", 1, 2), sample("q", 1, 2), sample("r", 3, 1), sample("s", 1, 1.5)])
    # Four problems do not know it: the interval meets that of b.
    assert "a may be the best, with a probability of 70% (" in text
    assert "stays where it is whichever problem is left out" in text
    text = told([sample("p", 1, 3, 2), sample("q", 2, 1, 3)])
    assert "hangs on single problems: without p it is b." in text
    # To draw level is not to overtake.
    text = told([sample("p", 1, 2, 3), sample("q", 2, 1, 3), sample("r", 1, 3, 2)])
    assert "stays where it is" in text


def test_chances_that_are_equal_have_no_winner_by_alphabet() -> None:
    text = told([sample("p", 1, 2, 3), sample("q", 2, 1, 3)])
    assert "a and b may each be the best, with a probability of" in text
    # So have chances that are told alike.
    assert text == told([sample("p", 1, 2, 3), sample("q", 2, 1, 3)], more=1e-4)


def test_who_is_the_most_likely_is_told_where_it_is_known() -> None:
    text = told([sample(str(i), 1, 2) for i in range(40)])
    assert "a is the most likely to be the best, with a probability of 99%" in text


def test_one_problem_is_nothing_across() -> None:
    assert across.across(samples.block(FOUND[:1])).empty


@pytest.mark.parametrize(
    ("found", "reached", "why"),
    [
        (sample("p", 1e-9, 2e-9, 3, floor=1e-8), [], "at its floor"),
        (sample("p", 1, 2, 3, floor=1e-8), [], ""),
        (sample("p", 1, 2), [1, 2, 2], "first 2% of the epochs"),
        (sample("p", 1, 2), [1, 2, 3], ""),
        (sample("p", 1, 2), [1, 2, np.inf], ""),
    ],
)
def test_problems_that_tell_nobody_apart_are_found(
    found: samples.Sample, reached: list[float], why: str
) -> None:
    where = {"problem": "p", "metric": "train_loss", "budget": 100.0}
    times = pd.DataFrame({**where, "cost": reached}) if reached else NONE
    ranked = ranking.ranking([found], pairs.pairs([found]), {}, {}, {})
    reasons = separation.unseparated([found], times, ranked)
    assert bool(reasons) == bool(why)
    assert why in " ".join(reasons.get("p", []))


def test_scores_that_are_all_one_tell_nobody_apart() -> None:
    found = sample("p", 1, 2)
    starts = {"p": dict.fromkeys(range(20), 9.0)}
    for goal, expected in ((5.0, True), (1.5, False)):
        ranked = ranking.ranking([found], pairs.pairs([found]), starts, {"p": goal}, {})
        reasons = separation.unseparated([found], NONE, ranked)
        assert ("scores are 1" in " ".join(reasons.get("p", []))) is expected
