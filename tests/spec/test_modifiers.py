"""Schedules and clipping in optimizer tables: what they stand for, and what is said of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.plan import reading, writing
from bench.plan.keys import key
from bench.plan.stacks import stacks
from bench.plan.trials import trials
from bench.spec import experiment
from nncore.modifiers import modifiers
from nncore.schedules import schedules
from nncore.stack.training import train
from nncore.trial import Configuration
from tests.command import undrawn
from tests.spec.mistakes import errors, names


def configurations(**table: Any) -> tuple[Configuration, ...]:
    problem = {"dataset": "people", "epochs": 20}
    loaded = experiment.load({"problem": problem, "optimizer": {"rule": "sgd", **table}})
    return loaded.optimizers[0].configurations


@pytest.mark.parametrize("name", [n for n in schedules if n not in ("constant", "inverse_time")])
def test_a_name_stands_for_all_defaults(name: str) -> None:
    (found,) = configurations(schedule=name)
    assert found.modifiers["schedule"] == {"name": name, **_plain(schedules[name].parameters)}
    assert configurations(schedule={"name": name}) == (found,)


def test_lists_and_ranges_are_crossed() -> None:
    found = configurations(
        schedule=["constant", {"name": "linear", "end": [0.0, 0.1]}],
        clip_norm={"log": [1.0, 100.0], "n": 3},
        learning_rate=[0.1, 0.2],
    )
    assert len(found) == 3 * 3 * 2
    assert {c.modifiers["clip_norm"] for c in found} == {1.0, 10.0, 100.0}
    assert all("clip_value" not in c.modifiers for c in found)


def test_decay_is_short_for_inverse_time() -> None:
    (short,) = configurations(decay=0.1)
    (long,) = configurations(schedule={"name": "inverse_time", "decay": 0.1})
    assert short == long
    problem = experiment.load({"problem": {"dataset": "people"}, "optimizer": {"rule": "sgd"}})
    keys = {key(problem.problems[0].problem, c, 0) for c in (short, long)}
    assert len(keys) == 1
    assert configurations(schedule="constant") == configurations()


def test_one_schedule_written_twice_is_one_configuration() -> None:
    assert len(configurations(schedule=["cosine", {"name": "cosine", "end": 0.0}])) == 1


def test_they_train() -> None:
    problem = experiment.load({"problem": {"dataset": "blobs"}, "optimizer": {"rule": "sgd"}})
    plain, clipped = configurations(clip_norm=[1e-3, 1e3])
    (cosine,) = configurations(schedule="cosine")
    losses = [
        train(problem.problems[0].problem, [c], [0])[0].metrics["train_loss"][-1]
        for c in (plain, clipped, cosine)
    ]
    assert losses[1] < losses[2] < losses[0]


# A value of each modifier, and its columns.
EXAMPLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "schedule": (
        {"name": "piecewise", "boundaries": [2, 3], "factors": [0.5, 0.1]},
        {
            "schedule": "piecewise",
            "schedule.boundaries": "[2.0, 3.0]",
            "schedule.factors": "[0.5, 0.1]",
            "schedule.warmup": 0.0,
        },
    ),
    "wrap": (
        [{"name": "lookahead", "steps": 2}, "ema"],
        {
            "wrap": "lookahead + ema",
            "wrap.lookahead.steps": 2.0,
            "wrap.lookahead.rate": 0.5,
            "wrap.ema.beta": 0.99,
        },
    ),
    "clip_norm": (1e-3, {"clip_norm": 1e-3}),
    "clip_value": ([1e-4], {"clip_value": 1e-4}),
}


def test_every_modifier_has_an_example() -> None:
    """But options, keys of their own: tests/spec/test_bridges.py has them."""
    assert {*EXAMPLES, "options"} == {*modifiers}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_modifier_from_its_key_to_columns_results_and_winners(name: str, tmp_path: Path) -> None:
    value, columns = EXAMPLES[name]
    problem = {"dataset": "people", "epochs": 3}
    optimizers = [{"rule": "sgd"}, {"name": "modified", "rule": "sgd", name: value}]
    with undrawn():
        result = bench.run({"problem": problem, "optimizer": optimizers}, out=tmp_path, jobs=1)
    plain, modified = result.trials.to_dict("records")
    assert {column: modified[column] for column in columns} == columns
    assert [column for column in columns if not pd.isna(plain[column])] == []
    assert plain["final_train_loss"] != modified["final_train_loss"]
    assert plain["key"] != modified["key"]
    # What runs other code trains in a stack of its own.
    assert [len(stack) for stack in stacks(result.manifest.trials, jobs=1)] == [1, 1]
    again = experiment.load(tmp_path / "best.toml").optimizers[1]
    assert again.configurations == (result.manifest.trials[1].configuration,)
    written = json.loads(json.dumps(writing.to_json(result.manifest)))
    assert reading.from_json(written) == result.manifest


# A mistake; the key that is told, the value that is wrong, words of what is right.
WRONG = {
    "an unknown wrapper": ({"wrap": "lookahed"}, "wrap", '"lookahed"', '"lookahead"'),
    "a wrapper twice": ({"wrap": ["ema", "ema"]}, "wrap", "ema twice", "once"),
    "steps that are none": (
        {"wrap": {"name": "lookahead", "steps": 0.5}},
        "wrap.steps",
        "0.5",
        "whole number from 1",
    ),
    "an average of an average": (
        {"rule": "schedule_free_sgd", "wrap": "ema"},
        "wrap",
        "schedule_free_sgd is measured at an average of its own, which ema does not know",
    ),
    "a wrapper around an average": (
        {"wrap": ["schedule_free", "lookahead"]},
        "wrap",
        "schedule_free is measured at an average of its own, which lookahead does not know",
    ),
    "a gradient changed behind a line search": (
        {"rule": "lbfgs", "wrap": "sam"},
        "wrap",
        "lbfgs evaluates the loss itself, and sam changes the gradient behind it",
    ),
    "unknown": ({"schedule": "cosin"}, "schedule", '"cosin"', '"cosine"'),
    "unknown parameter": (
        {"schedule": {"name": "cosine", "rstarts": 3}},
        "schedule.rstarts",
        "",
        '"restarts"',
    ),
    "another type": ({"schedule": 3}, "schedule", "3", "name", "table"),
    "empty": ({"schedule": []}, "schedule", "empty list", "name", "table"),
    "a value that makes no schedule": (
        {"schedule": {"name": "step", "factor": -1.0}},
        "schedule",
        "factor = -1.0",
        "above 0",
    ),
    "no clipping at all": ({"clip_norm": 0}, "clip_norm", "0", "above 0"),
    "words": ({"clip_value": "much"}, "clip_value", '"much"', "above 0"),
    "biases apart in a rule of the whole network": (
        {"rule": "prodigy", "bias": {"beta_2": 0.5}},
        "bias.beta_2",
        "beta_2",
        "prodigy",
        "learning_rate",
        "weight_decay",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes(case: str) -> None:
    table, key, *named = WRONG[case]
    optimizer = {"rule": "sgd", **table}
    [error] = errors({"problem": {"dataset": "people"}, "optimizer": optimizer})
    names(error, f"optimizer.{optimizer['rule']}.{key}", *named)


def _plain(parameters: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in parameters.items()}


def test_wrappers_cross_as_hyperparameters_do_and_give_their_name() -> None:
    wraps = [{"name": "lookahead", "steps": [5, 10]}, {"name": "ema", "beta": [0.9, 0.99]}]
    tables = [{"rule": ["sgd", "adam"], "learning_rate": [0.1, 0.2], "wrap": wraps}]
    tables += [{"rule": "adam"}, {"rule": "lbfgs", "wrap": "ema"}]
    found = experiment.load({"problem": {"dataset": "people"}, "optimizer": tables}).optimizers
    assert [optimizer.name for optimizer in found] == [
        "sgd + lookahead + ema",
        "adam + lookahead + ema",
        "adam",
        "lbfgs + ema",
    ]
    assert [len(optimizer.configurations) for optimizer in found] == [8, 8, 1, 1]
    chains = [c.modifiers["wrap"] for c in found[0].configurations[:4]]
    assert [(a["steps"], a["rate"], b["beta"]) for a, b in chains] == [
        (5, 0.5, 0.9),
        (5, 0.5, 0.99),
        (10, 0.5, 0.9),
        (10, 0.5, 0.99),
    ]


def test_a_file_counts_by_its_content(tmp_path: Path) -> None:
    rows = "\n".join(f"{i % 5},{i % 3},{'yes' if i % 2 else 'no'}" for i in range(40))
    keys = []
    for folder, text in (("a", rows), ("b", rows), ("c", rows.replace("0,0", "0,1"))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.csv").write_text(f"x,z,label\n{text}\n")
        path = tmp_path / folder / "mine.toml"
        path.write_text(
            'problem = { dataset = { name = "csv", path = "data.csv", target = "label" } }\n'
            'optimizer = { rule = "sgd" }\n'
        )
        loaded = experiment.load(path)
        keys.append({trial.key for trial in trials(loaded)})
    assert keys[0] == keys[1]
    assert not keys[0] & keys[2]


@pytest.mark.parametrize(
    ("dataset", "named"),
    [
        ({"name": "csv"}, ("missing", "path", ".npz")),
        ({"name": "csv", "path": "nowhere.csv", "target": "y"}, ("cannot be read", "nowhere.csv")),
    ],
)
def test_files_that_are_not_there(dataset: dict[str, Any], named: tuple[str, ...]) -> None:
    [error] = errors({"problem": {"dataset": dataset}, "optimizer": {"rule": "sgd"}})
    names(error, "problem.csv.dataset", *named)


def test_the_objective_is_for_test_functions() -> None:
    problem = {"dataset": "sine", "loss": "objective"}
    [error] = errors({"problem": problem, "optimizer": {"rule": "sgd"}})
    names(error, "problem.sine.loss", "objective", "sine", "test functions")
