"""Folders from before something was kept are read as what they hold."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.store.records import Layout
from bench.store.store import Store

SPEC: dict[str, Any] = {
    "name": "older",
    "seeds": 2,
    "problem": [{"dataset": "people", "epochs": 2}, {"dataset": "blobs", "epochs": 2}],
    "optimizer": [
        {"rule": ["rmsprop", "adam"], "problems": ["blobs"]},
        {"rule": "sgd", "name": "plain", "learning_rate": [0.1, 1.0]},
    ],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    return bench.run(SPEC, out=tmp_path_factory.mktemp("made"), jobs=1, report=False)


@pytest.fixture
def older(made: bench.Results, tmp_path: Path) -> tuple[bench.Results, Path]:
    """A result, and its folder as it was written before."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    with Store.open(tmp_path) as store:
        manifest = copy.deepcopy(dict(store.meta["manifest"]))
        manifest["configurations"] = [
            [optimizer, fields] for _, optimizer, fields in manifest["configurations"]
        ]
        store.set_meta(manifest=manifest)
    return made, tmp_path


def test_they_have_the_tables_that_they_would_have_now(older: tuple[bench.Results, Path]) -> None:
    result, folder = older
    found = bench.open_results(folder)
    assert found.manifest == result.manifest
    for name in ("trials", "curves", "summary"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(result, name))
    numbers = result.trials.drop_duplicates("configuration").set_index("configuration")
    assert numbers["optimizer"].sort_index().tolist() == ["rmsprop", "adam", "plain", "plain"]


def test_running_on_trains_nothing_and_stores_the_numbers(
    older: tuple[bench.Results, Path],
) -> None:
    result, folder = older
    again = bench.run(SPEC, out=folder, jobs=1, report=False)
    assert again.trained == 0
    with Store.read(folder) as store:
        entries = store.meta["manifest"]["configurations"]
    assert sorted(number for number, *_ in entries) == [0, 1, 2, 3]
    assert again.manifest == result.manifest


def test_trials_without_numbers_of_their_own_are_read_without(
    made: bench.Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = property(lambda self: json.dumps({"metrics": self.metrics, "asked": self.asked}))
    monkeypatch.setattr(Layout, "names", names)
    with Store.read(made.folder) as new, Store.open(tmp_path / "old") as old:
        for stack in new.results():
            assert any(record.numbers for record in stack.records)
            bare = [record._replace(numbers=()) for record in stack.records]
            old.add(stack._replace(records=bare))
        old.set_meta(**new.meta)
    found = bench.open_results(tmp_path / "old")
    assert found.trials["above_constant"].isna().all()
    assert not found.summary["above_constant"].any()
    pd.testing.assert_frame_equal(
        found.trials.drop(columns="above_constant"), made.trials.drop(columns="above_constant")
    )
    pd.testing.assert_frame_equal(found.curves, made.curves)
