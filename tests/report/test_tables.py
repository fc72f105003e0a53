"""A table is one file, a statistic two: found by being there, written in every report."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench
import nncore
from bench.report import tables, write
from bench.report.faults import PluginReportError
from bench.run.progress import Pace
from bench.store.store import Store
from nncore.registry import BUILT_IN, kept
from tests import ROOT
from tests.command import bench as typed
from tests.command import undrawn

SPEC = {
    "name": "x",
    "seeds": 3,
    "problem": [{"name": name, "dataset": "blobs", "epochs": 2} for name in "fg"],
    "optimizer": [{"rule": "sgd", "learning_rate": 0.01}, {"rule": "adam"}],
}


def shown(title: str) -> list[str]:
    """The code of a chapter of CONTRIBUTING.md."""
    chapter = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"## {title}\n")[2]
    return re.findall(r"```python\n(.*?)```", chapter.partition("\n## ")[0], re.DOTALL)


[TABLE] = shown("A table")
STATISTIC, SHOWN = shown("A statistic")


def test_files_more_in_the_house_are_a_table_and_a_statistic_more(tmp_path: Path) -> None:
    for package in (bench, nncore):
        source = Path(package.__file__).parent
        target = tmp_path / "copy" / source.name
        shutil.copytree(source, target)
    copy = tmp_path / "copy" / "bench"
    (copy / "report" / "tables" / "slowest.py").write_text(TABLE)
    (copy / "stats" / "deviation.py").write_text(STATISTIC)
    (copy / "report" / "tables" / "deviation.py").write_text(SHOWN)
    code = (
        "import bench; import bench.figures.book as book; book.draw = lambda *_: []\n"
        f"bench.run({SPEC!r}, out='x', jobs=1)"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "copy")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    trials = pd.read_csv(tmp_path / "x" / "trials.csv")
    slowest = pd.read_csv(tmp_path / "x" / "slowest.csv")
    assert list(slowest.columns) == ["problem", "optimizer", "seed"]
    assert list(slowest["problem"]) == ["f", "g"]
    found = pd.read_csv(tmp_path / "x" / "deviation.csv").set_index(["problem", "optimizer"])
    for key, rows in trials.groupby(["problem", "optimizer"]):
        losses = np.sort(rows["final_train_loss"])  # of three, the nearer neighbour's distance
        assert found.loc[key, "deviation"] == pytest.approx(np.diff(losses).min(), rel=1e-9)


def test_a_plugin_s_table_is_written_where_the_plugin_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TABLE)
    tables.of(())
    with kept(tables.tables), undrawn():
        named = SPEC | {"plugins": [str(tmp_path / "mine.py")]}
        there = bench.run(named, out=tmp_path / "with", jobs=1)
        bench.run(SPEC, out=tmp_path / "without", jobs=1)
        assert there.folder / "slowest.csv" in there.files
        assert not (tmp_path / "without" / "slowest.csv").exists()
        # The same folder without it: what the last report wrote does not stay behind.
        bench.run(SPEC, out=tmp_path / "with", jobs=1)
        assert not (tmp_path / "with" / "slowest.csv").exists()


WRONG = {
    "table": (
        "from bench.report.tables import table\n@table('mine')\ndef mine(material):\n    1 / 0\n",
        '"mine": ZeroDivisionError: division by zero (mine.py:4)',
    ),
    "frame": (
        "from bench.report.tables import table\n@table('mine')\ndef mine(_):\n    return 1\n",
        '"mine": ',
    ),
    "page": (
        "from bench.figures.pages import page\n@page('mine')\ndef mine(material):\n    1 / 0\n",
        '"mine": ZeroDivisionError: division by zero (mine.py:4)',
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_plugin_that_raises_costs_its_own_part_alone(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.figures import pages as book
    from bench.figures.pages import of, pages

    few = ("ranking", "mine")
    monkeypatch.setattr(book, "of", lambda given: [p for p in of(given) if p.name in few])
    source, words = WRONG[kind]
    (tmp_path / "mine.py").write_text(source)
    of(()), tables.of(())
    spec = SPEC | {"plugins": [str(tmp_path / "mine.py")], "problem": SPEC["problem"][:1]}
    with kept(tables.tables, pages):
        for _ in range(2):  # said again, not taken for a report that is up to date
            with pytest.raises(PluginReportError, match=re.escape(words)):
                bench.run(spec, out=tmp_path / "x", jobs=1)
    written = {path.name for path in (tmp_path / "x").rglob("*.*")}
    assert {"trials.csv", "ranking.csv", "verdicts.txt", "ranking.png"} <= written
    assert not {"mine.csv", "mine.png", ".report.json"} & written
    bench.run(SPEC | {"problem": SPEC["problem"][:1]}, out=tmp_path / "x", jobs=1)
    assert "mine" not in json.dumps(json.loads((tmp_path / "x" / ".report.json").read_text()))


@pytest.mark.parametrize("name", ["trials", "ranking", "../x", ""])
def test_a_plugin_cannot_take_another_table_s_name(tmp_path: Path, name: str) -> None:
    source = TABLE.replace('"slowest"', f'"{name}"')
    (tmp_path / "mine.py").write_text(source)
    code = "from nncore.registry import load_plugin; load_plugin('mine.py')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith("ValueError: ")
    assert f'"{name}"' in done.stderr.splitlines()[-1]


def test_tables_are_named_after_their_files_and_say_what_a_row_is() -> None:
    found = tables.of(())
    assert {each.name for each in found} == {m.name for m in pkgutil.iter_modules(tables.__path__)}
    assert {each.origin for each in found} == {BUILT_IN}
    assert all(each.summary.startswith("A row per ") for each in found)


def test_a_report_says_how_far_it_is_with_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that reads or writes every trial: of a large folder each takes a while."""
    problems = [{"dataset": "people", "epochs": 3}, {"dataset": "neuron", "epochs": 2}]
    spec = {"seeds": 2, "problem": problems, "optimizer": {"rule": ["sgd", "adam"]}}
    results = bench.run({"name": "paced", **spec}, out=tmp_path, report=False)
    monkeypatch.setattr(write, "Pace", partial(Pace, line_seconds=0.0))
    said: list[str] = []
    with undrawn(), Store.read(results.folder) as store:
        write.write(results.folder, store, results.manifest, say=said.append)
    for what in ("trials read", "curves of the best read"):
        assert any(what in line and line.endswith("left") for line in said), said


PLUGIN = """
from nncore.rules import rule

@rule
def heavy(w, g, t, v, *, learning_rate=0.5, friction=0.25, push=1.0):
    "Momentum with names of its own."
    v[:] = (1 - friction) * v - learning_rate * push * g
    w += v
"""


def test_a_report_without_the_plugin_has_the_same_bytes(tmp_path: Path) -> None:
    """What is the plugin's default is known from the folder: a report loads no plugin."""
    (tmp_path / "heavy.py").write_text(PLUGIN)
    (tmp_path / "s.toml").write_text(
        'plugins = ["heavy.py"]\nseeds = 2\n[[problem]]\ndataset = "people"\nepochs = 3\n'
        '[[optimizer]]\nrule = "heavy"\npush = [1.0, 0.5]\n[[optimizer]]\nrule = "adam"\n'
    )
    typed("run", "s.toml", cwd=tmp_path)
    folder = tmp_path / "results/s"

    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    before = files()
    assert "friction" not in (folder / "ranking.csv").read_text()
    (tmp_path / "heavy.py").unlink()
    (folder / "ranking.csv").unlink()
    typed("report", "results/s", cwd=tmp_path)
    assert files() == before
