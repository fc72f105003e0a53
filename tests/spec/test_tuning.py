"""Tuning apart from evaluation: draws, criteria, two phases in one run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.plan.trials import trials as plan_trials
from bench.spec import experiment, tuning
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
    "one point": (
        {"optimizer": [{**ADAM, "learning_rate": {"uniform": [1, 1]}}]},
        f"{RATE}.uniform",
        "[1, 1]",
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
        "2",
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


def test_an_optimizer_may_have_another_distribution_on_each_problem() -> None:
    tables = [
        {**ADAM, "learning_rate": {"uniform": ends}, "problems": name}
        for name, ends in (("people", [1, 2]), ("neuron", [3, 4]))
    ]
    [adam] = experiment.load(given(optimizer=tables)).optimizers
    assert {name: len(places) for name, places in adam.on.items()} == {"people": 5, "neuron": 5}
    rates = [adam.configurations[place].hyperparameters["learning_rate"] for place in range(10)]
    assert [1 <= rate <= 2 for rate in rates] == [True] * 5 + [False] * 5


def test_a_grid_is_tuned_too_and_evaluation_changes_no_tuning_trial() -> None:
    grid = given(tuning={"seeds": 3}, optimizer=[{"rule": "sgd", "learning_rate": [0.1, 1.0]}])
    few = plan_trials(experiment.load(grid))
    more = plan_trials(experiment.load({**grid, "seeds": 30}))
    assert [t.key for t in few] == [t.key for t in more]
    assert {t.seed for t in few if t.problem_name == "people"} == {
        tuning.FIRST_SEED + i for i in range(3)
    }
