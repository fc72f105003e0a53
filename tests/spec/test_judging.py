"""`metric`, `margin` and `same_data_counts`: what a spec may say, and what it is told otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from bench.spec.experiment import load
from bench.spec.judging import Judged
from bench.stats.decision import Margin
from tests.spec.mistakes import errors, names

BLOBS = {"dataset": "blobs", "epochs": 2}
LINE = {"dataset": "log_linear", "epochs": 2}
ONE = {"rule": "sgd", "learning_rate": 0.1}
TWO = {"rule": "sgd", "learning_rate": [0.1, 1.0]}


def given(**changes: Any) -> dict[str, Any]:
    return {"seeds": 2, "problem": [BLOBS, LINE], "optimizer": ONE, **changes}


def judged(**changes: Any) -> list[Judged]:
    return [problem.judged for problem in load(given(**changes)).problems]


def test_the_top_judges_all_problems_but_those_that_say_otherwise() -> None:
    assert judged() == [Judged()] * 2 == [Judged("final_train_loss", Margin(0.1, 0.01))] * 2
    own = [{**BLOBS, "metric": "best_validation_accuracy", "margin": 0.3}, LINE]
    found = judged(problem=own, metric="final_test_loss", margin={"ratio": 0.2})
    assert found == [
        Judged("best_validation_accuracy", Margin(0.3, 0.3)),
        Judged("final_test_loss", Margin(0.2, 0.01)),
    ]


def test_what_judges_makes_no_other_trial() -> None:
    one, other = (
        load(given(problem=[{**BLOBS, **own}], **top))
        for own, top in (({}, {}), ({"metric": "final_test_loss"}, {"margin": 0.2}))
    )
    assert [p.problem for p in one.problems] == [p.problem for p in other.problems]
    assert [p.name for p in one.problems] == [p.name for p in other.problems]


MISTAKES: dict[str, tuple[Any, ...]] = {
    "no metric": ({"metric": "accuracy"}, "metric", '"accuracy"', "final_validation_accuracy"),
    "a time": (
        {"metric": "time_to_train_loss"},
        "metric",
        '"time_to_train_loss"',
        "final_ or best_",
    ),
    "of no such part": (
        {"metric": "final_validation_accuracy"},
        "metric",
        '"final_validation_accuracy"',
        '"log_linear"',
        "train_r2",
        "a metric of its own",
    ),
    "a problem's own": (
        {"problem": {**LINE, "metric": "final_train_accuracy"}},
        "problem.log_linear.metric",
        '"final_train_accuracy"',
        "train_r2",
    ),
    "several of one problem": (
        {"problem": {**BLOBS, "metric": ["final_train_loss", "final_test_loss"]}},
        "problem.blobs.metric",
        "",
        "final_ or best_",
    ),
    "test data choose": (
        {"metric": "final_test_loss", "optimizer": TWO},
        "metric",
        '"final_test_loss"',
        "test data",
        '"sgd"',
        "[tuning]",
    ),
    "test data tune": (
        {"metric": "final_test_loss", "optimizer": TWO, "tuning": {"seeds": 2}},
        "metric",
        '"final_test_loss"',
        "test data",
        "criterion",
    ),
    "no margin": ({"margin": 0}, "margin", "0", "between 0 and 1"),
    "a margin of a problem": (
        {"problem": {**BLOBS, "margin": {"share": 0.1}}},
        "problem.blobs.margin",
        "",
        "ratio = 0.1",
    ),
    "counts": ({"same_data_counts": "yes"}, "same_data_counts", '"yes"', "true or false"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(name: str) -> None:
    changes, key, *named = MISTAKES[name]
    first = next(line for line in errors(given(**changes)) if line.startswith(f"spec: {key}: "))
    names(first, key, *named)


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "final_test_loss"},  # one configuration each: there is no choice
        {
            "metric": "final_test_loss",
            "optimizer": TWO,
            "tuning": {"seeds": 2, "criterion": "final_validation_loss"},
        },
    ],
)
def test_test_data_may_judge(changes: dict[str, Any]) -> None:
    assert [each.metric for each in judged(**changes)] == ["final_test_loss"] * 2
