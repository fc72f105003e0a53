"""The command line from end to end, in a temporary folder, as a user types it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from tests import ROOT
from tests.command import bench, undrawn
from tests.faults import commands

SPEC = """
seeds = 6

[[problem]]
dataset = "blobs"
epochs = 20
record_every = 5

[[problem]]
dataset = "neuron"
epochs = 20

[[optimizer]]
name = "sgd + momentum"
rule = "sgd"
learning_rate = { log = [0.1, 1e6], n = 3 }
decay = [0.0, 1e-3]
momentum = [0.5, 0.9]

[[optimizer]]
rule = "adam"
learning_rate = [0.005, 0.05]
"""
# As a user types it, and no warning allowed.
typed = partial(commands.typed, python=("-W", "error", "-m", "bench"))
RUN = ("run", "small.toml", "--jobs", 1)
TABLES = ("trials.csv", "curves.csv", "summary.csv")
TRIALS = (6 + 1) * (3 * 2 * 2 + 2)


def timeless(folder: Path) -> dict[str, str]:
    """The CSV files of a folder as text, without the wall-clock columns."""
    texts = {}
    for name in TABLES:
        frame = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
        texts[name] = frame[[c for c in frame if not c.endswith("_seconds")]].to_csv()
    return texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    (path / "small.toml").write_text(SPEC)
    typed(*RUN, "--out", "one", cwd=path)
    return path


def test_run_writes_tables_figures_and_a_runnable_best(folder: Path) -> None:
    one = folder / "one"
    trials = pd.read_csv(one / "trials.csv")
    assert len(trials) == TRIALS
    leading = ["trial", "problem", "optimizer", "rule", "configuration", "seed"]
    assert list(trials.columns[:6]) == leading
    assert trials.columns[-1].endswith("_seconds")
    assert trials.trial.tolist() == list(range(TRIALS))
    assert set(trials.status) == {"ok", "diverged"}
    assert trials[trials.status == "diverged"].diverged_epoch.notna().all()
    assert trials.key.nunique() == TRIALS
    curves = pd.read_csv(one / "curves.csv")
    leading.remove("rule")
    assert list(curves.columns[:6]) == [*leading, "epoch"]
    assert curves.groupby("trial").epoch.apply(list).loc[0] == [0, 5, 10, 15, 20]
    summary = pd.read_csv(one / "summary.csv")
    assert list(summary.columns[:4]) == ["problem", "optimizer", "rule", "configuration"]
    assert len(summary) == 2 * (3 * 2 * 2 + 2)
    assert (summary.seeds == summary.problem.map({"neuron": 1}).fillna(6)).all()
    assert list((one / "figures").glob("*.png"))
    bench("run", one / "best.toml", "--dry-run", cwd=folder)
    assert tomllib.loads((one / "spec.toml").read_text())["seeds"] == 6


def test_diverged_losses_count_as_infinite_in_the_summary(folder: Path) -> None:
    trials = pd.read_csv(folder / "one" / "trials.csv")
    summary = pd.read_csv(folder / "one" / "summary.csv")
    described = list(trials.columns[: trials.columns.get_loc("status")].drop(["trial", "seed"]))
    for (problem, number), rows in trials.groupby(["problem", "configuration"]):
        mine = summary[(summary.problem == problem) & (summary.configuration == number)]
        (row,) = mine.to_dict("records")
        pd.testing.assert_frame_equal(
            rows[described].drop_duplicates(ignore_index=True),
            mine[described].reset_index(drop=True),
        )
        assert row["diverged"] == (rows.status == "diverged").sum()
        losses = rows.final_train_loss.where(rows.status == "ok", float("inf")).sort_values()
        half = len(losses) // 2
        expected = losses.iloc[half] if len(losses) % 2 else losses.iloc[half - 1 : half + 1].mean()
        assert row["final_train_loss_median"] == pytest.approx(expected, rel=1e-12)


def test_same_bytes_whatever_the_workers(folder: Path) -> None:
    bench("run", "small.toml", "--jobs", 2, "--out", "two", cwd=folder)
    assert timeless(folder / "one") == timeless(folder / "two")


def test_running_again_trains_and_writes_nothing(folder: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (folder / "one").rglob("*") if p.is_file()}
    bench(*RUN, "--out", "one", cwd=folder)
    after = {p: p.stat().st_mtime_ns for p in (folder / "one").rglob("*") if p.is_file()}
    assert before == after


def test_a_grown_spec_trains_the_difference(folder: Path) -> None:
    bench(*RUN, "--set", "seeds=2", "--out", "grown", cwd=folder)
    printed = bench(*RUN, "--out", "grown", "--dry-run", cwd=folder)
    assert f"{TRIALS - (2 + 1) * 14} to train" in printed
    bench(*RUN, "--out", "grown", cwd=folder)
    assert timeless(folder / "one") == timeless(folder / "grown")


def test_shards_merge_into_the_whole(folder: Path) -> None:
    for part in (1, 2, 3):
        printed = bench(*RUN, "--shard", f"{part}/3", "--out", f"part{part}", cwd=folder)
        assert "trials are in other shards" in printed
    bench("merge", "some", "part1", "part2", cwd=folder)
    third = len(pd.read_csv(folder / "part3" / "trials.csv"))
    printed = bench("status", "some", cwd=folder)
    assert f"{TRIALS - third} of {TRIALS} trials done" in printed
    bench("merge", "merged", "part1", "part2", "part3", cwd=folder)
    assert timeless(folder / "one") == timeless(folder / "merged")


def test_status_report_and_list(folder: Path) -> None:
    printed = bench("status", "one", cwd=folder)
    assert f"{TRIALS} of {TRIALS} trials done" in printed
    shutil.copytree(folder / "one", folder / "another")
    (folder / "another" / "summary.csv").unlink()
    bench("report", "another", cwd=folder)
    assert timeless(folder / "another") == timeless(folder / "one")
    assert "adam" in bench("list", "rules", cwd=folder)
    assert "1412.6980" in bench("list", "rules", "adam", cwd=folder)
    assert 'did you mean "adam"' in bench("list", "rules", "adm", cwd=folder, code=2)
    assert "1412.6980" in bench("list", "adam", cwd=folder)
    both = bench("list", "linear", cwd=folder)  # a schedule and a layer
    assert "schedules: linear(" in both
    assert "layers: linear(" in both
    assert 'did you mean "adam"' in bench("list", "adm", cwd=folder, code=2)
    assert "known: rules, wrappers" in bench("list", "xyzzy", cwd=folder, code=2)
    assert 'no kind "adam"' in bench("list", "adam", "x", cwd=folder, code=2)
    assert "spread" in bench("list", "figures", cwd=folder)
    assert "time_to_target" in bench("list", "tables", cwd=folder)
    assert "A row per finding" in bench("list", "tables", "audit", cwd=folder)


def test_python_gets_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bench as package

    monkeypatch.chdir(folder)
    spec = tomllib.loads(SPEC) | {"name": "small"}
    with undrawn():
        result = package.run(spec, out="api", jobs=1)
    assert result.trained == TRIALS
    assert timeless(folder / "one") == timeless(folder / "api")
    csv = pd.read_csv(folder / "api" / "summary.csv")
    pd.testing.assert_frame_equal(
        result.summary.reset_index(drop=True), csv, check_dtype=False, rtol=0
    )


BAD = {
    "a key that is none": (["--set", "epochz=3"], "epochz"),
    "an empty grid": (["--set", "optimizer.adam.learning_rate=[]"], "learning_rate"),
    "a rate of zero": (["--set", "optimizer.adam.learning_rate=0.0"], "learning_rate"),
    "a rate that is not a number": (["--set", "optimizer.adam.learning_rate=nan"], "learning_rate"),
    "no samples": (["--set", "problem.blobs.dataset.samples=0"], "samples"),
    "a batch larger than the data": (["--set", "problem.blobs.batch_size=11"], "batch_size"),
    "no epochs": (["--set", "problem.blobs.epochs=0"], "epochs"),
    "another type": (["--set", 'seeds="many"'], "seeds"),
    "a missing plugin": (["--plugin", "nowhere.py"], "nowhere.py"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_specs_say_what_is_wrong_and_write_nothing(folder: Path, case: str) -> None:
    arguments, fragment = BAD[case]
    printed = bench(*RUN, "--out", "bad", *arguments, cwd=folder, code=2)
    assert fragment in printed
    assert not (folder / "bad").exists()


def test_folders_that_will_not_do(folder: Path) -> None:
    (folder / "other.toml").write_text(SPEC)
    printed = bench("run", "other.toml", "--jobs", 1, "--out", "one", cwd=folder, code=2)
    assert '"small"' in printed
    assert "--fresh" in printed
    (folder / "a-file").write_text("")
    printed = bench(*RUN, "--out", "a-file", cwd=folder, code=2)
    assert "a-file" in printed
    typed("run", "nowhere.toml", cwd=folder, code=2)
    bench("report", "nowhere", cwd=folder, code=2)
    bench("status", "nowhere", cwd=folder, code=2)


def test_shards_in_one_folder_are_one_experiment(folder: Path) -> None:
    for part in (1, 2):
        bench(*RUN, "--shard", f"{part}/2", "--out", "together", cwd=folder)
    assert timeless(folder / "one") == timeless(folder / "together")
    bench(*RUN, "--shard", "²/4", "--out", "bad", cwd=folder, code=2)


CRASH = """
from nncore.rules import rule

@rule
def crashing(w, g, t, *, learning_rate=0.1):
    raise RuntimeError("on purpose")
"""


def test_an_experiment_that_crashes_whole_has_a_report(folder: Path) -> None:
    (folder / "crash.py").write_text(CRASH)
    (folder / "crash.toml").write_text(
        'plugins = ["crash.py"]\nseeds = 2\nproblem = { dataset = "blobs", epochs = 3 }\n'
        'optimizer = { rule = "crashing" }\n'
    )
    printed = typed("run", "crash.toml", "--jobs", 1, "--out", "crash", cwd=folder, code=1)
    assert "2 trials crashed" in printed
    assert "crashed (2 of 2): RuntimeError: on purpose (crash.py:6)" in printed
    trials = pd.read_csv(folder / "crash" / "trials.csv")
    assert set(trials.status) == {"crashed"}
    assert trials.reason.str.contains("on purpose").all()
    assert trials.final_train_loss.isna().all()
    assert pd.read_csv(folder / "crash" / "summary.csv").crashed.tolist() == [2]
    assert "on purpose" in bench("status", "crash", cwd=folder, code=1)


def test_two_optimizers_may_share_a_trial(folder: Path) -> None:
    (folder / "shared.toml").write_text(
        'seeds = 2\nproblem = { dataset = "blobs", epochs = 3 }\n'
        '[[optimizer]]\nname = "grid"\nrule = "sgd"\nlearning_rate = [0.1, 1.0]\n'
        '[[optimizer]]\nname = "as published"\nrule = "sgd"\nlearning_rate = 1.0\n'
    )
    bench("run", "shared.toml", "--jobs", 1, "--out", "shared", cwd=folder)
    assert "6 of 6 trials done" in bench("status", "shared", cwd=folder)
    before = timeless(folder / "shared")
    bench("report", "shared", cwd=folder)
    assert timeless(folder / "shared") == before
    trials = pd.read_csv(folder / "shared" / "trials.csv")
    assert trials.optimizer.tolist() == ["grid"] * 4 + ["as published"] * 2
    assert trials.key.nunique() == 4
    assert "identical" in _checked(folder, "shared")


def _checked(folder: Path, name: str) -> str:
    bench("baseline", name, "--out", f"{name}.json", cwd=folder)
    return bench("check", name, "--against", f"{name}.json", cwd=folder)


def test_a_reader_that_leaves_changes_no_exit_code(folder: Path) -> None:
    command = f"{sys.executable} -m bench status one | true; exit ${{PIPESTATUS[0]}}"
    for verb, code in (("status one", 0), ("list rules", 0), ("status nowhere", 2)):
        done = subprocess.run(
            ["bash", "-c", command.replace("status one", verb)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert "Error" not in done.stderr
