"""Tuning apart from evaluation: draws, criteria, two phases in one run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.plan.trials import trials as plan_trials
from bench.session.run import planned
from bench.spec import experiment, tuning
from bench.store.store import Store
from bench.tables.best import best_rows, best_trials
from bench.tables.phases import all_evaluated
from bench.tables.winners import scores
from tests.spec.mistakes import errors, names

PROBLEM = {"dataset": "people", "epochs": 6, "record_every": 2, "target": {"train_loss": 0.2}}
SGD = {
    "rule": "sgd",
    "learning_rate": {"log_uniform": [0.01, 10.0]},
    "momentum": {"uniform": [0.0, 0.95]},
    "decay": {"choice": [0.0, 1e-3]},
}
ADAM = {"rule": "adam", "learning_rate": {"log_uniform": [1e-4, 1.0]}}


def given(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tuned",
        "seeds": 7,
        "tuning": {"n": 5, "seeds": 6},
        "problem": [PROBLEM, {"dataset": "neuron", "epochs": 10}],
        "optimizer": [SGD, ADAM],
        **changes,
    }


def configurations(**changes: Any) -> dict[str, list[dict[str, float]]]:
    found = experiment.load(given(**changes)).optimizers
    return {o.name: [dict(c.hyperparameters) for c in o.configurations] for o in found}


def test_draws_are_part_of_the_spec_s_content() -> None:
    five, nine = configurations(), configurations(tuning={"n": 9, "seeds": 2})
    for name in five:
        assert len(five[name]) == 5
        assert nine[name][:5] == five[name]
    wider = configurations(optimizer=[{**SGD, "momentum": {"uniform": [0.0, 0.5]}}, ADAM])
    assert [c["learning_rate"] for c in wider["sgd"]] == [c["learning_rate"] for c in five["sgd"]]
    assert [c["momentum"] for c in wider["sgd"]] != [c["momentum"] for c in five["sgd"]]


def test_draws_follow_their_distribution() -> None:
    many = configurations(tuning={"n": 2000})["sgd"]
    rates = np.log10([c["learning_rate"] for c in many])
    momenta = np.array([c["momentum"] for c in many])
    assert -2 <= rates.min() < -1.99 < 0.99 < rates.max() <= 1
    assert np.mean(rates) == pytest.approx(-0.5, abs=0.07)  # 4 standard errors
    assert np.mean(momenta) == pytest.approx(0.475, abs=0.025)
    assert np.mean([c["decay"] == 0.001 for c in many]) == pytest.approx(0.5, abs=0.045)
    assert abs(np.corrcoef(rates, momenta)[0, 1]) < 0.09


RATE = "optimizer.adam.learning_rate"
# A mistake; the key that is told, the value that is wrong, words of what is right.
MISTAKES: dict[str, tuple[Any, ...]] = {
    "no budget": ({"tuning": {"seeds": 2}}, RATE, "{ log_uniform = [0.0001, 1.0] }", "[tuning]"),
    "no tuning": ({"tuning": 3}, "tuning", "3", "[tuning]"),
    "same seeds": ({"tuning": {"n": 2, "seeds": [3, 90]}}, "tuning.seeds", "3", "evaluation"),
    "twice": ({"tuning": {"n": 2, "seeds": [90, 90]}}, "tuning.seeds", "", "distinct"),
    "test data": (
        {"tuning": {"criterion": "final_test_loss"}},
        "tuning.criterion",
        '"final_test_loss"',
        "never test data",
    ),
    "unknown": ({"tuning": {"trials": 3}}, "tuning.trials", "", "n", "criterion", "seeds"),
    "no such metric": (
        {"tuning": {"n": 2, "criterion": "best_validation_accuracy"}},
        "tuning.criterion",
        '"best_validation_accuracy"',
        '"people"',
        "train_r2",
    ),
    "no target": (
        {"tuning": {"n": 2, "criterion": "time_to_train_loss"}},
        "tuning.criterion",
        '"time_to_train_loss"',
        '"neuron"',
        "target",
    ),
    "upside down": (
        {"optimizer": [{**ADAM, "learning_rate": {"uniform": [1, 0.5]}}]},
        f"{RATE}.uniform",
        "[1, 0.5]",
        "lower end first",
    ),
    "at zero": (
        {"optimizer": [{**ADAM, "learning_rate": {"log_uniform": [0, 1]}}]},
        f"{RATE}.log_uniform",
        "[0, 1]",
        "above 0",
    ),
    "out of range": (
        {"optimizer": [{**SGD, "momentum": {"uniform": [0, 2]}}]},
        "optimizer.sgd.momentum.uniform",
        "2.0",
        "below 1",
    ),
    "two tables": (
        {"optimizer": [{**ADAM, "name": "a"}, {**ADAM, "name": "a"}]},
        "optimizer.a",
        '"a"',
        "tuning.n",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(name: str) -> None:
    changes, key, *named = MISTAKES[name]
    first = next(line for line in errors(given(**changes)) if line.startswith(f"spec: {key}: "))
    names(first, key, *named)


def test_a_grid_is_tuned_too_and_evaluation_changes_no_tuning_trial() -> None:
    grid = given(tuning={"seeds": 3}, optimizer=[{"rule": "sgd", "learning_rate": [0.1, 1.0]}])
    few = plan_trials(experiment.load(grid))
    more = plan_trials(experiment.load({**grid, "seeds": 30}))
    assert [t.key for t in few] == [t.key for t in more]
    assert {t.seed for t in few if t.problem_name == "people"} == {
        tuning.FIRST_SEED + i for i in range(3)
    }


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    return bench.run(given(), out=tmp_path_factory.mktemp("tuned"), jobs=1)


def test_winners_are_judged_on_seeds_they_have_not_seen(result: bench.Results) -> None:
    trials = result.trials
    random = trials[trials["problem"] == "people"]
    judged = random[random["phase"] == "evaluation"]
    chosen = random[random["phase"] == "tuning"]
    assert set(judged["seed"]) == set(range(7))
    assert not set(judged["seed"]) & set(chosen["seed"])
    assert len(chosen) == 2 * 5 * 6
    for name in ("sgd", "adam"):
        mine = chosen[chosen["optimizer"] == name]
        losses = mine["final_train_loss"].where(mine["status"] == "ok", np.inf)
        medians = losses.groupby(mine["learning_rate"]).median()
        assert set(judged.loc[judged["optimizer"] == name, "learning_rate"]) == {medians.idxmin()}
    assert all_evaluated(trials, ["neuron"])
    best = best_trials(trials)
    assert set(best.loc[best["problem"] == "people", "phase"]) == {"evaluation"}
    rows = best_rows(result.summary)
    assert rows.loc[rows["problem"] == "people", "seeds"].tolist() == [7, 7]
    assert rows["configurations"].tolist() == [5, 5, 5, 5]


def test_the_report_says_on_which_seeds(result: bench.Results) -> None:
    text = (result.folder / "verdicts.txt").read_text()
    assert "on 6 tuning seeds, judged on 7 evaluation seeds" in text
    assert [line.partition(":")[0] for line in text.splitlines()[1:3]] == ["people", "neuron"]
    assert "same seeds" not in (result.folder / "audit.csv").read_text()


def test_running_again_trains_nothing_and_more_seeds_train_only_these(
    result: bench.Results,
) -> None:
    assert bench.run(given(), out=result.folder, jobs=1).trained == 0
    todo = planned(given(seeds=9), out=result.folder)
    assert (len(todo.missing), todo.later) == (2 * 2, 0)


def test_the_winners_run_again(result: bench.Results) -> None:
    best = tomllib.loads((result.folder / "best.toml").read_text())
    assert best["seeds"] == list(range(7))
    again = {t.key for t in plan_trials(experiment.load(best)) if t.problem_name == "people"}
    trials = result.trials
    judged = trials[trials["phase"] == "evaluation"]
    assert again == set(judged["key"])


@pytest.mark.parametrize(
    "criterion",
    ["final_train_loss", "best_train_loss", "final_train_r2", "time_to_train_loss"],
)
def test_criteria_by_hand(result: bench.Results, criterion: str) -> None:
    trials = tuple(
        t for t in result.manifest.trials if t.problem_name == "people" and t.seed > 1000
    )
    with Store.read(result.folder) as store:
        found = scores(store, trials, criterion, result.manifest.targets)
    frame = result.trials.set_index("trial").loc[[t.index for t in trials]]
    ok = (frame["status"] == "ok").to_numpy()
    if criterion == "time_to_train_loss":
        curves = result.curves[result.curves["train_loss"] <= 0.2].groupby("trial")["epoch"].min()
        expected = curves.reindex(frame.index).to_numpy(dtype=float)
        expected = np.where(np.isnan(expected), np.inf, expected)
    else:
        sign = -1 if criterion.endswith("r2") else 1
        expected = np.where(ok, sign * frame[criterion].to_numpy(dtype=float), np.inf)
    assert found == pytest.approx(expected)


def test_a_dry_run_says_that_more_will_follow(tmp_path: Path) -> None:
    todo = planned(given(), out=tmp_path / "new")
    assert todo.later == 2 * 7
    assert {t.seed for t in todo.missing if t.problem_name == "people"} == {
        tuning.FIRST_SEED + i for i in range(6)
    }
    assert not (tmp_path / "new").exists()


CRASHING = """
from nncore.rules import rule


@rule
def crashing(w, g, t, *, learning_rate=0.1):
    raise RuntimeError("on purpose")
"""


def test_an_optimizer_that_always_crashes_wins_nothing(tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(CRASHING)
    optimizers = [{"rule": "crashing", "learning_rate": {"uniform": [0.1, 1.0]}}, ADAM]
    some = given(optimizer=optimizers, plugins=[str(tmp_path / "crashing.py")])
    trials = bench.run(some, out=tmp_path / "out", jobs=1).trials
    judged = trials[(trials["problem"] == "people") & (trials["phase"] == "evaluation")]
    assert set(judged["optimizer"]) == {"adam"}
    best = tomllib.loads((tmp_path / "out" / "best.toml").read_text())
    assert {o["rule"] for o in best["optimizer"]} == {"adam"}
    assert bench.run(some, out=tmp_path / "out", jobs=1).trained == 0


def test_shards_are_tuned_together_and_judged_when_joined(tmp_path: Path) -> None:
    from bench.session.merge import merge

    whole = bench.run(given(), out=tmp_path / "whole", jobs=1)
    parts = [tmp_path / "1", tmp_path / "2"]
    for number, part in enumerate(parts, start=1):
        found = bench.run(given(), out=part, jobs=1, shard=(number, 2))
        assert found.missing
        assert not found.unjudged
    merge(tmp_path / "merged", parts)
    assert bench.open_results(tmp_path / "merged").unjudged
    last = bench.run(given(), out=tmp_path / "merged", jobs=1)
    assert last.trained == 2 * 7
    assert not last.unjudged
    columns = [c for c in whole.trials if not c.endswith("_seconds")]
    assert last.trials[columns].equals(whole.trials[columns])


@pytest.mark.parametrize("criterion", ["best_train_loss", "time_to_train_loss"])
def test_a_run_that_diverges_later_is_no_winner(tmp_path: Path, criterion: str) -> None:
    # The target is met by the untrained network, whose loss is also the lowest of a runaway.
    problem = {"dataset": "spiral", "epochs": 6, "record_every": 1, "target": {"train_loss": 2.0}}
    sgd = {"rule": "sgd", "learning_rate": [1e6, 0.1]}
    some = {"name": "late", "tuning": {"seeds": 2}, "problem": problem, "optimizer": sgd}
    result = bench.run(some, out=tmp_path / "out", jobs=1)
    trials = [t for t in result.manifest.trials if t.seed >= tuning.FIRST_SEED]
    with Store.read(result.folder) as store:
        found = scores(store, trials, criterion, result.manifest.targets)
        statuses = [store.statuses()[t.key] for t in trials]
    assert statuses == ["diverged"] * 2 + ["ok"] * 2
    assert np.isinf(found).tolist() == [True, True, False, False]
