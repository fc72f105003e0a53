"""Who is better, how sure that is, what may mislead: tables and sentences, by hand and by scipy."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from bench import verdicts
from bench.tables.best import best_trials
from bench.tables.headline import MEDIAN
from bench.verdicts import audit, budget, pairs, profile, ranking, samples, target, words
from tests.frames import SPACES, TASKS, Frames, cases, costed, frames

LINE = np.linspace(1, 2, 20)
SHAKE = np.tile([0.9, 1.1], 10)
TARGETS = {"spiral": {"train_loss": 0.1}, "vertical": {"train_loss": 0.5, "train_accuracy": 0.8}}
FIXED = frozenset({"neuron"})


def judge(some: Any, **changes: Any) -> verdicts.Verdicts:
    planned = Counter(some.trials["problem"])
    given = {"targets": TARGETS, "planned": planned, "fixed": FIXED, **changes}
    return verdicts.judge(some.timed(given["targets"]).tables, **given)


@pytest.fixture(scope="module")
def normal() -> Any:
    return frames(TASKS, SPACES, 12)


@pytest.fixture(scope="module")
def judged(normal: Any) -> verdicts.Verdicts:
    return judge(normal)


def test_ranks_against_scipy(normal: Any, judged: verdicts.Verdicts) -> None:
    found = samples.samples(normal.trials[normal.trials["learning_rate"] == 0.01], FIXED)
    assert [s.problem for s in found if s.random] == ["spiral", "vertical", "log_linear"]
    ranked = judged.ranking[judged.ranking["problem"] == "spiral"].set_index("optimizer")
    best = best_trials(normal.trials)
    wide = best[best["problem"] == "spiral"].pivot(
        index="optimizer", columns="seed", values="final_train_loss"
    )
    ranks = scipy.stats.rankdata(wide.to_numpy(), axis=0)
    assert ranked.loc[wide.index, "mean_rank"].to_numpy() == pytest.approx(ranks.mean(axis=1))
    medians = ranked["median"].to_numpy()
    assert ranked["rank"].to_numpy() == pytest.approx(scipy.stats.rankdata(medians))
    first = (wide == wide.min()).mean(axis=1)
    assert ranked.loc[wide.index, "first_share"].to_numpy() == pytest.approx(first.to_numpy())
    inside = ranked["median_low"] <= ranked["median"]
    assert (inside & (ranked["median"] <= ranked["median_high"])).all()
    assert ranked["score"].between(0, 1).all()


def test_without_randomness_no_interval_and_no_test(judged: verdicts.Verdicts) -> None:
    assert "neuron" not in set(judged.pairs["problem"])
    assert "neuron" not in set(judged.audit.loc[judged.audit["check"] == "few seeds", "problem"])
    fixed = judged.ranking[judged.ranking["problem"] == "neuron"]
    assert fixed["median"].notna().all()
    assert fixed[["median_low", "iqm_high", "mean_rank", "beaten_by"]].isna().all(axis=None)
    best = judged.budget[judged.budget["problem"] == "neuron"]
    assert best["median_best"].notna().all()
    assert best["median_best_low"].isna().all()


def test_only_what_meets_is_put_side_by_side() -> None:
    def sample(problem: str, *names: str) -> samples.Sample:
        return samples.Sample(problem, names, (0, 1), np.ones((len(names), 2)))

    found = samples.block([sample("p", "a", "b", "x"), sample("q", "b", "a"), sample("r", "y")])
    assert [(s.problem, s.optimizers) for s in found] == [("p", ("a", "b")), ("q", ("a", "b"))]
    assert samples.block([sample("p", "a", "b")]) == []


def test_time_to_target_counts_those_that_never_arrive() -> None:
    trials = pd.DataFrame({"trial": range(6), "problem": "p", "optimizer": "a", "seed": range(6)})
    # The fifth crashed and so never arrived, of the last nobody knows.
    times = [7.0, 3.0, np.inf, np.inf, np.nan, np.nan]
    status = ["ok", "diverged", "diverged", "ok", "crashed", "ok"]
    trials = trials.assign(time_to_train_loss=times, status=status)
    curves = pd.DataFrame({"problem": "p", "epoch": [0, 5, 9]})
    costs = target.costs(trials, curves, {"p": {"train_loss": 1.0, "train_accuracy": 0.5}})
    assert costs["cost"].tolist() == [7, 3, np.inf, np.inf, np.inf]
    assert costs["seed"].tolist() == [0, 1, 2, 3, 4]
    [row] = target.times(costs, frozenset()).to_dict("records")
    assert (row["reached"], row["seeds"], row["share"]) == (2, 5, 0.4)
    assert (row["median"], row["budget"], row["median_high"]) == (np.inf, 9, np.inf)
    stairs = target.staircases(costs)
    assert stairs["share"].tolist() == pytest.approx([0, 0.2, 0.4, 0.4])
    lost = trials.assign(status="crashed", time_to_train_loss=np.nan)
    assert target.costs(lost, curves, {"p": {"train_loss": 1.0}}).empty


def test_budget_of_all_is_the_best_one() -> None:
    scores = [3.0, 1.0, np.inf, 2.0]
    summary = pd.DataFrame({"problem": "p", "optimizer": "a", MEDIAN: scores})
    found = budget.budget(summary)
    assert found["expected_best"].iloc[-1] == found["median_best"].iloc[-1] == 1.0
    assert found["expected_best"].iloc[0] == np.inf
    assert found["median_best"].tolist() == sorted(found["median_best"], reverse=True)
    # One of four: the mean over the four; two of four with the best three times in six.
    finite = budget.budget(summary.replace(np.inf, 6.0))
    assert finite["expected_best"].tolist()[:2] == pytest.approx([3.0, (3 * 1 + 2 * 2 + 3) / 6])


def test_profile_by_hand() -> None:
    costs = pd.DataFrame(
        [
            ("p", "a", 0, 10), ("p", "a", 1, 10), ("p", "b", 0, 20), ("p", "b", 1, np.inf),
            ("q", "a", 0, 40), ("q", "a", 1, 10), ("q", "b", 0, 10), ("q", "b", 1, 10),
        ],
        columns=["problem", "optimizer", "seed", "cost"],
    ).assign(metric="train_loss")  # fmt: skip
    found = profile.profile(costs).groupby("optimizer")["share"]
    assert found.first().to_dict() == {"a": 0.75, "b": 0.5}
    assert found.last().to_dict() == {"a": 1.0, "b": 0.75}


def small(**changes: Any) -> Any:
    """Two optimizers with one rate each on one problem: nothing to complain about but the seeds."""
    spaces = [
        type(s)(s.name, s.rule, {"learning_rate": [0.1]}, s.ideal, 1e9, s.strength)
        for s in (SPACES[0], SPACES[4])
    ]
    return frames(TASKS[:1], spaces, **{"seeds": 12, **changes})


def wider(name: str) -> Any:
    spaces = [
        type(s)(
            s.name,
            s.rule,
            {"learning_rate": [0.1, 0.05, 0.2] if s.name == name else [0.1]},
            s.ideal,
            1e9,
        )
        for s in (SPACES[0], SPACES[4])
    ]
    return frames(TASKS[:1], spaces, 12)


def crashed() -> Any:
    some = small()
    some.trials.loc[0, "status"] = "crashed"
    return some


def losing() -> Any:
    some = small()
    some.trials.loc[[0, 1, 2], "status"] = ["diverged", "diverged", "crashed"]
    return costed(some.trials, some.curves)


def doubled() -> Any:
    tasks = [TASKS[0], TASKS[1], replace(TASKS[0], name="again")]
    return frames(tasks, [replace(s, values={"learning_rate": [0.1]}) for s in SPACES[:2]], 12)


DATA = {p: verdicts.Terms(data=p[0]) for p in ("spiral", "vertical")}
DATA["again"] = DATA["spiral"]
CHECKS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "unequal budgets": (lambda: wider("sgd"), {}, "1 (adam), 3 (sgd)"),
    "edge": (lambda: wider("sgd"), {}, "is the highest tried"),
    "same seeds": (lambda: wider("sgd"), {}, "same seeds"),
    "few seeds": (lambda: small(seeds=5), {}, "6 could"),
    "missing": (small, {"planned": {"spiral": 30}}, "6 of 30"),
    "crashed": (crashed, {}, "1 trials of sgd crashed"),
    "nobody apart": (small, {"targets": {"spiral": {"train_loss": 1e9}}}, "first 2%"),
    "lost runs": (losing, {}, "sgd's best configuration lost 3 of 12 runs"),
    "same data": (doubled, {"terms": DATA}, "of spiral"),
    "machines": (small, {"hosts": 2}, "2 machines"),
    "no target": (small, {"targets": {}}, "no target"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_audit_finds(check: str) -> None:
    make, changes, text = CHECKS[check]
    found = judge(make(), **changes).audit
    assert found.loc[found["check"] == check, "message"].str.contains(text, regex=False).any()
    clean = judge(small()).audit
    assert check not in set(clean["check"])


def test_lost_runs_are_told_of_the_choice_and_of_the_judging() -> None:
    rows = pd.DataFrame(
        {"optimizer": ["a", "b"], "configuration": [3, 5], "seeds": 10, "crashed": 0}
    )
    before, after = rows.assign(diverged=[3, 0]), rows.assign(seeds=20, diverged=[7, 0])
    [row] = audit._lost("p", before, after, apart=True)
    assert row["message"] == "a's choice lost 3 of 10 runs when chosen, 7 of 20 runs when judged"


def test_nothing_was_chosen_where_every_optimizer_has_one_configuration() -> None:
    some = wider("sgd")
    single = small()
    for frame in (single.trials, single.curves, single.summary):
        for column in {"trial"} & set(frame):
            frame[column] += len(some.trials)
        if "problem" in frame:
            frame["problem"] = "fixed choice"
    both = Frames(
        *(
            pd.concat([a, b], ignore_index=True)
            for a, b in (
                (some.trials, single.trials),
                (some.curves, single.curves),
                (some.summary, single.summary),
            )
        )
    )
    verdicts = judge(both, targets={}, fixed=())
    assert "here the same seeds chose them" in verdicts.sentences[-1]
    found = verdicts.audit
    assert found.loc[found["check"] == "same seeds", "problem"].tolist() == ["spiral"]
    [line] = audit.lines(found, "claim", "spiral")
    assert "[[claim]]" in line


@pytest.mark.parametrize(("medians", "edge"), [([1.0, 1.0, 2.0], False), ([1.0, 1.5, 2.0], True)])
def test_an_edge_that_a_rate_inside_equals_is_none(medians: list[float], edge: bool) -> None:
    rows = pd.DataFrame({"optimizer": "a", "learning_rate": [0.1, 0.2, 0.3], MEDIAN: medians})
    assert bool(audit._edges("p", rows, rows.iloc[:1])) is edge


def test_audit_stands_under_the_figures_it_touches() -> None:
    found = judge(wider("adam"))
    assert any("3 (adam)" in line for line in found.lines("pairs", "spiral"))
    assert not any("3 (adam)" in line for line in found.lines("pairs", "vertical"))
    assert not found.lines("divergence")


def told(losses: Any, random: bool = True) -> str:
    """The verdict on a problem with optimizers a, b, ... of these losses."""
    names = tuple("abcdef"[: len(losses)])
    sample = samples.Sample("p", names, tuple(range(len(losses[0]))), np.array(losses), random)
    compared = pairs.pairs([sample])
    ranked = ranking.ranking([sample], compared, {}, {}, {})
    [sentence] = words.verdicts(ranked, compared, pd.DataFrame(columns=target.COLUMNS), [sample])
    return sentence


SENTENCES: dict[str, tuple[Any, list[str], list[str]]] = {
    "negative": ([LINE - 9, LINE - 8.5], ["better than b, by at least 0.5"], ["%."]),
    "clear": (
        [LINE, LINE * 2],
        ["a has the lowest", "20 seeds", "It is better than b, by at least 50%"],
        ["cannot"],
    ),
    "not clear": (
        [LINE, LINE * SHAKE**2],
        ["cannot be told apart with 20 seeds"],
        ["better", "might"],
    ),
    "few": ([LINE[:4], LINE[:4] * 2], ["4 seeds can never tell the pair apart; 6 could"], []),
    "lost": (
        [LINE * np.inf, LINE],
        ["b has the lowest", "better than a, which diverges on most seeds"],
        ["infinity"],
    ),
    "all lost": (
        [LINE * np.inf] * 2,
        ["every optimizer diverged on half of its seeds"],
        ["lowest"],
    ),
    "tied": (
        [LINE, LINE, LINE * 2],
        ["a and b share the lowest", "equal on every seed", "They are better than c"],
        ["It"],
    ),
    "crashed": (
        [LINE, LINE * np.nan],
        ["b is without a result on every seed"],
        ["by any", "never tell"],
    ),
    "alone": ([LINE], ["a alone"], ["lowest"]),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_words_say_what_the_intervals_allow(name: str) -> None:
    losses, there, absent = SENTENCES[name]
    sentence = told(losses)
    for text in there:
        assert text in sentence
    for text in absent:
        assert text not in sentence


def test_one_run_without_randomness_says_it_all() -> None:
    assert "one run says it all" in told([[1.0], [2.0]], random=False)


def test_the_same_frames_give_the_same_tables(normal: Any, judged: verdicts.Verdicts) -> None:
    again = judge(normal)
    for field in dataclasses.fields(judged):
        one, other = getattr(judged, field.name), getattr(again, field.name)
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other)
        else:
            assert one == other


CASES = cases()


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_verdicts(case: str) -> None:
    some = CASES[case]
    targets = {p: {"train_loss": 0.5} for p in some.trials["problem"].unique()}
    found = judge(some, targets=targets)
    assert len(found.sentences) >= some.trials["problem"].nunique()
