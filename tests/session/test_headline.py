"""An experiment that asks for another metric is answered in it: choice, tables and words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from tests.command import undrawn

TABLES = ("summary", "ranking", "pairs", "budget")
SPEC: dict[str, Any] = {
    "seeds": 7,
    "problem": {"dataset": "spiral", "epochs": 60, "record_every": 60},
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.1, 1.0]},
        {"rule": "adam", "learning_rate": [0.005, 0.5]},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headline")


def report(folder: Path, **changes: Any) -> dict[str, Any]:
    """What a report says; of one folder, so that only what is judged changes."""
    with undrawn():
        result = bench.run({**SPEC, **changes}, out=folder, jobs=1)
    tables = {
        n: pd.read_csv(folder / f"{n}.csv") for n in ("summary", "ranking", "pairs", "budget")
    }
    return {"trained": result.trained, "text": (folder / "verdicts.txt").read_text(), **tables}


def test_the_metric_governs_choice_tables_and_words(folder: Path) -> None:
    report(folder)
    found = report(folder, metric="final_validation_accuracy", margin={"difference": 0.5})
    assert found["trained"] == 0
    assert "highest median final validation accuracy" in found["text"]
    assert set(found["pairs"]["metric"]) == {"final_validation_accuracy"}
    assert set(found["pairs"]["margin"]) == {0.5}
    assert set(found["pairs"]["scale"]) == {"difference"}
    of = found["summary"].set_index("configuration")["final_validation_accuracy_median"]
    by_optimizer = found["summary"].groupby("optimizer")["final_validation_accuracy_median"].max()
    ranked = found["ranking"].set_index("optimizer")
    assert (ranked["median"] == of[ranked["configuration"]].to_numpy()).all()
    assert (ranked["median"] == by_optimizer[ranked.index]).all()
    assert ranked["median"].idxmax() == ranked["rank"].idxmin()
    assert (ranked["median_low"] <= ranked["median"]).all()
    assert (ranked["median"] <= ranked["median_high"]).all()
    last = found["budget"].groupby("optimizer")["median_best"].last()
    assert (last[ranked.index] == ranked["median"]).all()
    # The winners run again by themselves, judged by the same.
    again = report(folder.with_name("again"), **_best(folder))
    assert set(again["ranking"]["metric"]) == {"final_validation_accuracy"}
    assert set(again["pairs"]["margin"]) == {0.5}


def _best(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "best.toml").read_text())


def test_tuning_chooses_by_the_metric_of_each_problem(tmp_path: Path) -> None:
    problems = [
        {**SPEC["problem"], "name": "scored", "metric": "final_validation_accuracy"},
        SPEC["problem"],
    ]
    found = report(tmp_path, tuning={"seeds": 3}, problem=problems)
    assert "Chosen by the best median of the problem's own metric" in found["text"]
    tuned = found["summary"][found["summary"]["phase"] == "tuning"]
    for problem, column, best in (
        ("scored", "final_validation_accuracy_median", "idxmax"),
        ("spiral", "final_train_loss_median", "idxmin"),
    ):
        mine = tuned[tuned["problem"] == problem]
        chosen = mine.loc[getattr(mine.groupby("optimizer")[column], best)(), "configuration"]
        judged = found["ranking"][found["ranking"]["problem"] == problem]["configuration"]
        assert set(chosen) == set(judged.astype(int))
