"""Crashed runs: nobody is chosen, ranked or called better by survivors, or by a machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import stats
from bench.tables.best import best_rows, best_trials
from bench.tables.headline import MEDIAN, Headline, Headlines
from bench.tables.summary import summary_frame
from bench.verdicts import pairs, ranking, samples, target, words
from nncore.metrics import BUILT_IN_COLUMNS

RNG = np.random.default_rng(2)
SEEDS = 20
LOW = np.exp(0.02 * RNG.standard_normal(SEEDS))
HIGH = 3 * np.exp(0.02 * RNG.standard_normal(SEEDS))
ACCURACY = Headline("final", "train_accuracy", BUILT_IN_COLUMNS["train_accuracy"])


def sample(a: Any, b: Any, crashed: dict[int, int], headline: Headline | None = None) -> Any:
    """Two optimizers; of that number as many runs crashed as `crashed` says, the first ones."""
    costs, gone = np.array([a, b], dtype=float), np.zeros((2, len(a)), bool)
    for place, count in crashed.items():
        gone[place, :count] = True
    costs[gone] = np.nan
    seeds = tuple(range(len(a)))
    headline = headline or Headline()
    return samples.Sample("p", ("a", "b"), seeds, costs, headline=headline, crashed=gone)


def row(one: Any) -> dict[str, Any]:
    [found] = pairs.pairs([one]).to_dict("records")
    return found


ANSWERS = {
    "nobody": ({}, "better"),
    "a few of the better one's": ({0: 3}, "better"),
    "a few of the worse one's": ({1: 3}, "better"),
    "most of the better one's": ({0: 12}, "cannot tell"),
    "most of the worse one's": ({1: 12}, "cannot tell"),
    "some of both": ({0: 6, 1: 6}, "cannot tell"),
}


@pytest.mark.parametrize("who", ANSWERS)
def test_survivors_decide_only_what_no_crashed_run_could_turn(who: str) -> None:
    crashed, answer = ANSWERS[who]
    found = row(sample(LOW, HIGH, crashed))
    assert found["answer"] == answer
    assert found["better"] == ("a" if answer == "better" else "")
    assert found["crashed"] == max([0, *crashed.values()])
    assert found["seeds"] == found["a_better"] == SEEDS - found["crashed"]


@pytest.mark.parametrize("crashed", [{0: 4}, {1: 4}, {0: 2, 1: 5}])
@pytest.mark.parametrize("watched", [False, True])
def test_the_interval_encloses_that_of_whatever_might_have_been(
    crashed: dict[int, int], watched: bool
) -> None:
    one = sample(LOW, HIGH, crashed)
    [(_, _, _, told)] = pairs.decisions([one], watched=watched)
    assert told is not None
    seen = []
    for fill in (0.0, np.inf, 1.0):
        for other in (0.0, np.inf, 1.0):
            full = np.where(one.gone, [[fill], [other]], one.costs)
            gaps = stats.log_ratios(*full)
            seen.append(stats.held(gaps, 0.95, watched=watched)[1:])
    low, high = np.array(seen).T
    assert told.low == low.min()
    assert told.high == high.max()


def test_a_run_that_is_still_to_be_trained_is_no_crash() -> None:
    costs = np.array([LOW, HIGH])
    costs[0, :8] = np.nan
    found = row(samples.Sample("p", ("a", "b"), tuple(range(SEEDS)), costs))
    assert (found["crashed"], found["seeds"], found["answer"]) == (0, 12, "better")


@pytest.mark.parametrize("headline", [Headline(), ACCURACY])
def test_ranks_and_medians_count_a_crash_as_the_worst(headline: Headline) -> None:
    costs = (LOW, HIGH) if headline.quantity.lower else (-0.1 * HIGH, -0.1 * LOW)
    one = sample(*costs, {0: 12}, headline)
    found = ranking.ranking([one], pairs.pairs([one]), {}, {}, {}).set_index("optimizer")
    assert found["rank"].to_dict() == {"a": 2, "b": 1}
    assert found.loc["a", "median"] == headline.quantity.worst
    assert found["crashed"].to_dict() == {"a": 12, "b": 0}
    assert found["seeds"].to_dict() == {"a": SEEDS, "b": SEEDS}
    assert found.loc["a", "mean_rank"] == pytest.approx((12 * 2 + 8) / SEEDS)
    assert found.loc["b", "first_share"] == 12 / SEEDS


def test_the_verdict_names_the_winner_s_crashes() -> None:
    one = sample(LOW, HIGH, {0: 3})
    compared = pairs.pairs([one])
    rows = ranking.ranking([one], compared, {}, {}, {})
    [told] = words.verdicts(rows, compared, pd.DataFrame(columns=target.COLUMNS), [one])
    assert "a has the lowest" in told
    assert "It crashed on 3 of 20 seeds." in told


def test_no_configuration_is_chosen_by_its_survivors() -> None:
    parts = [
        {"configuration": 0, "final_train_loss": LOW, "status": ["crashed"] * 12 + ["ok"] * 8},
        {"configuration": 1, "final_train_loss": HIGH, "status": "ok"},
        {"configuration": 2, "final_train_loss": np.nan, "status": "crashed"},
    ]
    trials = pd.concat([pd.DataFrame({**part, "seed": range(SEEDS)}) for part in parts])
    trials.loc[trials["status"] == "crashed", "final_train_loss"] = np.nan
    trials = trials.assign(problem="p", optimizer="a", rule="sgd", learning_rate=0.1)
    trials = trials.assign(trial=range(len(trials)), above_constant=False, improved=True)
    order = ["trial", "problem", "optimizer", "rule", "configuration", "seed", "learning_rate"]
    rest = [c for c in trials if c not in order and c != "status"]
    trials = Headlines().costed(trials[[*order, "status", *rest]].reset_index(drop=True))
    assert set(best_trials(trials)["configuration"]) == {1}
    summary = summary_frame(trials)
    assert best_rows(summary)["configuration"].tolist() == [1]
    assert summary[MEDIAN].tolist()[0] == np.inf
    # Of the metric itself the median is that of what was measured; where all crashed there is none.
    assert summary["final_train_loss_median"][0] == pytest.approx(np.median(LOW[12:]))
    assert np.isnan(summary[MEDIAN][2])
