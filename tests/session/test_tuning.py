"""Tuning in a run: winners of one phase are judged in the next, on other seeds."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bench
from bench.plan.trials import trials as plan_trials
from bench.session.merge import merge
from bench.session.run import planned
from bench.spec import experiment, tuning
from bench.store.store import Store
from bench.tables.best import best_rows, best_trials
from bench.tables.phases import all_evaluated
from bench.tables.winners import scores
from nncore.stack.training import train
from tests.frames import costed
from tests.spec.test_tuning import ADAM, given


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
    some = costed(trials, result.curves)
    best = best_trials(some.trials)
    assert set(best.loc[best["problem"] == "people", "phase"]) == {"evaluation"}
    rows = best_rows(some.summary)
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
    assert (len(todo.missing), todo.later.most) == (2 * 2, 0)


def test_the_winners_run_again(result: bench.Results) -> None:
    best = tomllib.loads((result.folder / "best.toml").read_text())
    assert best["seeds"] == 7
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
        problem = replace(trials[0].problem, record_every=1)
        curves = [
            train(problem, [t.configuration], [t.seed])[0].metrics["train_loss"] for t in trials
        ]
        there = np.array(curves) <= 0.2
        expected = np.where(there.any(axis=1), there.argmax(axis=1), np.inf)
    else:
        sign = -1 if criterion.endswith("r2") else 1
        expected = np.where(ok, sign * frame[criterion].to_numpy(dtype=float), np.inf)
    assert found == pytest.approx(expected)


def test_a_dry_run_says_that_more_will_follow(tmp_path: Path) -> None:
    todo = planned(given(), out=tmp_path / "new")
    assert todo.later.least == todo.later.most == 2 * 7
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


def test_shards_are_tuned_together_and_judged_when_joined(
    result: bench.Results, tmp_path: Path
) -> None:
    parts = [tmp_path / "1", tmp_path / "2"]
    for number, part in enumerate(parts, start=1):
        found = bench.run(given(), out=part, jobs=1, shard=(number, 2))
        assert found.missing
        assert not found.unjudged
    Store.open(tmp_path / "merged").close()  # as a kill leaves it, before anything is noted
    merge(tmp_path / "merged", parts)
    assert bench.open_results(tmp_path / "merged").unjudged
    last = bench.run(given(), out=tmp_path / "merged", jobs=1)
    assert last.trained == 2 * 7
    assert not last.unjudged
    columns = [c for c in result.trials if not c.endswith("_seconds")]
    assert last.trials[columns].equals(result.trials[columns])


@pytest.mark.parametrize("criterion", ["best_train_loss", "time_to_train_loss"])
def test_a_run_that_diverges_later_has_arrived_and_wins_nothing(
    tmp_path: Path, criterion: str
) -> None:
    # The target is met by the untrained network, whose loss is also the lowest of a runaway.
    problem = {"dataset": "spiral", "epochs": 6, "record_every": 1, "target": {"train_loss": 2.0}}
    sgd = {"rule": "sgd", "learning_rate": [1e6, 0.1]}
    chosen = {"seeds": 2, "criterion": criterion}
    some = {"name": "late", "tuning": chosen, "problem": problem, "optimizer": sgd}
    result = bench.run(some, out=tmp_path / "out", jobs=1)
    trials = [t for t in result.manifest.trials if t.seed >= tuning.FIRST_SEED]
    with Store.read(result.folder) as store:
        found = scores(store, trials, criterion, result.manifest.targets)
        statuses = [store.statuses()[t.key] for t in trials]
    assert statuses == ["diverged"] * 2 + ["ok"] * 2
    arrived = criterion.startswith("time_to")
    assert np.isinf(found).tolist() == [not arrived] * 2 + [False, False]
    judged = result.trials[result.trials["phase"] == "evaluation"]
    assert judged["learning_rate"].unique().tolist() == [0.1]
