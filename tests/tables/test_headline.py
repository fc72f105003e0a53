"""What an experiment is judged by: costs of every direction, words, and the phases of tuning."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest

from bench.plan import manifest as manifests
from bench.plan import reading, writing
from bench.plan.trials import trials
from bench.spec.experiment import load
from bench.tables.headline import COST, Headline, Headlines, best_median, criterion_words, headline
from nncore.metrics import BUILT_IN_COLUMNS, Quantity

SPIRAL = {"dataset": "spiral", "epochs": 2, "target": {"loss": 0.5}}
SGD = {"rule": "sgd", "learning_rate": [0.1, 1.0]}
FRAME = pd.DataFrame(
    {
        "problem": "p",
        "status": ["ok", "diverged", "crashed", "ok"],
        "final_train_loss": [0.5, 3.0, np.nan, 0.1],
        "best_validation_accuracy": [0.75, 0.5, np.nan, 1.0],
        "final_test_r2": [0.5, 0.25, np.nan, -2.0],
    }
)


@pytest.mark.parametrize(
    ("name", "words", "costs"),
    [
        ("final_train_loss", "lowest median final training loss", [0.5, math.inf, None, 0.1]),
        (
            "best_validation_accuracy",
            "highest median best validation accuracy",
            [-0.75, 0, None, -1],
        ),
        ("final_test_r2", "highest median final test R²", [-0.5, math.inf, None, 2]),
        ("final_validation_loss", "lowest median final validation loss", [None] * 4),
    ],
)
def test_costs_are_the_less_the_better(name: str, words: str, costs: list[float | None]) -> None:
    found = headline(name, BUILT_IN_COLUMNS)
    assert (found.name, best_median([found])) == (name, words)
    expected = np.array([np.nan if cost is None else cost for cost in costs])
    np.testing.assert_array_equal(found.costs(FRAME), expected)
    np.testing.assert_array_equal(found.values(found.costs(FRAME)), found.quantity.cost(expected))


def test_several_headlines_share_no_words() -> None:
    some = [Headline(), headline("final_validation_accuracy", BUILT_IN_COLUMNS)]
    assert best_median(some) == "best median of the problem's own metric"
    assert best_median(some[:1] * 3) == "lowest median final training loss"


def test_scores_with_an_end_are_no_ratios() -> None:
    error = Quantity("error", "lower", 1.0, "error rate", best=0.0)
    assert Headline("final", "test_error", error).costs(FRAME.assign(final_test_error=0.3))[1] == 1


def of(**changes: object) -> manifests.Manifest:
    experiment = load({"seeds": 2, "problem": SPIRAL, "optimizer": SGD, **changes})
    return manifests.of(experiment, trials(experiment))


def test_a_test_metric_judges_and_the_criterion_shows_the_search() -> None:
    tuning = {"seeds": 2, "criterion": "best_validation_accuracy"}
    found = Headlines.of(of(metric="final_test_loss", tuning=tuning))
    assert found.of_problem("spiral").name == "final_test_loss"
    assert found.of_search("spiral").name == "best_validation_accuracy"
    rows = pd.DataFrame(
        {
            "problem": "spiral",
            "status": "ok",
            "phase": ["tuning", "evaluation"],
            "best_validation_accuracy": 0.5,
            "final_test_loss": 0.25,
        }
    )
    assert found.costed(rows)[COST].tolist() == [-0.5, 0.25]
    shown = Headlines.of(of(metric="final_validation_loss", tuning=tuning))
    assert shown.of_search("spiral").name == "final_validation_loss"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "lowest median final training loss"),
        ({"metric": "final_validation_accuracy"}, "highest median final validation accuracy"),
        (
            {"metric": "final_validation_accuracy", "tuning": {"criterion": "best_train_loss"}},
            "lowest median best training loss",
        ),
        (
            {"tuning": {"criterion": "time_to_train_loss"}},
            "shortest median time to the target of the training loss",
        ),
        (
            {"problem": [SPIRAL, {"dataset": "blobs", "metric": "best_train_accuracy"}]},
            "best median of the problem's own metric",
        ),
    ],
)
def test_what_chooses_is_told(changes: dict[str, object], words: str) -> None:
    assert criterion_words(of(**changes)) == words


def test_manifests_keep_what_judges() -> None:
    some = of(metric="final_validation_accuracy", margin={"difference": 0.02})
    again = reading.from_json(json.loads(json.dumps(writing.to_json(some))))
    assert again.judged == some.judged
    assert again.judge_of("spiral").metric == "final_validation_accuracy"
    assert again.judge_of("spiral").margin.difference == 0.02
    assert dataclasses.replace(again, judged={}).judge_of("spiral").metric == "final_train_loss"
