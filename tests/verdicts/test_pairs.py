"""Pairs, ranks and what counts as one: by hand and by scipy."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from bench import stats, verdicts
from bench.tables.headline import Headline
from bench.verdicts import pairs, profile, ranking, reversals, samples, target, words
from nncore.metrics import BUILT_IN_COLUMNS
from tests.problems import problem

RNG = np.random.default_rng(7)
SIX = np.exp(RNG.standard_normal((3, 12)) + np.array([[0.0], [0.8], [3.0]]))
SAMPLE = samples.Sample("p", ("a", "b", "c"), tuple(range(12)), SIX)
LINE = np.linspace(1, 2, 20)
SHAKE = np.tile([0.9, 1.1], 10)
TWINS = samples.Sample(
    "p", ("a", "b", "c"), tuple(range(20)), np.array([LINE, LINE, LINE * 2]), runs=("1", "1", "2")
)


def test_pairs_against_scipy() -> None:
    found = pairs.pairs([SAMPLE]).set_index(["a", "b"])
    for i, j in itertools.combinations(range(3), 2):
        row, a, b = found.loc[("abc"[i], "abc"[j])], SIX[i], SIX[j]
        assert row["a_better"] == (a < b).sum()
        assert row["share"] == np.mean(a < b)
        gaps = np.log(a / b)
        assert row["estimate"] == pytest.approx(np.median(gaps), rel=1e-12)
        exact = scipy.stats.wilcoxon(gaps, method="exact")
        assert row["wilcoxon_p"] == pytest.approx(exact.pvalue, rel=1e-10)
        # The sign test turned round: the ends are the innermost at 1 - 0.05 / 3 pairs.
        tail = scipy.stats.binom(12, 0.5).cdf
        k = max(k for k in range(12) if tail(k) <= 0.05 / 3 / 2)
        ordered = np.sort(gaps)
        assert (row["low"], row["high"]) == pytest.approx((ordered[k], ordered[-1 - k]))
    assert found.loc[("a", "c"), "better"] == "a"
    least = found.loc[("a", "c"), "least"]
    assert least == pytest.approx(1 - np.exp(found.loc[("a", "c"), "high"]))
    assert found.loc[("a", "b"), "answer"] == "cannot tell"
    assert found.loc[("a", "b"), "better"] == ""


def test_wilcoxon_no_longer_decides() -> None:
    # Far lower with a on 11 of 20 seeds, barely higher on 9: ranks tell, the median does not.
    skewed = np.concatenate([LINE[:11] / 50, LINE[11:] * 1.001])
    sample = samples.Sample("p", ("a", "b"), tuple(range(20)), np.array([skewed, LINE]))
    [row] = pairs.pairs([sample]).to_dict("records")
    assert row["wilcoxon_p"] < 0.05
    assert (row["answer"], row["better"]) == ("cannot tell", "")


def test_the_family_is_over_all_problems() -> None:
    # Seven of seven seeds are enough for a single pair, but not for each of nine.
    one = samples.Sample("p", ("a", "b"), tuple(range(7)), np.array([LINE[:7], LINE[:7] * 2]))
    assert pairs.pairs([one])["better"].item() == "a"
    many = [replace(one, problem=f"p{i}") for i in range(9)]
    found = pairs.pairs(many)
    assert (found.loc[found["problem"] != verdicts.ALL, "better"] == "").all()
    assert (found.loc[found["problem"] == verdicts.ALL, "answer"] == "").all()
    fixed = [one, *(replace(s, random=False) for s in many)]
    assert pairs.pairs(fixed)["better"].item() == "a"  # no randomness, no member


@pytest.mark.parametrize(
    ("margin", "answer"),
    [
        (stats.Margin(0.01), "better"),
        (stats.Margin(0.1), "better, by less than the margin"),
    ],
)
def test_better_has_a_size(margin: stats.Margin, answer: str) -> None:
    sample = samples.Sample("p", ("a", "b"), tuple(range(20)), np.array([LINE, LINE * 1.05]))
    row = pairs.pairs([replace(sample, margin=margin)]).iloc[0]
    assert (row["answer"], row["better"]) == (answer, "a")
    assert row["least"] == pytest.approx(1 - 1 / 1.05)
    shaken = samples.Sample("p", ("a", "b"), tuple(range(20)), np.array([LINE, LINE * SHAKE**0.1]))
    assert pairs.pairs([shaken])["answer"].item() == "the same"


def test_losses_that_may_be_negative_are_compared_by_differences() -> None:
    low = samples.Sample("p", ("a", "b"), tuple(range(20)), np.array([LINE - 9, LINE - 8.5]))
    row = pairs.pairs([low]).iloc[0]
    assert (row["scale"], row["margin"], row["better"]) == ("difference", 0.01, "a")
    assert row["least"] == pytest.approx(0.5)


def test_at_the_floor_nobody_wins() -> None:
    floor = samples.floor_of(problem("spiral"))
    losses = np.array([LINE * 0.5, LINE * 0.49, LINE * 1e6]) * floor
    sample = samples.Sample("p", ("a", "b", "c"), tuple(range(20)), losses, floor=floor)
    found = pairs.pairs([sample]).set_index(["a", "b"])
    assert found.loc[("a", "b"), ["ties", "better", "answer"]].tolist() == [20, "", "the same"]
    ranked = ranking.ranking([sample], found.reset_index(), {}, {}, {})
    [sentence] = words.verdicts(
        ranked, found.reset_index(), pd.DataFrame(columns=target.COLUMNS), [sample]
    )
    assert "a and b share the lowest" in sentence
    assert sentence.count("floor") == 1
    assert "They are better than c" in sentence
    assert "might" not in sentence


def test_the_winners_interval_holds_for_all_optimizers_together() -> None:
    row = ranking.ranking([SAMPLE], pairs.pairs([SAMPLE]), {}, {}, {}).iloc[0]
    ends = stats.median_interval(SIX[0], 1 - 0.05 / 3)
    assert [row["median"], row["median_low"], row["median_high"]] == [float(x) for x in ends]


def test_an_infinite_loss_loses_and_two_tie() -> None:
    losses = np.array([[1.0, np.inf, np.inf, 2.0], [np.inf, 1.0, np.inf, np.nan]])
    row = pairs.pairs([samples.Sample("p", ("a", "b"), (0, 1, 2, 3), losses)]).iloc[0]
    assert (row["seeds"], row["a_better"], row["ties"], row["b_better"]) == (3, 1, 1, 1)


def test_who_has_no_result_costs_the_others_no_correction() -> None:
    crashed = np.vstack([SIX[:2], np.full((1, 12), np.nan)])
    rows = pairs.pairs([samples.Sample("p", ("a", "b", "c"), tuple(range(12)), crashed)])
    [row] = rows[rows["seeds"] > 0].to_dict("records")
    _, low, high = stats.median_interval(np.log(SIX[0] / SIX[1]), 0.95)
    assert (row["low"], row["high"]) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_optimizers_of_the_same_trials_are_one() -> None:
    [row] = pairs.pairs([TWINS]).to_dict("records")
    assert (row["a"], row["b"], row["better"]) == ("a = b", "c", "a = b")
    # One pair, not three: the interval is that of a single one.
    _, low, high = stats.median_interval(np.full(20, np.log(0.5)) + 0 * LINE, 0.95)
    assert (row["low"], row["high"]) == (pytest.approx(float(low)), pytest.approx(float(high)))
    rows = ranking.ranking([TWINS], pairs.pairs([TWINS]), {}, {}, {("p", "a"): (7, "rate 1")})
    assert rows["optimizer"].tolist() == ["a = b", "c"]
    assert rows["rank"].tolist() == rows["mean_rank"].tolist() == [1.0, 2.0]
    assert rows["settings"].tolist() == ["rate 1", ""]
    assert rows["beaten_by"].tolist() == [0, 1]


def test_across_problems_those_are_one_that_are_one_on_each() -> None:
    apart = replace(TWINS, problem="q", data="q", runs=("1", "2", "3"))
    one, both = replace(TWINS, data="p"), replace(TWINS, problem="r", data="r")
    assert [s.label(0) for s in samples.block([one, both])] == ["a = b", "a = b"]
    assert samples.block([one, apart])[0].optimizers == ("a", "b", "c")
    across = pairs.pairs([one, both])
    across = across[across["problem"] == verdicts.ALL]
    assert across[["a", "b"]].to_numpy().tolist() == [["a = b", "c"]]


def test_problems_on_the_same_data_count_once() -> None:
    found = [replace(SAMPLE, problem=name, data=name[0]) for name in ("spiral", "blobs", "spirals")]
    assert [s.problem for s in samples.block(found)] == ["spiral", "blobs"]
    assert samples.aside(found) == {"spirals": "spiral"}
    assert not samples.block([found[0], found[2]])  # one problem is none to put together
    # Of two on the same data that one takes part on which more optimizers meet.
    few = replace(found[0], optimizers=("x", "b", "c"))
    assert [s.problem for s in samples.block([few, *found[1:]])] == ["blobs", "spirals"]
    told = words.verdicts(
        ranking.ranking(found, pairs.pairs(found), {}, {}, {}),
        pairs.pairs(found),
        pd.DataFrame(columns=target.COLUMNS),
        found,
        again=samples.aside(found),
    )
    assert "spirals does not count beside spiral, on the same data." in told[-1]


def test_profiles_count_the_same_data_once() -> None:
    rows = [(p, o, s, 1 + (o == "b")) for p in ("p", "q", "r") for o in "ab" for s in range(3)]
    costs = pd.DataFrame(rows, columns=["problem", "optimizer", "seed", "cost"])
    costs = costs.assign(metric="train_loss")
    assert set(profile.profile(costs)["runs"]) == {9}
    assert set(profile.profile(costs, data={"p": "x", "q": "y", "r": "x"})["runs"]) == {6}


ACCURACY = Headline("final", "validation_accuracy", BUILT_IN_COLUMNS["validation_accuracy"])


def test_scores_are_compared_by_differences_and_told_as_they_are() -> None:
    low, high = np.linspace(0.5, 0.6, 20), np.linspace(0.7, 0.8, 20)
    sample = samples.Sample(
        "p", ("a", "b"), tuple(range(20)), -np.array([low, high]), headline=ACCURACY
    )
    found = pairs.pairs([sample])
    [row] = found.to_dict("records")
    assert (row["scale"], row["margin"], row["metric"]) == ("difference", 0.01, ACCURACY.name)
    assert (row["answer"], row["better"]) == ("better", "b")
    assert [row[name] for name in ("estimate", "low", "high")] == pytest.approx([-0.2] * 3)
    assert (row["least"], row["b_better"]) == (pytest.approx(0.2), 20)
    ranked = ranking.ranking([sample], found, {}, {}, {}).set_index("optimizer")
    assert ranked["median"].to_dict() == pytest.approx({"a": 0.55, "b": 0.75})
    assert (ranked["median_low"] < ranked["median"]).all()
    assert (ranked["iqm"] < ranked["iqm_high"]).all()
    assert ranked["rank"].to_dict() == {"a": 2, "b": 1}
    empty = pd.DataFrame(columns=target.COLUMNS)
    [sentence] = words.verdicts(ranked.reset_index(), found, empty, [sample])
    assert "b has the highest median final validation accuracy 0.75" in sentence
    assert "better than a, by at least 0.2" in sentence


def test_who_is_ahead_in_other_metrics_is_told() -> None:
    rows = [(o, s, "ok", f"{o}{s}") for o in "ab" for s in range(20)]
    judged = pd.DataFrame(rows, columns=["optimizer", "seed", "status", "key"])
    first, second = LINE, LINE * 2
    judged = judged.assign(problem="p", final_train_loss=np.r_[first, second])
    judged["final_validation_loss"] = judged["final_test_loss"] = np.r_[second, first]
    judged["final_test_accuracy"] = np.r_[first, second] / 9  # b is ahead here, too
    judged["final_validation_accuracy"] = np.r_[second, first] / 9
    found = samples.samples(judged)
    turned = reversals.reversals(judged, found, BUILT_IN_COLUMNS)
    name, metrics = turned["p"]
    assert name == "b"
    assert [each.column for each in metrics] == [
        "validation_loss", "test_loss", "test_accuracy"
    ]  # fmt: skip
    compared = pairs.pairs(found)
    ranked = ranking.ranking(found, compared, {}, {}, {})
    empty = pd.DataFrame(columns=target.COLUMNS)
    [sentence] = words.verdicts(ranked, compared, empty, found, reversals=turned)
    assert "final validation loss, final test loss and final test accuracy, though, b" in sentence
    # At the floor of the loss there is nothing to tell, nor within what seeds may do.
    floors = {"p": samples.Terms(floor=9.0)}
    [(_, at_floor)] = reversals.reversals(judged, found, BUILT_IN_COLUMNS, (), floors).values()
    assert [each.column for each in at_floor] == ["test_accuracy"]
    judged["final_test_loss"] = np.r_[first, first * np.tile([0.9, 1.09], 10)]
    unsure = judged.drop(columns=["final_validation_loss", "final_test_accuracy"])
    assert not reversals.reversals(unsure, found, BUILT_IN_COLUMNS)


def test_equal_mean_ranks_share_the_best() -> None:
    losses = np.array([LINE, LINE + np.tile([1, -0.5], 10)])
    found = [samples.Sample(p, ("b", "a"), tuple(range(20)), losses) for p in "pq"]
    compared = pairs.pairs(found)
    ranked = ranking.ranking(found, compared, {}, {}, {})
    told = words.verdicts(ranked, compared, pd.DataFrame(columns=target.COLUMNS), found)
    assert told[-1] == "all problems: b and a share the best mean rank, 1.50."
