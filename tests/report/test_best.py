"""`best.toml`, the winners as a spec: it runs, and gives their numbers under their names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.spec.names import LONGEST
from bench.tables.best import best_rows
from tests.command import undrawn
from tests.frames import costed

LONG = "a name that is as long as one may be: " + "x" * (LONGEST - 38)
PEOPLE = {"dataset": "people", "epochs": 6, "record_every": 2, "target": {"loss": 0.2}}
OTHER = {**PEOPLE, "name": "other", "layers": ["dense 3", "sigmoid", "dense 1"], "epochs": 4}
SGD = {"rule": "sgd", "learning_rate": [1e-6, 3.0]}
ADAM = {"rule": "adam", "learning_rate": {"log": [1e-4, 0.1], "n": 3}, "schedule": "cosine"}

SPECS: dict[str, dict[str, Any]] = {
    "another winner on each problem": {
        "problem": [PEOPLE, {**OTHER, "batch_size": 2}],
        # At 10 the other's line runs away, which the first one's sigmoids cannot.
        "optimizer": [{"rule": "sgd", "learning_rate": [0.3, 10.0]}, ADAM],
    },
    "one winner on all problems": {
        # The dataset's own batches are of one.
        "problem": [PEOPLE, {**OTHER, "batch_size": "full"}],
        "optimizer": [{"rule": "lion", "bias": {"weight_decay": 0.1}, "problems": "other"}, ADAM],
    },
    "modified": {
        "problem": [PEOPLE, {"dataset": "blobs", "epochs": 5}],
        "optimizer": [
            {**SGD, "name": "clipped", "clip_norm": [1e-3, 2.0], "clip_value": 0.5},
            {**SGD, "schedule": {"name": "inverse_time", "decay": 0.1}, "decay": [0.0, 0.01]},
        ],
    },
    "long names": {
        "name": "y" * LONGEST,
        "problem": [{**PEOPLE, "name": LONG, "epochs": [4, 5]}, {**OTHER, "name": LONG[::-1]}],
        "optimizer": [{**SGD, "name": LONG}, {**SGD, "name": LONG[::-1], "rule": ["adam", "sgd"]}],
    },
    "tuned": {
        "tuning": {"n": 3, "seeds": 2},
        "problem": [PEOPLE, OTHER, {"dataset": "neuron", "epochs": 5}],
        "optimizer": [{**SGD, "learning_rate": {"log_uniform": [1e-4, 10.0]}}],
    },
}


def winners(result: bench.Results) -> pd.DataFrame:
    """Of each problem and optimizer the winner's final loss, over seeds."""
    rows = (
        best_rows(costed(result.trials, result.curves).summary)
        .set_index(["problem", "optimizer"])
        .sort_index()
    )
    return rows[["final_train_loss_median", "seeds"]]


@pytest.mark.parametrize("name", SPECS)
def test_it_runs_and_gives_the_same_numbers_under_the_same_names(name: str, tmp_path: Path) -> None:
    with undrawn():
        result = bench.run({"seeds": 3, **SPECS[name]}, out=tmp_path / "out", jobs=1)
        again = bench.run(tmp_path / "out" / "best.toml", out=tmp_path / "again", jobs=1)
    pd.testing.assert_frame_equal(winners(again), winners(result))
    assert list(dict.fromkeys(again.trials["optimizer"])) == list(
        dict.fromkeys(result.trials["optimizer"])
    )
    # The winners' trials are those of before, and there are no others.
    assert set(again.trials["key"]) <= set(result.trials["key"])
    assert len(again.summary) == len(winners(result))
    ranks = [pd.read_csv(r.folder / "ranking.csv")["problem"].unique() for r in (result, again)]
    assert list(ranks[0]) == list(ranks[1])


def test_an_optimizer_has_a_table_for_each_of_its_winners(tmp_path: Path) -> None:
    tables = {}
    for name in ("another winner on each problem", "one winner on all problems"):
        with undrawn():
            bench.run({"seeds": 2, **SPECS[name]}, out=tmp_path / name, jobs=1)
        best = tomllib.loads((tmp_path / name / "best.toml").read_text())
        tables[name] = [(t["name"], t["problems"]) for t in best["optimizer"]]
    assert ("sgd", ["people"]) in tables["another winner on each problem"]
    assert ("sgd", ["other"]) in tables["another winner on each problem"]
    assert tables["one winner on all problems"] == [
        ("lion", ["other"]),
        ("adam", ["people", "other"]),
    ]
