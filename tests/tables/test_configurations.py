"""Tables tell configurations apart by their number, in every table and whatever is stored."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.plan.manifest import Manifest
from bench.store.store import Store
from bench.tables.best import best_rows, best_trials
from bench.tables.columns import hyperparameters
from bench.tables.curves import LEADING, blocks, curves_frame
from bench.tables.summary import summary_frame
from bench.tables.trials import pieces, trials_frame
from bench.tables.winners import winners
from tests.command import undrawn
from tests.frames import costed

SPEC: dict[str, Any] = {
    "name": "numbered",
    "seeds": 3,
    "tuning": {"seeds": 2},
    "problem": [
        {"dataset": "people", "epochs": 4, "record_every": 2},
        {"dataset": "log_linear", "epochs": 4, "record_every": 3},
        {"dataset": "neuron", "epochs": 4},
    ],
    "optimizer": [
        {"rule": "adam", "learning_rate": [0.01, 0.1], "problems": ["log_linear", "neuron"]},
        {"rule": "sgd", "learning_rate": [0.1, 1.0], "schedule": [{"name": "cosine"}, "constant"]},
        {"rule": "sgd", "name": "sgd, again", "learning_rate": [0.1, 1.0], "decay": [0.0, 0.1]},
    ],
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    with undrawn():
        return bench.run(SPEC, out=tmp_path_factory.mktemp("numbered"), jobs=1)


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name)


def test_the_number_stands_for_optimizer_and_settings_in_every_table(
    result: bench.Results,
) -> None:
    trials = read(result.folder, "trials.csv")
    own = ["optimizer", "rule", *hyperparameters(trials)]
    of_number = trials.drop_duplicates("configuration").set_index("configuration")[own]
    assert of_number.index.sort_values().tolist() == list(range(10))
    assert not of_number.duplicated().any()
    assert of_number.sort_index()["optimizer"].tolist() == [
        *["adam"] * 2,
        *["sgd"] * 4,
        *["sgd, again"] * 4,
    ]
    for name in ("trials.csv", "summary.csv", "curves.csv", "ranking.csv"):
        frame = read(result.folder, name)
        shared = [column for column in own if column in frame]
        frame = frame[frame["problem"] != "all problems"].astype({"configuration": int})
        # Optimizers that have chosen the same trials are one, by the number of the first.
        frame["optimizer"] = frame["optimizer"].str.partition(" = ")[0]
        told = of_number.loc[frame["configuration"], shared].reset_index(drop=True)
        pd.testing.assert_frame_equal(told, frame[shared].reset_index(drop=True))


def test_curves_say_themselves_whose_they_are(result: bench.Results) -> None:
    trials, curves = result.trials, read(result.folder, "curves.csv")
    whose = trials.set_index("trial").loc[curves["trial"], LEADING[1:]].reset_index()
    pd.testing.assert_frame_equal(curves[LEADING], whose, check_dtype=False)
    pd.testing.assert_frame_equal(curves, result.curves, check_dtype=False)
    runs = best_trials(costed(trials, curves).trials)
    epoch_by_epoch = curves.sort_values("epoch", kind="stable")
    for block in blocks(runs, epoch_by_epoch):
        best = runs[(runs["problem"] == block.problem) & (runs["optimizer"] == block.optimizer)]
        assert block.seeds.tolist() == best["seed"].tolist()
        for number, row in zip(best["trial"], block.metrics["train_loss"], strict=True):
            one = curves[curves["trial"] == number]
            assert row.tolist() == one["train_loss"].tolist()
            assert block.epochs.tolist() == one["epoch"].tolist()


def test_the_best_rows_and_the_best_trials_are_one_configuration(result: bench.Results) -> None:
    columns = ["problem", "optimizer", "configuration"]
    some = costed(result.trials, result.curves)
    runs = best_trials(some.trials)[columns].drop_duplicates()
    rows = best_rows(some.summary)[columns]
    assert sorted(runs.to_numpy().tolist()) == sorted(rows.to_numpy().tolist())
    assert len(rows) == 3 + 3 + 2


@pytest.mark.parametrize("rows", [1, 4, 1000])
def test_pieces_with_their_keys_are_the_table(result: bench.Results, rows: int) -> None:
    manifest = result.manifest
    with Store.read(result.folder) as store:
        frame = trials_frame(store, manifest, keys=False)
    assert "key" not in frame
    found = list(pieces(frame, manifest.plan, rows))
    assert max(map(len, found)) == min(rows, len(frame))
    pd.testing.assert_frame_equal(pd.concat(found), result.trials)
    [none] = pieces(frame.iloc[:0], manifest.plan)
    assert list(none) == list(result.trials)


def test_copies_of_configurations_change_no_table(result: bench.Results) -> None:
    manifest = result.manifest
    twins: Manifest = replace(
        manifest,
        trials=tuple(
            replace(t, configuration=copy.deepcopy(t.configuration)) for t in manifest.trials
        ),
    )
    with Store.read(result.folder) as store:
        frame = trials_frame(store, twins)
        pd.testing.assert_frame_equal(frame, result.trials)
        pd.testing.assert_frame_equal(summary_frame(frame, manifest.fixed), result.summary)
        pd.testing.assert_frame_equal(curves_frame(store, twins.trials), result.curves)
        criterion = dict.fromkeys(manifest.problems, "final_train_loss"), manifest.targets
        assert winners(store, twins.trials, *criterion) == winners(
            store, manifest.trials, *criterion
        )
