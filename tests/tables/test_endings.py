"""How trials end, as tables and figures tell it: what came down slowly has not diverged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

import bench
from bench.figures import panels
from bench.tables.best import best_trials
from bench.tables.headline import Headline, Headlines
from nncore.datasets import draw
from tests.command import undrawn
from tests.figures.artists import crosses, is_cross, texts

SPEC: dict[str, Any] = {
    "name": "endings",
    "seeds": 5,
    "problem": [{"dataset": "log_linear", "epochs": 300, "record_every": 100}],
    "optimizer": [
        {"rule": "sgd", "name": "slow", "learning_rate": 1e-3},
        {"rule": "sgd", "name": "able", "learning_rate": 0.1},
        {"rule": "sgd", "name": "wild", "learning_rate": 1e6},
    ],
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    with undrawn():
        return bench.run(SPEC, out=tmp_path_factory.mktemp("endings"), jobs=1)


def test_what_came_down_slowly_is_finite_and_told_apart(result: bench.Results) -> None:
    trials, initial = result.trials, result.curves.groupby("trial")["train_loss"].first()
    loss = trials["final_train_loss"].to_numpy()
    scale = [np.var(draw({"name": "log_linear"}, seed)["train"].y) / 2 for seed in trials["seed"]]
    above, lower = loss > 2 * np.array(scale), loss < initial[trials["trial"]].to_numpy()
    slow = above & lower & np.isfinite(loss)
    assert 0 < slow.sum() < len(slow)
    assert trials["above_constant"].tolist() == slow.tolist()
    gone = above & ~slow
    assert 0 < gone.sum() < len(gone)
    assert trials["status"].tolist() == ["diverged" if lost else "ok" for lost in gone]
    assert np.isfinite(Headline().costs(trials)).tolist() == (~gone).tolist()


def test_the_summary_counts_them_apart(result: bench.Results) -> None:
    trials, summary = result.trials, result.summary.set_index("optimizer")
    slow = trials.groupby("optimizer")["above_constant"].sum()
    lost = (trials["status"] == "diverged").groupby(trials["optimizer"]).sum()
    assert summary["above_constant"].to_dict() == slow.to_dict()
    assert summary["diverged"].to_dict() == lost.to_dict()
    assert summary.columns.get_loc("above_constant") == summary.columns.get_loc("crashed") + 1
    median = trials.groupby("optimizer")["final_train_loss"].median()
    assert summary.loc["slow", "final_train_loss_median"] == median["slow"]


def test_they_are_hollow_points_in_a_figure(result: bench.Results) -> None:
    trials = best_trials(Headlines().costed(result.trials))
    ax = panels.spread(trials)
    hollow = [c for c in points(ax) if not len(c.get_facecolor())]
    slow = trials["above_constant"].fillna(False)
    drawn = np.concatenate([np.asarray(c.get_offsets())[:, 0] for c in hollow])
    assert sorted(drawn) == pytest.approx(sorted(trials.loc[slow, "final_train_loss"]))
    assert len(crosses(ax)) == (trials["status"] == "diverged").sum()
    counted = slow.groupby(trials["optimizer"]).sum()
    assert sorted(t for t in texts(ax) if "○" in t) == sorted(f"{n}/5 ○" for n in counted if n)


def points(ax: Any) -> list[PathCollection]:
    return [c for c in ax.collections if isinstance(c, PathCollection) and not is_cross(c)]


def test_of_folders_that_do_not_say_it_nothing_is_said(result: bench.Results) -> None:
    trials = (
        Headlines()
        .costed(result.trials)
        .assign(above_constant=pd.array([pd.NA] * 15, dtype="boolean"))
    )
    assert not any("○" in text for text in texts(panels.spread(best_trials(trials))))
