"""What decides a claim where runs crash or diverge, losses are at the floor, or rows are missing.

Outcomes are written down, not trained.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import stats
from bench.plan import manifest as manifests
from bench.plan import reading, writing
from bench.plan import trials as planning
from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.spec.claims import Claim
from bench.spec.experiment import load
from bench.tables.columns import leading_columns
from bench.tables.headline import Headlines
from bench.tables.trials import Hyperparameters
from bench.verdicts.claim_words import evidence as told
from bench.verdicts.claims import Answer, Claims, Decided, decide, frame, open_questions
from bench.verdicts.claims import answer as decided
from bench.verdicts.evidence import Evidence, evidence_of

SEEDS = 20
SPEC: dict[str, Any] = {
    "name": "q",
    "seeds": SEEDS,
    "problem": [
        {"name": "small", "dataset": "blobs", "epochs": 4, "record_every": 2},
        {"name": "large", "dataset": "blobs", "epochs": 8, "record_every": 2},
        {
            "name": "bowl",
            "dataset": {"name": "quadratic", "dimension": 2},
            "initializer": {"name": "values", "values": [1.0, 1.0]},
            "epochs": 16,
            "record_every": 2,
        },
    ],
    "optimizer": [
        {"name": "a", "rule": "sgd", "learning_rate": 0.1},
        {"name": "b", "rule": "sgd", "learning_rate": 0.2},
        {"name": "sweep", "rule": "sgd", "learning_rate": [0.3, 0.6, 1.2]},
    ],
}
SPEC["problem"][0]["target"] = {"loss": 1.0}
# By seed, about 1, in an order of its own for each place.
NOISE = np.exp(0.02 * np.random.default_rng(4).standard_normal((4, SEEDS)))
LOSSES = {0.1: 1.0, 0.2: 3.0, 0.3: 4.0, 0.6: 2.0, 1.2: 1.0}  # by rate
Change = Callable[[pd.DataFrame], object]


def by_rate(trial: Trial) -> float:
    rate = trial.configuration.hyperparameters["learning_rate"]
    return LOSSES[rate] * NOISE[int(10 * rate) % 4, trial.seed % SEEDS]


def evidence(
    change: Change = lambda _: None, loss: Callable[[Trial], float] = by_rate, **spec: Any
) -> Evidence:
    """All trials of the spec as they would be after training, with these losses and a `change`."""
    experiment = load({**SPEC, **spec})
    trials = planning.trials(experiment)
    if experiment.tuning is not None:  # the last configuration of each is chosen
        last = {(t.problem_name, t.optimizer): t for t in trials}.values()
        trials += planning.evaluation(experiment, last, experiment.seeds, len(trials))
    manifest = manifests.of(experiment, trials)
    values = np.array([loss(trial) for trial in trials])
    where = Plan.of(trials), np.arange(len(trials))
    own = Hyperparameters(where[0].spans).rows(*where)
    found = pd.concat([leading_columns(*where), own], axis=1)
    found = found.assign(
        status="ok", diverged_epoch=pd.array([pd.NA] * len(trials), dtype="Int64"),
        final_train_loss=values, time_to_train_loss=1.0, key=[t.key for t in trials],
    )  # fmt: skip
    if experiment.tuning is not None:
        found["phase"] = [manifest.phase(trial) for trial in trials]
    marks = pd.DataFrame({"epoch_2_train_loss": 2 * values}, index=found["trial"])
    change(found)
    gone = found["status"] == "crashed"
    found.loc[gone, ["final_train_loss", "time_to_train_loss"]] = np.nan
    marks.loc[found["trial"][gone]] = np.nan
    late = found["diverged_epoch"].fillna(99) <= 2
    marks.loc[found["trial"][late]] = np.inf
    return evidence_of(Headlines.of(manifest).costed(found), manifest, marks)


def claim(kind: str, *optimizers: str, **fields: Any) -> Claim:
    given = {"text": "x", "kind": kind, "problems": ("small",), "optimizers": optimizers}
    return Claim(**{**given, **fields})


def the_one(one: Claim, given: Evidence, **options: Any) -> Decided:
    [found] = decide([one], given, **options)
    return found


def ended(optimizer: str, first: int, how: str = "crashed") -> Change:
    """That the `first` runs of an optimizer ended so, on every problem."""

    def change(trials: pd.DataFrame) -> None:
        mine = (trials["optimizer"] == optimizer) & (trials["seed"] < first)
        trials.loc[mine, "status"] = how
        if how == "diverged":
            trials.loc[mine, "final_train_loss"] = np.nan
            trials.loc[mine, "diverged_epoch"] = 2

    return change


def lose(trials: pd.DataFrame) -> None:
    """The larger rates of the sweep diverge."""
    mine = (trials["optimizer"] == "sweep") & (trials["learning_rate"] > 0.3)
    trials.loc[mine, "status"] = "diverged"
    trials.loc[mine, "final_train_loss"] = np.nan
    trials.loc[mine, "diverged_epoch"] = 2


# Claims that hold, and the optimizer whose runs crash.
HOLDS: dict[str, tuple[Claim, str]] = {
    "better": (claim("better", "a", others=("b",), by=0.5), "a"),
    "better than a crashed one": (claim("better", "a", others=("b",), by=0.5), "b"),
    "order": (claim("order", "a", "b", by=0.5), "b"),
    "same": (claim("same", "a", "b", by=0.9), "a"),
    "value": (claim("value", "a", low=0.8, high=1.2), "a"),
    "reaches": (claim("reaches", "a", low=0.5, high=1.0), "a"),
    "trend": (claim("trend", "sweep", over="learning_rate", way="falls", by=0.3), "sweep"),
    "power": (claim("trend", "sweep", over="learning_rate", low=-1.5, high=-0.5), "sweep"),
}


@pytest.mark.parametrize("kind", HOLDS)
@pytest.mark.parametrize(("crashed", "answer"), [(0, "holds"), (3, "holds"), (12, "cannot tell")])
@pytest.mark.parametrize("watched", [False, True])
def test_survivors_decide_only_what_no_crashed_run_could_turn(
    kind: str, crashed: int, answer: str, watched: bool
) -> None:
    one, optimizer = HOLDS[kind]
    found = the_one(one, evidence(ended(optimizer, crashed)), watched=watched)
    assert watched or found.answer.value == answer
    if crashed == 12:
        assert found.answer is Answer.UNKNOWN
    [row] = frame(Claims([found])).to_dict("records")
    assert (row["seeds"], row["crashed"]) == (SEEDS - crashed, crashed)
    assert (f"on {crashed} other seeds a run crashed" in told(found)) == (crashed > 0)
    assert not crashed or pd.isna(row["advised_low"])


@pytest.mark.parametrize("kind", HOLDS)
def test_the_interval_encloses_that_of_whatever_might_have_been(kind: str) -> None:
    one, optimizer = HOLDS[kind]
    [found] = the_one(one, evidence(ended(optimizer, 4))).found
    values = found.question.values
    ends = (0.0, 1.0) if one.kind == "reaches" else (-np.inf, 0.0, np.inf)
    for end in ends:
        full = replace(found.question, values=np.where(np.isnan(values), end, values))
        known = decided(full, 0.05, 1)
        assert found.low <= known.low
        assert known.high <= found.high


def test_where_all_crashed_nothing_is_told() -> None:
    found = the_one(HOLDS["value"][0], evidence(ended("a", SEEDS)))
    assert found.answer is Answer.UNKNOWN
    assert told(found) == "no result, on 20 seeds a run crashed or left no value"


def test_a_run_that_is_still_to_be_trained_is_no_crash() -> None:
    given = evidence()
    given = replace(given, trials=given.trials[given.trials["seed"] >= 8])
    [row] = frame(Claims([the_one(HOLDS["better"][0], given)])).to_dict("records")
    assert (row["seeds"], row["crashed"], row["answer"]) == (12, 0, "holds")


FORMULAS = [
    "-final_train_loss", "1 / final_train_loss", "-epoch_2_train_loss",
    "epoch_2_train_loss - final_train_loss", "min(final_train_loss, 0.001)",
]  # fmt: skip


@pytest.mark.parametrize("metric", FORMULAS)
@pytest.mark.parametrize("kind", ["better", "order", "same", "trend"])
def test_of_no_formula_a_diverged_run_is_the_best(kind: str, metric: str) -> None:
    given = evidence(lose if kind == "trend" else ended("a", SEEDS, "diverged"))
    one = {
        "better": claim("better", "a", others=("b",), by=-1e9),
        "order": claim("order", "a", "b", by=-1e9),
        "same": claim("same", "a", "b", by=1e9),
        "trend": claim("trend", "sweep", over="learning_rate", way="falls", by=0.1),
    }[kind]
    assert the_one(replace(one, metric=metric), given).answer is Answer.CONTRADICTED


def test_what_a_run_recorded_before_it_diverged_is_its_value() -> None:
    def change(trials: pd.DataFrame) -> None:
        ended("a", SEEDS, "diverged")(trials)
        trials.loc[trials["optimizer"] == "a", "diverged_epoch"] = 3

    one = claim("better", "b", others=("a",), by=2.0, metric="-epoch_2_train_loss")
    assert the_one(one, evidence(change)).answer is Answer.HOLDS


def test_a_value_is_what_the_formula_makes_of_the_worst() -> None:
    one = claim("value", "a", low=1.0, high=5.0, metric="min(final_train_loss, 5)")
    assert the_one(one, evidence(ended("a", SEEDS, "diverged"))).answer is Answer.HOLDS


@pytest.mark.parametrize("fields", [{"way": "falls", "by": 0.1}, {"low": -9.0, "high": -0.5}])
def test_losses_at_the_floor_make_no_trend(fields: dict[str, Any]) -> None:
    one = claim("trend", "sweep", over="learning_rate", **fields)
    given = evidence()
    assert the_one(one, given).answer is Answer.HOLDS
    rounding = evidence(loss=lambda trial: 1e-9 * by_rate(trial))
    [found] = the_one(one, rounding).found
    assert found.question.values == pytest.approx(0.0)
    assert found.answer is Answer.CONTRADICTED


def test_a_problem_without_randomness_has_its_value_on_every_seed() -> None:
    one = claim(
        "trend", "a", problems=("small", "large", "bowl"), over="epochs", low=-1.1, high=-0.9
    )
    given = evidence(loss=lambda trial: by_rate(trial) / trial.problem.epochs)
    [found] = the_one(one, given).found
    assert len(found.question.values) == SEEDS
    assert found.answer is Answer.HOLDS
    assert [x for x, _ in found.question.points] == [4.0, 8.0, 16.0]
    # All without randomness: one number decides.
    lonely = the_one(replace(one, problems=("bowl",)), given).found[0]
    assert len(lonely.question.values) == 0


def test_what_a_trend_goes_over_follows_from_the_plan() -> None:
    one = claim("trend", "sweep", problems=("small", "large"), over="learning_rate", way="falls")
    whole = evidence()
    for absent in (
        whole.trials["problem"] == "large",
        (whole.trials["problem"] == "large") & (whole.trials["learning_rate"] == 0.3),
    ):
        small, large = the_one(one, replace(whole, trials=whole.trials[~absent])).found
        assert (small.question.problems, large.question.problems) == (("small",), ("large",))
        assert (small.answer, large.answer) == (Answer.HOLDS, Answer.UNKNOWN)
        level = stats.median_interval(small.question.values, 1 - 0.05 / 2)
        assert small.low == pytest.approx(1 - np.exp(-float(level[1])))


# Optimizers that search, besides the one that is chosen from the start.
SEARCHED = [
    {"name": "grid", "rule": "sgd", "learning_rate": [0.1, 0.2]},
    {"name": "paths", "rule": "sgd", "learning_rate": [0.3, 0.6, 1.2], "momentum": [0.0, 0.5]},
]
COMPARED = {
    "better": claim("better", "grid", others=("b",), by=0.5),
    "order": claim("order", "grid", "b", by=0.5),
    "same, the very same trials": claim("same", "a", "grid", by=0.05),
    "trend": claim("trend", "paths", over="learning_rate", way="falls", by=0.3),
}


@pytest.mark.parametrize("kind", COMPARED)
def test_what_was_chosen_on_the_seeds_that_judge_it_is_not_compared(kind: str) -> None:
    optimizers = [*SPEC["optimizer"], *SEARCHED]
    given = evidence(optimizer=optimizers)
    found = the_one(COMPARED[kind], given)
    assert found.answer is Answer.UNKNOWN
    assert "add [tuning]" in told(found)
    assert "seeds might tell" not in told(found)
    assert not open_questions(Claims([found]))  # more seeds are no help
    # Whoever is named beforehand, or chosen on other seeds, is compared.
    named = {"momentum": 0.0} if kind == "trend" else {"learning_rate": 0.1}
    assert the_one(replace(COMPARED[kind], at=named), given).answer is Answer.HOLDS
    if kind != "trend":
        tuned = evidence(
            optimizer=[*SPEC["optimizer"], {**SEARCHED[0], "learning_rate": [0.2, 0.1]}],
            tuning={"seeds": [100, 101]},
        )
        assert the_one(COMPARED[kind], tuned).answer is Answer.HOLDS
    # Without randomness nobody is flattered.
    fixed = the_one(replace(COMPARED[kind], problems=("bowl",)), given)
    assert fixed.answer is not Answer.UNKNOWN


def test_as_long_as_something_is_to_be_chosen_there_is_no_result() -> None:
    experiment = load({**SPEC, "tuning": {"seeds": [100, 101]}})
    searched = manifests.of(experiment, planning.trials(experiment))
    given = evidence(tuning={"seeds": [100, 101]})
    given = replace(given, trials=given.trials[given.trials["phase"] == "tuning"])
    for one in (given, replace(given, plan=evidence_of(given.trials, searched, given.marks).plan)):
        found = the_one(claim("better", "a", others=("sweep",)), one)
        assert (found.answer, told(found)) == (Answer.UNKNOWN, "no result yet")
        assert found.found[0].question.counts == 1


def test_a_value_of_the_best_of_several_counts_for_each() -> None:
    one, other = claim("value", "sweep", low=0.0, high=9.0), claim("value", "a", low=0.0, high=9.0)
    compared = claim("better", "sweep", others=("b",))  # has no interval
    for found in decide([one, other, compared], evidence())[:2]:
        [quantity] = found.found
        _, low, high = stats.median_interval(quantity.question.values, 1 - 0.05 / 4)
        assert (quantity.low, quantity.high) == (low, high)


@pytest.mark.parametrize("by", [1.0, 1.5])
def test_a_size_that_no_share_can_have_is_never_reached(by: float) -> None:
    # An objective that happens to be positive: a spec cannot know.
    found = the_one(claim("better", "a", others=("b",), problems=("bowl",), by=by), evidence())
    assert found.answer is Answer.CONTRADICTED
    within = the_one(claim("same", "a", "b", by=by), evidence())
    assert within.answer is Answer.HOLDS


def test_the_size_is_that_of_the_problem_that_decides() -> None:
    problems = [dict(p, margin=m) for p, m in zip(SPEC["problem"], (0.9, 0.05, 0.1), strict=True)]
    one = claim("same", "a", "b", problems=("small", "large"))
    found = the_one(one, evidence(problem=problems))
    [row] = frame(Claims([found])).to_dict("records")
    assert (row["problem"], row["answer"], row["by"]) == ("large", "contradicted", 0.05)


STRANGE = [None, True, -1, 0, 10**30, 1.5, math.inf, math.nan, "", "a", "x\n", [], {}, [[]], ["b"]]


@pytest.mark.parametrize("kind", HOLDS)
def test_whatever_a_folder_claims_is_decided_or_refused(kind: str) -> None:
    one, given = HOLDS[kind][0], evidence(seeds=8)
    experiment = load({**SPEC, "seeds": 8})
    manifest = manifests.of(experiment, planning.trials(experiment))
    written = writing.to_json(replace(manifest, claims=(one,)))
    content, read = written["claims"][0], 0
    for key, value in itertools.product([*content, "by", "at", "tolerance", "target"], STRANGE):
        forged = json.loads(json.dumps({**written, "claims": [{**content, key: value}]}))
        try:
            [claimed] = reading.from_json(forged).claims
        except ValueError:
            continue
        read += 1
        told(the_one(claimed, given))
    assert read
