"""Folders from before configurations had numbers are read as what they hold."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
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


@pytest.fixture
def older(tmp_path: Path) -> tuple[bench.Results, Path]:
    """A result, and its folder as it was written before."""
    result = bench.run(SPEC, out=tmp_path, jobs=1)
    with Store.open(tmp_path) as store:
        manifest = copy.deepcopy(dict(store.meta["manifest"]))
        manifest["configurations"] = [
            [optimizer, fields] for _, optimizer, fields in manifest["configurations"]
        ]
        store.set_meta(manifest=manifest)
    return result, tmp_path


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
    again = bench.run(SPEC, out=folder, jobs=1)
    assert again.trained == 0
    with Store.read(folder) as store:
        entries = store.meta["manifest"]["configurations"]
    assert sorted(number for number, *_ in entries) == [0, 1, 2, 3]
    assert again.manifest == result.manifest
