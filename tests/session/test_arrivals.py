"""Times to targets in a run: exact, stored with their trials, and asked for like metrics."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.figures import style
from bench.figures.book import plan
from bench.figures.material import Material
from bench.report import write as report
from bench.session.folder import read_manifest
from bench.session.regression import check, write_baseline
from bench.session.run import planned
from bench.store.store import Store
from bench.tables.bundle import Tables
from bench.verdicts import judge

SPEC: dict[str, Any] = {
    "name": "timed",
    "seeds": 8,
    "problem": [
        {
            "name": "full",
            "dataset": {"name": "spiral", "samples": 20},
            "layers": ["dense 8", "relu", "dense 3", "softmax"],
            "initializer": {"name": "normal", "scale": 0.5},
            "epochs": 60,
            "record_every": 1,
            "target": {"train_loss": 1.05, "validation_accuracy": 0.45},
        },
        {
            "name": "partial",
            "dataset": {"name": "log_linear", "samples": 60},
            "batch_size": 16,
            "epochs": 60,
            "record_every": 1,
            "target": {"train_loss": 0.05},
        },
    ],
    "optimizer": [
        {"rule": "sgd", "learning_rate": 0.3},
        {"rule": "adam", "learning_rate": 0.02},
        {"rule": "sgd", "name": "slow", "learning_rate": 0.005},
    ],
}


def spec(**changes: Any) -> dict[str, Any]:
    """The spec with changes to its problems."""
    some = copy.deepcopy(SPEC)
    for problem in some["problem"]:
        problem |= changes
    return some


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    return bench.run(SPEC, out=tmp_path_factory.mktemp("whole"), jobs=1)


def test_they_are_the_first_epochs_of_the_whole_curve(whole: bench.Results) -> None:
    trials, curves = whole.trials.set_index("trial"), whole.curves
    for problem in SPEC["problem"]:
        mine = trials[trials["problem"] == problem["name"]].index
        for column, goal in problem["target"].items():
            there = curves[column] <= goal if "loss" in column else curves[column] >= goal
            first = curves[there].groupby("trial")["epoch"].min().astype(float)
            expected = first.reindex(mine, fill_value=np.inf)
            assert trials.loc[mine, f"time_to_{column}"].tolist() == expected.tolist()
            assert expected.nunique() > 8
    times = pd.read_csv(whole.folder / "time_to_target.csv")
    assert times["median"].nunique() > 3
    slow = times[times["optimizer"] == "slow"].set_index("metric")
    assert slow.loc["train_loss", "median"].tolist() == [np.inf] * 2


@pytest.mark.parametrize("every", [7, 100])
def test_what_is_recorded_changes_no_time(whole: bench.Results, tmp_path: Path, every: int) -> None:
    other = bench.run(spec(record_every=every), out=tmp_path, jobs=1)
    names = ["time_to_target.csv", "profile.csv"]
    for name in names:
        found, expected = (pd.read_csv(r.folder / name) for r in (other, whole))
        seconds = [column for column in expected if column.endswith("_seconds")]
        pd.testing.assert_frame_equal(found.drop(columns=seconds), expected.drop(columns=seconds))
    assert drawn(other, tmp_path / "other") == drawn(whole, tmp_path / "whole")


def drawn(result: bench.Results, folder: Path) -> dict[str, bytes]:
    """The target figures, and the profiles over problems, as a report has them."""
    folder.mkdir()
    with Store.read(result.folder) as store:
        tables = Tables.of(store, result.manifest)
    targets, counts = result.manifest.targets, Counter(result.trials["problem"])
    told = judge(tables, targets=targets, planned=counts)
    pages = dict(plan(Material(tables, told, targets=targets)))
    found = {}
    for name, paint in pages.items():
        if name[0] in ("target", "profile"):
            with style.applied():
                path = style.save(paint(), folder / f"{'_'.join(name)}.png")
            found[path.name] = path.read_bytes()
    assert len(found) == 3
    return found


def test_running_again_trains_nothing(whole: bench.Results) -> None:
    assert bench.run(SPEC, out=whole.folder, jobs=1).trained == 0


def test_another_target_trains_again_what_is_otherwise_the_same(
    whole: bench.Results, tmp_path: Path
) -> None:
    bench.run(SPEC, out=tmp_path, jobs=1)
    again = bench.run(spec(target={"train_loss": 0.03}), out=tmp_path, jobs=1)
    assert again.trained == len(again.trials)
    own = [c for c in again.trials if not c.startswith("time_to_") and not c.endswith("_seconds")]
    pd.testing.assert_frame_equal(again.trials[own], whole.trials[own])
    pd.testing.assert_frame_equal(again.curves, whole.curves)
    assert (again.trials["time_to_train_loss"] >= whole.trials["time_to_train_loss"]).all()


def test_a_problem_that_is_there_twice_with_two_targets_is_trained_once(tmp_path: Path) -> None:
    twice = spec()
    easy = {**twice["problem"][0], "name": "easy", "target": {"train_loss": 1.08}}
    twice["problem"] = [twice["problem"][0], easy]
    result = bench.run(twice, out=tmp_path, jobs=1)
    assert result.trained == len(result.trials) / 2
    assert not planned(twice, out=tmp_path).missing
    times = result.trials.pivot(index=["optimizer", "seed"], columns="problem")[
        "time_to_train_loss"
    ]
    assert (times["easy"] <= times["full"]).all()
    assert (times["easy"] < times["full"]).any()


def test_of_folders_from_before_no_times_are_told(whole: bench.Results, tmp_path: Path) -> None:
    with Store.read(whole.folder) as new, Store.open(tmp_path) as old:
        for stack in new.results():
            bare = [record._replace(numbers=(), asked=()) for record in stack.records]
            old.add(stack._replace(records=bare))
        manifest = {k: v for k, v in new.meta["manifest"].items() if k not in ("timed", "recorded")}
        old.set_meta(**{**new.meta, "manifest": manifest})
    with Store.read(tmp_path) as store:
        report.write(tmp_path, store, read_manifest(store))
    found = bench.open_results(tmp_path)
    assert not found.missing
    assert found.trials["time_to_train_loss"].isna().all()
    assert pd.read_csv(tmp_path / "time_to_target.csv").empty
    assert "not known" in (tmp_path / "audit.csv").read_text()
    assert "reaches its target" not in (tmp_path / "verdicts.txt").read_text()
    # Running trains them again: they lack what is asked for.
    assert len(planned(SPEC, out=tmp_path).missing) == len(whole.trials)


def test_the_gate_compares_them(whole: bench.Results, tmp_path: Path) -> None:
    path = write_baseline(whole, tmp_path / "baseline.json", jobs=1)
    other = bench.run(spec(record_every=1), out=tmp_path / "again", jobs=1)
    assert check(other, path, strict=True).ok
    with Store.open(tmp_path / "again") as store:
        for stack in list(store.results()):
            late = [
                record._replace(
                    numbers=tuple(
                        (name, value + 30 * name.startswith("time_to_train_loss"))
                        for name, value in record.numbers
                    ),
                    curve=(np.frombuffer(record.curve) * (1 + 1e-7)).tobytes(),
                )
                for record in stack.records
            ]
            store.add(stack._replace(records=late))
    found = check(tmp_path / "again", path)
    assert "time to target" in str(found)
