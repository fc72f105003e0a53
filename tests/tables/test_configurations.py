"""Tables tell configurations apart by their number, in every table and whatever is stored."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.plan.manifest import Manifest
from bench.store.store import Store
from bench.tables import bands
from bench.tables.best import best_rows, best_trials
from bench.tables.columns import hyperparameters
from bench.tables.curves import LEADING, curves_frame
from bench.tables.headline import COST, Headlines
from bench.tables.records import curve_chunks
from bench.tables.summary import summary_frame
from bench.tables.trials import TrialRows, trials_frame
from bench.tables.winners import winners
from tests.command import undrawn
from tests.frames import costed, course_of

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


def test_the_best_rows_and_the_best_trials_are_one_configuration(result: bench.Results) -> None:
    columns = ["problem", "optimizer", "configuration"]
    some = costed(result.trials, result.curves)
    runs = best_trials(some.trials)[columns].drop_duplicates()
    rows = best_rows(some.summary)[columns]
    assert sorted(runs.to_numpy().tolist()) == sorted(rows.to_numpy().tolist())
    assert len(rows) == 3 + 3 + 2


@pytest.mark.parametrize("least", [1, 4, 1000])
def test_pieces_are_the_table_with_whole_configurations(result: bench.Results, least: int) -> None:
    manifest = result.manifest
    with Store.read(result.folder) as store:
        found = list(TrialRows(store, manifest).pieces(least=least))
    whole = pd.concat(found, ignore_index=True)
    pd.testing.assert_frame_equal(whole, result.trials)
    assert [part.dtypes.to_dict() for part in found] == [whole.dtypes.to_dict()] * len(found)
    where = ["problem", "configuration", "phase"]
    parts = pd.concat([part[where].drop_duplicates() for part in found])
    assert len(parts) == len(whole[where].drop_duplicates())
    assert all(least <= len(part) < least + 3 for part in found[:-1])
    summaries = [summary_frame(part, manifest.fixed) for part in found]
    pd.testing.assert_frame_equal(pd.concat(summaries, ignore_index=True), result.summary)


def test_where_nothing_is_stored_a_piece_has_the_columns(
    result: bench.Results, tmp_path: Path
) -> None:
    with Store.open(tmp_path) as store:
        [none] = TrialRows(store, result.manifest).pieces()
    assert list(none) == [c for c in result.trials if c in none]
    assert {"trial", "status", "final_train_loss", "key"} <= {*none}
    assert not len(none)


def with_holes(trials: Any, records: Any, name: str) -> Any:
    """Where values of a metric are missing: all of one, some of the loss."""
    if name == "train_r2":
        return trials >= 0
    return (trials % 2 == 0) & (records == 1) & (name == "train_loss")


@pytest.mark.parametrize("memory", [1, 200, 1 << 20])
@pytest.mark.parametrize("holes", [False, True])
def test_the_course_of_the_best_is_that_of_their_curves(
    result: bench.Results, memory: int, holes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever pieces they are read, a record of a metric at the least."""
    trials, curves, metrics = result.trials, result.curves.copy(), result.manifest.columns
    runs = best_trials(costed(trials, curves).trials).reset_index(drop=True)
    # At a record, between records, at the end and at the beginning.
    for row, epoch in {0: 2, 1: 1, 2: 4, 3: 0}.items():
        runs.loc[row, ["status", "diverged_epoch"]] = "diverged", epoch

    def holed(store: Store, plan: Any, *given: Any, **options: Any) -> Any:
        for chunk in curve_chunks(store, plan, *given, **options):
            values = chunk.values.copy()
            mine = plan.indexes[chunk.positions][:, None], np.arange(len(chunk.epochs))
            for m, name in enumerate(chunk.metrics):
                values[:, m][np.broadcast_to(with_holes(*mine, name), values[:, m].shape)] = np.nan
            yield chunk._replace(values=values)

    if holes:
        monkeypatch.setattr(bands, "curve_chunks", holed)
        records = curves.groupby("trial").cumcount()
        for name in (name for name in metrics if name in curves):
            curves.loc[with_holes(curves["trial"], records, name), name] = np.nan
    said: list[int] = []
    files = sorted(result.folder.rglob("*"))
    with Store.read(result.folder) as store:
        plan = result.manifest.plan.only(runs["trial"])
        found = bands.courses(store, plan, runs, metrics, lambda n, _: said.append(n), memory)
    expected = course_of(runs, curves, metrics)
    pd.testing.assert_frame_equal(found.bands, expected.bands)
    pd.testing.assert_frame_equal(found.starts, expected.starts)
    pd.testing.assert_frame_equal(found.counted, expected.counted)
    assert len(found.starts) == said[-1] == len(runs)
    assert found.bands["diverged"].max() > 0
    assert ("train_r2" in set(found.bands["metric"])) != holes
    assert sorted(result.folder.rglob("*")) == files


def test_a_crashed_trial_has_the_worst_cost_if_its_configuration_has_any(
    result: bench.Results,
) -> None:
    """Also where the trials that tell are not among the rows."""
    rows = result.trials.assign(status="crashed", final_train_loss=np.nan)
    alive = {("people", 0), ("log_linear", 2)}
    costs = Headlines.of(result.manifest).costed(rows, alive)[COST]
    there = rows.set_index(["problem", "configuration"]).index.isin(alive)
    assert np.isposinf(costs[there]).all()
    assert costs[~there].isna().all()
    assert 0 < there.sum() < len(rows)


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
