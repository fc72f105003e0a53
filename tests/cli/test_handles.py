"""What people reach for: shipped experiments, silence, tables for a paper, status for programs."""

from __future__ import annotations

import json
import os
import re
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from bench.report.formats import csv, latex, markdown
from bench.spec.experiment import load
from bench.spec.mistakes import ELSEWHERE
from bench.spec.shipped import shipped
from bench.store.store import FILE
from nncore.datasets import datasets
from tests import ROOT
from tests.command import bench

FEW = ["--set", "seeds=2", "--set", "problem.spiral.epochs=40", "--jobs", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a few trials."""
    cwd = tmp_path_factory.mktemp("handles")
    bench("run", "@quick", "--out", "out", *FEW, cwd=cwd)
    return cwd / "out"


def test_every_experiment_of_the_repository_has_a_name() -> None:
    files = {path.relative_to(ROOT / "experiments") for path in ROOT.glob("experiments/**/*.toml")}
    assert {f"{name}.toml" for name in shipped()} == set(map(str, files))


@pytest.mark.parametrize("name", ["quick", "documents/003_spiral", "plugins/example"])
def test_a_shipped_experiment_runs_from_anywhere(tmp_path: Path, name: str) -> None:
    assert "to train" in bench("run", f"@{name}", "--dry-run", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_a_shipped_experiment_that_is_none_the_nearest_is_told(tmp_path: Path) -> None:
    assert '"quick"' in bench("run", "@quik", cwd=tmp_path, code=2)
    (tmp_path / "@quik").write_text("")  # a file of that name is a file
    assert "is empty" in bench("run", "@quik", cwd=tmp_path, code=2)


def test_without_a_report_there_is_the_store_alone(folder: Path, tmp_path: Path) -> None:
    printed = bench("run", "@quick", "--out", "out", "--no-report", *FEW, cwd=tmp_path)
    assert "`bench report out`" in printed
    assert not list(tmp_path.glob("out/*.csv"))
    bench("merge", "one", "out", "--no-report", cwd=tmp_path)
    assert (tmp_path / "one" / FILE).exists()
    assert not list(tmp_path.glob("one/*.csv"))
    bench("report", "one", cwd=tmp_path)
    assert (tmp_path / "one" / "curves.csv").read_bytes() == (folder / "curves.csv").read_bytes()


def test_quietly_nothing_is_said_but_what_went_wrong(tmp_path: Path) -> None:
    assert bench("run", "@quick", "--out", "out", "--quiet", *FEW, cwd=tmp_path) == ""
    (tmp_path / "bad.py").write_text(
        "from nncore.rules import rule\n@rule\ndef bad(w, g, t, *, learning_rate=0.1):\n"
        "    w -= learning_rate * g\n    if t > 4:\n        raise ValueError('on purpose')\n"
    )
    (tmp_path / "bad.toml").write_text(
        'plugins = ["bad.py"]\n[[problem]]\ndataset = "people"\nepochs = 9\n'
        '[[optimizer]]\nrule = "bad"\n'
    )
    printed = bench("run", "bad.toml", "--quiet", cwd=tmp_path, code=1)
    assert "on purpose" in printed.splitlines()[0]


def test_a_status_is_json_for_programs(folder: Path) -> None:
    found = json.loads(bench("status", folder, "--json", cwd=folder))
    words = bench("status", folder, cwd=folder)
    assert f"{found['trials']:,} of {found['trials']:,} trials done" in words
    trials = pd.read_csv(folder / "trials.csv")
    counts = trials["status"].value_counts()
    for word in ("ok", "diverged", "crashed", "missing"):
        assert found[word] == counts.get(word, 0)
    assert list(found["problems"]) == list(trials["problem"].unique())
    assert sum(map(sum, (p.values() for p in found["problems"].values()))) == len(trials)
    assert (found["crashes"], found["damage"], found["undecided"]) == ([], [], None)


@pytest.mark.parametrize("form", ["csv", "markdown", "latex"])
def test_a_table_of_the_report_is_printed(folder: Path, form: str) -> None:
    printed = bench("table", folder, "ranking", "--format", form, cwd=folder)
    assert all(name in printed for name in ("spiral", "sgd + momentum", "adam"))


def test_a_table_has_the_rows_and_columns_asked_for(folder: Path) -> None:
    options = ["--problem", "spiral", "--column", "optimizer", "--column", "median"]
    printed = bench("table", folder, "ranking", "--format", "csv", *options, cwd=folder)
    found = pd.read_csv(StringIO(printed))
    whole = pd.read_csv(folder / "ranking.csv")
    expected = whole.loc[whole["problem"] == "spiral", ["optimizer", "median"]]
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["rankin"], '"ranking"'),
        (["ranking", "--problem", "spira"], '"spiral"'),
        (["ranking", "--column", "media"], '"median"'),
        (["curves", "--optimizer", "adm"], '"adam"'),
    ],
)
def test_what_a_report_has_not_is_told_with_the_nearest(
    folder: Path, arguments: list[str], right: str
) -> None:
    assert right in bench("table", folder, *arguments, cwd=folder, code=2)


@pytest.mark.parametrize("content", [b"", b'a,b\n1\n"x', b"\x8d\xff", None])
def test_what_is_no_table_of_a_report_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ranking.csv"
    path.write_bytes(content) if content is not None else os.mkfifo(path)
    assert "ranking.csv" in bench("table", tmp_path, "ranking", cwd=tmp_path, code=74)
    assert "no such folder" in bench("table", "nowhere", "ranking", cwd=tmp_path, code=2)


FRAME = pd.DataFrame(
    {"name": ["a_b & 50%", "NA", "x|y"], "n": [1, 20, 300], "loss": [0.123456, float("inf"), None]}
)


def test_formats_by_hand() -> None:
    assert markdown(FRAME).splitlines() == [
        "| name | n | loss |",
        "|---|---:|---:|",
        "| a_b & 50% | 1 | 0.123 |",
        "| NA | 20 | inf |",
        r"| x\|y | 300 |  |",
    ]
    assert latex(FRAME).splitlines()[3:6] == [
        r"\midrule",
        r"a\_b \& 50\% & 1 & 0.123 \\",
        r"NA & 20 & inf \\",
    ]
    assert csv(FRAME).splitlines()[1] == "a_b & 50%,1,0.123456"


@pytest.mark.parametrize("name", ["lr", "eps", "betas"])
def test_names_of_other_packages_are_understood(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.toml").write_text(
        f'[[problem]]\ndataset = "spiral"\n[[optimizer]]\nrule = "adam"\n{name} = 0.1\n'
    )
    printed = bench("run", "a.toml", cwd=tmp_path, code=2)
    assert all(f'"{right}"' in printed for right in ELSEWHERE[name])


# A file of one's own, and data that come with scikit-learn.
APART = {"csv", "digits", "breast_cancer", "wine", "diabetes"}


@pytest.mark.parametrize("names", [[], ["quadratic", "blobs"], sorted({*datasets} - APART)])
def test_a_first_spec_runs_and_says_what_would_run_anyway(tmp_path: Path, names: list[str]) -> None:
    text = bench("new", *names, cwd=tmp_path)
    (tmp_path / "first.toml").write_text(text)
    experiment = load(tmp_path / "first.toml")
    problems = [{"dataset": name} for name in names or ["spiral"]]
    bare = load({"problem": problems, "optimizer": {"rule": "sgd"}})
    assert [p.problem for p in experiment.problems] == [p.problem for p in bare.problems]
    assert len(experiment.optimizers) == 2


def test_what_stands_in_comments_of_a_first_spec_may_be_taken_out_of_them(tmp_path: Path) -> None:
    text = bench("new", cwd=tmp_path)
    used = re.sub(r"^# (\w+ = |\[)", r"\1", text, flags=re.MULTILINE)
    assert used.count("\n# ") < text.count("\n# ") - 5
    (tmp_path / "first.toml").write_text(used)
    assert load(tmp_path / "first.toml").tuning is not None


def test_a_first_spec_for_a_file_of_ones_own_reads_it(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,label\n" + "".join(f"{n}.5,{n % 2}\n" for n in range(40)))
    (tmp_path / "first.toml").write_text(bench("new", "csv", cwd=tmp_path))
    assert "to train" in bench("run", "first.toml", "--dry-run", cwd=tmp_path)
    assert '"spiral"' in bench("new", "spirl", cwd=tmp_path, code=2)
