"""A page is one file: registered by being there, drawn where it applies, from shared material."""

from __future__ import annotations

import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import bench
import nncore
from bench.cli import main
from bench.figures import pages
from bench.figures.book import plan
from bench.page import build
from nncore.registry import BUILT_IN, kept
from tests.figures.drawn import drawn, gather, laid_out
from tests.frames import NINE, SPACES, TASKS, costed, frames

CONTRIBUTING = (Path(bench.__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
# The page that people are shown.
PAGE = CONTRIBUTING.partition("## A figure\n")[2].partition("```python\n")[2].partition("```")[0]
SPEC = {
    "name": "x",
    "problem": [{"name": name, "dataset": "neuron", "epochs": 2} for name in "fg"],
    "optimizer": [
        {"rule": "sgd", "learning_rate": 0.01},
        {"rule": "adam", "learning_rate": 0.01, "problems": ["f"]},
    ],
}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the built-in figures the rankings alone, and an empty page: the others take their time."""
    of = pages.of
    mine = ("ranking", "bars")
    monkeypatch.setattr(pages, "of", lambda given: [p for p in of(given) if p.name in mine])
    monkeypatch.setattr(build, "page", lambda *_: "")


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "figures").iterdir()}


def test_a_file_more_among_the_pages_is_a_figure_more(tmp_path):
    for package in (bench, nncore):
        source = Path(package.__file__).parent
        target = tmp_path / "copy" / source.name
        shutil.copytree(source, target)
    (tmp_path / "copy" / "bench" / "figures" / "pages" / "bars.py").write_text(PAGE)
    code = f"import bench; bench.run({SPEC!r}, out='x', jobs=1)"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "copy")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert "bars_f.png" in names(tmp_path / "x")
    assert "bars_g.png" not in names(tmp_path / "x")


@pytest.mark.usefixtures("few")
def test_a_page_of_a_plugin_is_drawn_where_the_plugin_is_named(tmp_path):
    (tmp_path / "mine.py").write_text(PAGE)
    named = SPEC | {"plugins": [str(tmp_path / "mine.py")]}
    pages.of(())
    with kept(pages.pages):
        bench.run(named, out=tmp_path / "with", jobs=1)
        bench.run(SPEC, out=tmp_path / "without", jobs=1)
    assert names(tmp_path / "with") - names(tmp_path / "without") == {"bars_f.png"}
    assert names(tmp_path / "without") <= names(tmp_path / "with")


@pytest.mark.usefixtures("few")
def test_a_report_without_the_plugin_leaves_its_pages_to_the_next_run(tmp_path):
    trace = 'import pathlib\npathlib.Path(__file__).with_suffix(".ran").touch()\n'
    (tmp_path / "mine.py").write_text(PAGE + trace)
    named = SPEC | {"plugins": [str(tmp_path / "mine.py")]}
    pages.of(())
    folder = tmp_path / "x"
    with kept(pages.pages):
        bench.run(named, out=folder, jobs=1)
    assert "bars_f.png" in names(folder)
    # A folder that someone sent runs no code of theirs.
    (tmp_path / "mine.ran").unlink()
    CliRunner().invoke(main, ["report", str(folder)], catch_exceptions=False)
    assert not (tmp_path / "mine.ran").exists()
    assert "bars_f.png" not in names(folder)
    assert "ranking.png" in names(folder)
    drawn_at = []
    with kept(pages.pages):
        for _ in range(2):
            bench.run(named, out=folder, jobs=1)
            drawn_at.append((folder / "figures" / "bars_f.png").stat().st_mtime_ns)
    assert drawn_at[0] == drawn_at[1]


def test_a_plugin_cannot_take_the_name_of_a_page_that_is_not_loaded_yet(tmp_path):
    (tmp_path / "mine.py").write_text(PAGE.replace('"bars"', '"curves"'))
    code = "from nncore.registry import load_plugin; load_plugin('mine.py')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == 'ValueError: there is already a page "curves" (built-in)'


def test_pages_are_named_after_their_files_and_come_in_an_order_of_their_own():
    found = pages.of(())
    files = {module.name for module in pkgutil.iter_modules(pages.__path__)}
    assert {page.name for page in found} == files
    assert {page.origin for page in found} == {BUILT_IN}
    assert len({page.order for page in found}) == len(found)
    assert [page.order for page in found] == sorted(page.order for page in found)
    assert all(page.order < pages.LAST and page.summary for page in found)


def test_every_page_is_drawn_in_some_case():
    # Of trained trials, of claims and of instruments only: they have tests of their own.
    others = {"contour", "claim", "instruments"}
    seen = {parts[0] for case in ("normal", "single and tuned") for parts in drawn(case)}
    assert seen | others == {page.name for page in pages.of(())}


def test_single_configurations_that_all_crashed_have_no_curves():
    spaces = [*NINE[:2], SPACES[4]]
    some = frames(TASKS[:1], spaces, 3)
    lost = some.trials["optimizer"].isin([space.name for space in NINE[:2]])
    finals = [name for name in some.trials if name.startswith("final_")]
    trials = some.trials.copy()
    trials.loc[lost, finals] = float("nan")
    trials.loc[lost, "status"] = "crashed"
    trials.loc[lost, "diverged_epoch"] = pd.NA
    curves = some.curves[~some.curves["trial"].isin(trials.loc[lost, "trial"])]
    crashed = costed(trials, curves)
    found = {parts: laid_out(paint) for parts, paint in plan(gather(crashed))}
    assert ("curves", "spiral") in found
    assert ("curves_single", "spiral") not in found
