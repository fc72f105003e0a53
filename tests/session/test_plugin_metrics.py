"""A plugin's metric, from its ten lines to tables, targets, criteria and figures."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.figures.material import Material
from bench.figures.pages.curves import curves_figure
from bench.figures.pages.target import target_figure
from bench.session.merge import merge
from bench.store.store import Store
from bench.tables.bundle import Tables
from bench.verdicts import judge
from nncore import datasets
from nncore.metrics import metrics
from nncore.registry import kept
from nncore.stack.paths import path
from tests.command import bench as command
from tests.command import undrawn

MACRO_F1 = '''
"""Mean over classes of the F1 score of each."""

import numpy as np

from nncore.metrics import metric


@metric(better="{better}", worst={worst}, label="macro F1", of="classes")
def macro_f1(p, Y):
    said = p.argmax(axis=1)[:, None] == np.arange(p.shape[1])[:, None]
    right = Y > 0.5
    both = said.sum(axis=2) + right.sum(axis=2)
    return (2 * (said & right).sum(axis=2) / np.maximum(both, 1)).mean(axis=1)
'''
PARTS = ("train", "validation", "test")
COLUMNS = [f"{part}_macro_f1" for part in PARTS]


def spec(**changes: Any) -> dict[str, Any]:
    """Two problems, of which one has classes."""
    return {
        "name": "scored",
        "seeds": 3,
        "problem": [
            {
                "dataset": {"name": "spiral", "samples": 12},
                "layers": ["dense 8", "relu", "dense 3", "softmax"],
                "initializer": {"name": "normal", "scale": 0.5},
                "epochs": 40,
                "record_every": 10,
                "target": {"loss": 1.0},
            },
            {"dataset": "people", "epochs": 4},
        ],
        "optimizer": [{"rule": "adam", "learning_rate": [1e-4, 0.05]}, {"rule": "signsgd"}],
        **changes,
    }


def targeted(**changes: Any) -> dict[str, Any]:
    """As `spec`, with a target in the metric."""
    made = spec(**changes)
    made["problem"][0]["target"] = {"macro_f1": 0.4, "loss": 1.0}
    return made


def written(folder: Path, *, better: str = "higher", worst: float = 0.0, more: str = "") -> Path:
    """The plugin, in a file of its own."""
    file = folder / "scores.py"
    file.write_text(MACRO_F1.format(better=better, worst=worst) + more, encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def _as_found() -> Iterator[None]:
    with kept(metrics), undrawn():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    """A result with the plugin's metric, and its tables."""
    folder = tmp_path_factory.mktemp("scored")
    with kept(metrics), undrawn():
        return bench.run(targeted(), out=folder / "out", plugins=[written(folder)], jobs=1)


def f1_by_hand(said: list[int], right: list[int], classes: int) -> float:
    """Macro F1 from precision and recall, class by class."""
    found = []
    for k in range(classes):
        hits = sum(a == b == k for a, b in zip(said, right, strict=True))
        precision = hits / said.count(k) if k in said else 0.0
        recall = hits / right.count(k) if k in right else 0.0
        both = precision + recall
        found.append(2 * precision * recall / both if both else 0.0)
    return sum(found) / classes


def test_values_are_those_of_the_trained_networks(made: bench.Results) -> None:
    frame, curves = made.trials.set_index("trial"), made.curves.set_index(["trial", "epoch"])
    checked = 0
    for trial in made.manifest.trials:
        if trial.problem_name != "spiral":
            assert frame.loc[trial.index, [f"final_{name}" for name in COLUMNS]].isna().all()
            continue
        points = path(trial.problem, trial.configuration, trial.seed)
        for part, (X, y) in datasets.draw(trial.problem.dataset, trial.seed).items():
            for epoch in (0, 20, 40):
                w = points[epoch].astype(float)
                first, second = w[:24].reshape(3, 8), w[24:].reshape(9, 3)
                hidden = np.maximum(X @ first[:2] + first[2], 0)
                sums = hidden @ second[:8] + second[8]
                by_hand = f1_by_hand(sums.argmax(axis=1).tolist(), y.tolist(), 3)
                value = curves.loc[(trial.index, epoch), f"{part}_macro_f1"]
                assert value == pytest.approx(by_hand, abs=1e-12)
            assert frame.loc[trial.index, f"final_{part}_macro_f1"] == value
            checked += 1
    assert checked == 3 * 3 * 3


def test_tables_have_its_columns_as_those_of_the_built_in_ones(made: bench.Results) -> None:
    for name in ("trials", "summary", "curves"):
        table = pd.read_csv(made.folder / f"{name}.csv")
        table = table[[column for column in table if not column.startswith("time_to_")]]
        of_accuracy = [column for column in table if "accuracy" in column]
        of_it = [column for column in table if "macro_f1" in column]
        assert of_it == [column.replace("accuracy", "macro_f1") for column in of_accuracy]
        assert of_it
    summary = made.summary
    mine = made.trials[made.trials["configuration"] == 1]
    row = summary[(summary["configuration"] == 1) & (summary["problem"] == "spiral")].iloc[0]
    values = mine.loc[mine["problem"] == "spiral", "final_validation_macro_f1"]
    assert row["final_validation_macro_f1_median"] == values.median()


def test_verdicts_call_a_target_by_the_metrics_label(made: bench.Results) -> None:
    told = (made.folder / "verdicts.txt").read_text()
    assert "its target, training macro F1 0.4" in told


def test_a_target_is_reached_in_its_direction(made: bench.Results) -> None:
    times = pd.read_csv(made.folder / "time_to_target.csv").set_index(["optimizer", "metric"])
    assert set(times.index.get_level_values("metric")) == {"train_macro_f1", "train_loss"}
    best = pd.read_csv(made.folder / "ranking.csv")
    best = best[best["problem"] == "spiral"].set_index("optimizer")["configuration"]
    curves = made.curves[made.curves["problem"] == "spiral"]
    for optimizer in ("adam", "signsgd"):
        mine = curves[curves["configuration"] == best[optimizer]]
        there = mine[mine["train_macro_f1"] >= 0.4].groupby("seed")["epoch"].min()
        row = times.loc[(optimizer, "train_macro_f1")]
        assert row["reached"] == len(there)
        assert row["target"] == 0.4
    assert times.loc[("adam", "train_macro_f1"), "reached"] > 0


def material(results: bench.Results) -> Material:
    with Store.read(results.folder) as store:
        tables = Tables.of(store, results.manifest)
    planned = {"spiral": 9, "people": 3}
    targets = results.manifest.targets
    verdicts = judge(tables, targets=targets, planned=planned)
    return Material(tables, verdicts, targets=targets)


def test_figures_have_panels_of_it(made: bench.Results) -> None:
    """Drawn from the folder alone: here, nobody has loaded the plugin."""
    assert "macro_f1" not in metrics
    drawn = curves_figure(material(bench.open_results(made.folder)), "spiral")
    labels = [ax.get_ylabel() for ax in drawn.axes]
    assert [f"{part} macro F1" for part in ("training", "validation", "test")] == labels[-3:]
    assert len(labels) == 9
    # Shares of an axis from the worst value up, not decades.
    assert {ax.get_yscale() for ax in drawn.axes[-2:]} == {"linear"}
    titles = [ax.get_title() for ax in target_figure(material(made), "spiral").axes]
    assert "training macro F1 at or above 0.4" in titles


def test_a_folder_is_read_without_its_plugin(made: bench.Results, tmp_path: Path) -> None:
    """Label, direction and worst value are in the folder: no code of anybody's runs."""
    folder = shutil.copytree(made.folder, tmp_path / "sent")
    manifest = made.manifest
    before = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.suffix in (".csv", ".txt", ".toml")
    }
    for name in before:
        (folder / name).unlink()
    code = "import sys; from bench.cli import main; from bench.figures import book; "
    code += "book.draw = lambda *_: []; main(['report', sys.argv[1]])"
    plugin = Path(manifest.spec["plugins"][0])
    hidden = plugin.rename(plugin.with_suffix(".hidden"))
    try:
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True)
    finally:
        hidden.rename(plugin)
    after = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.name in before
    }
    assert after == before
    assert {"trials.csv", "curves.csv", "summary.csv", "time_to_target.csv"} <= after.keys()


def test_trials_that_lack_it_are_trained_again(tmp_path: Path) -> None:
    """For it alone: keys and all other numbers stay, bit for bit."""
    plain = bench.run(spec(), out=tmp_path / "out", jobs=1)
    usual = {name: getattr(plain, name) for name in ("trials", "curves")}
    plugin = written(tmp_path)
    again = bench.run(spec(), out=tmp_path / "out", plugins=[plugin], jobs=1)
    assert again.trained == 9  # of the problem that has classes
    for name, before in usual.items():
        now = getattr(again, name)
        own = [column for column in now if "macro_f1" in column]
        assert own
        assert now.loc[now["problem"] == "spiral", own].notna().all(axis=None)
        seconds = [column for column in now if column.endswith("_seconds")]
        pd.testing.assert_frame_equal(
            now.drop(columns=[*own, *seconds]),
            before.drop(columns=seconds),
            check_exact=True,
        )
    assert bench.run(spec(), out=tmp_path / "out", plugins=[plugin], jobs=1).trained == 0
    # What is recorded and not asked for now is left out, and nothing is trained for less.
    less = bench.run(spec(), out=tmp_path / "out", jobs=1)
    assert less.trained == 0
    assert not [column for column in less.trials if "macro_f1" in column]


def test_values_of_another_source_are_not_mixed(tmp_path: Path) -> None:
    folder, one = tmp_path / "out", spec(problem=spec()["problem"][:1])
    bench.run(one, out=folder, jobs=1)
    name = "final_train_macro_f1"
    first = bench.run(one, out=folder, plugins=[written(tmp_path)], jobs=1)
    old = first.trials[name]
    doubled = "\n_once = macro_f1\n@metric(better='higher', worst=0.0, of='classes')\n"
    doubled += "def macro_f1(p, Y):\n    return 2 * _once(p, Y)\n"
    with kept(metrics):
        part = bench.run(
            one, out=folder, plugins=[written(tmp_path, more=doubled)], jobs=1, shard=(1, 2)
        )
        assert 0 < part.trained < 9
        assert part.missing == 9 - part.trained
        assert f"{9 - part.missing} of 9 trials done" in command("status", folder, cwd=tmp_path)
        half = part.trials[name]
        assert half.isna().sum() == part.missing
        np.testing.assert_array_equal(half.dropna(), 2 * old[half.notna()])
        rest = bench.run(one, out=folder, plugins=[tmp_path / "scores.py"], jobs=1)
    assert (rest.trained, rest.missing) == (part.missing, 0)
    np.testing.assert_array_equal(rest.trials[name], 2 * old)


def test_a_metric_that_was_there_from_the_start_may_change(tmp_path: Path) -> None:
    """A plugin that only measures computes no trial: no folder is refused for it."""
    folder, one = tmp_path / "out", spec(problem=spec()["problem"][:1])
    first = bench.run(one, out=folder, plugins=[written(tmp_path)], jobs=1)
    assert (first.trained, first.missing) == (9, 0)
    with kept(metrics):
        plugin = written(tmp_path, more="\nMORE = 1\n")
        again = bench.run(one, out=folder, plugins=[plugin], jobs=1)
    assert (again.trained, again.missing) == (9, 0)
    assert list(again.trials["key"]) == list(first.trials["key"])


def test_shards_measured_by_different_sources_are_not_joined(tmp_path: Path) -> None:
    one = spec(problem=spec()["problem"][:1])
    for i, more in ((1, ""), (2, "\nMORE = 1\n")):
        plain, folder = dict(one), tmp_path / str(i)
        bench.run(plain, out=folder, jobs=1, shard=(i, 2))
        with kept(metrics):
            plugin = written(tmp_path, more=more)
            bench.run(plain, out=folder, plugins=[plugin], jobs=1, shard=(i, 2))
    with pytest.raises(bench.FolderMismatchError, match="measured by different metrics"):
        merge(tmp_path / "both", [tmp_path / "1", tmp_path / "2"])


def test_what_is_there_without_a_metric_is_joined_with_it(tmp_path: Path) -> None:
    one, there, part = spec(problem=spec()["problem"][:1]), tmp_path / "there", tmp_path / "part"
    bench.run(one, out=there, jobs=1)
    plugin = written(tmp_path)
    for i, folder in enumerate((there, part), start=1):
        found = bench.run(one, out=folder, plugins=[plugin], jobs=1, shard=(i, 2))
        assert 0 < found.missing < 9
    merge(there, [part])
    joined = bench.open_results(there)
    assert joined.missing == 0
    alone = bench.run(one, out=tmp_path / "alone", plugins=[plugin], jobs=1)
    columns = [c for c in alone.trials if not c.endswith("_seconds")]
    assert joined.trials[columns].equals(alone.trials[columns])


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_criterion_chooses_in_its_direction(tmp_path: Path, better: str) -> None:
    """The same values, said the other way round, make the other configuration win."""
    worst = 0.0 if better == "higher" else 1.0
    tuned = spec(
        problem=spec()["problem"][:1],
        optimizer=[{"rule": "adam", "learning_rate": [1e-4, 0.05]}],
        tuning={"seeds": 4, "criterion": "final_validation_macro_f1"},
    )
    plugin = written(tmp_path, better=better, worst=worst)
    result = bench.run(tuned, out=tmp_path / "out", plugins=[plugin], jobs=1)
    trials = result.trials
    chosen, judged = (trials[trials["phase"] == phase] for phase in ("tuning", "evaluation"))
    medians = chosen.groupby("learning_rate")["final_validation_macro_f1"].median()
    assert medians[0.05] > medians[1e-4]
    assert set(judged["learning_rate"]) == {0.05 if better == "higher" else 1e-4}
    text = (result.folder / "verdicts.txt").read_text(encoding="utf-8")
    way = "highest" if better == "higher" else "lowest"
    assert f"Chosen by the {way} median final validation macro F1" in text


# a spec's mistake -> what it is told
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no such metric": ({"target": {"macro_f": 0.4}}, 'did you mean "macro_f1"?'),
    "of classes": (
        {"dataset": "people", "target": {"macro_f1": 0.4}},
        "people.target.macro_f1: no such metric; ",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_targets_name_metrics_that_apply(tmp_path: Path, case: str) -> None:
    table, message = MISTAKES[case]
    given = {"problem": {"dataset": "spiral", **table}, "optimizer": {"rule": "sgd"}}
    with pytest.raises(bench.SpecError) as caught:
        bench.run(given, out=tmp_path / "out", plugins=[written(tmp_path)])
    assert message in str(caught.value)


def test_a_metric_of_no_plugin_of_the_spec_is_none_of_its(tmp_path: Path) -> None:
    """Even where this process has loaded it for another spec."""
    plugin = written(tmp_path)
    asked = {"problem": {"dataset": "spiral", "target": {"macro_f1": 0.4}, "epochs": 1}}
    small = {**asked, "optimizer": {"rule": "sgd"}, "name": "small"}
    bench.run(small, out=tmp_path / "out", plugins=[plugin], jobs=1)
    assert "macro_f1" in metrics
    with pytest.raises(bench.SpecError, match="no such metric"):
        bench.run(small, out=tmp_path / "other", jobs=1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('not today')", r"RuntimeError: not today \(broken.py:5\)"),
        ("return p.mean()", r"ValueError: metric broken: for 1 trial it returned float32"),
    ],
)
def test_a_metric_that_fails_is_the_reason_of_a_crash(
    tmp_path: Path, body: str, reason: str
) -> None:
    plugin = tmp_path / "broken.py"
    head = "from nncore.metrics import metric\n\n@metric(better='lower', worst=1.0)\n"
    plugin.write_text(f"{head}def broken(p, Y):\n    {body}\n", encoding="utf-8")
    given = {"problem": {"dataset": "people", "epochs": 2}, "optimizer": {"rule": "sgd"}}
    result = bench.run(given, out=tmp_path / "out", plugins=[plugin], jobs=1)
    assert result.crashed == 1
    assert result.trials["reason"].str.match(reason).all()
    # It was asked for and failed: it is not tried again unasked.
    assert bench.run(given, out=tmp_path / "out", plugins=[plugin], jobs=1).trained == 0
