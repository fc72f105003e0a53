"""What figures say of a choice: only where there was one."""

from __future__ import annotations

from pathlib import Path

import bench
from bench.report.write import material_of
from bench.session.folder import read_manifest
from bench.store.store import Store
from bench.tables.bundle import Tables

SPEC = {
    "name": "x",
    "seeds": 4,
    "tuning": {"seeds": 2},
    "problem": [
        {"name": "searched", "dataset": "blobs", "epochs": 2},
        {"name": "given", "dataset": "blobs", "epochs": 3},
    ],
    "optimizer": [
        {"name": "grid", "rule": "sgd", "learning_rate": [0.1, 0.2], "problems": ["searched"]},
        {"name": "one", "rule": "sgd", "learning_rate": 0.1, "problems": ["searched", "given"]},
        {"name": "two", "rule": "sgd", "learning_rate": 0.2, "problems": ["given"]},
    ],
}


def test_only_where_there_was_a_choice_something_was_chosen(tmp_path: Path) -> None:
    folder = bench.run(SPEC, out=tmp_path / "x", jobs=1, report=False).folder
    with Store.read(folder) as store:
        manifest = read_manifest(store)
        material = material_of(store, manifest, Tables.of(store, manifest))
    chosen = material.judged_on("searched")
    assert chosen.startswith("Chosen by the lowest median final training loss on 2 tuning seeds")
    assert chosen.endswith("judged on 4 evaluation seeds that the choice has not seen.")
    told = "The one configuration of each optimizer, judged on 4 evaluation seeds."
    assert material.judged_on("given") == told
