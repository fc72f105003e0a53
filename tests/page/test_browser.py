"""The page in real browsers, with the network off: what is drawn, switched, filtered, saved.

A driver (`browser.mjs`) goes through the page once in each browser and tells what it saw. It needs
node and the npm packages puppeteer-core and axe-core in the folder that BENCH_NODE_MODULES names;
tools/browsers.sh brings all of it. With BENCH_BROWSERS nothing is skipped.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from tests import ROOT
from tests.command import timed
from tests.page.experiment import BOLD, CODED, EVIL, MADE, RATES, SPEC, pictured

pytestmark = pytest.mark.browsers

BROWSERS = {
    "chrome": ("chromium", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
BEST = {MADE: " (rate 1)", CODED: " (rate 0.1)", BOLD: " (rate 0.5, momentum 0.9)"}


def _lacking(browser: str) -> str:
    """What the driver needs and is not there, in words."""
    packages = Path(os.environ.get("BENCH_NODE_MODULES", "nowhere"))
    if not any(map(shutil.which, BROWSERS[browser])):
        return f"none of {', '.join(BROWSERS[browser])} is installed"
    if not shutil.which("node"):
        return "node is not installed"
    for name in ("puppeteer-core", "axe-core"):
        if not (packages / "node_modules" / name).is_dir():
            return f"BENCH_NODE_MODULES names no folder with the npm package {name}"
    return ""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    with pictured(), timed():  # an axis has the seconds that epochs take
        return bench.run(SPEC, out=tmp_path_factory.mktemp("page"), jobs=2)


@pytest.fixture(scope="module", params=BROWSERS)
def seen(
    request: pytest.FixtureRequest, made: bench.Results, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What a browser saw."""
    browser = request.param
    if lacking := _lacking(browser):
        if os.environ.get("BENCH_BROWSERS"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    program = next(filter(None, map(shutil.which, BROWSERS[browser])))
    page = made.folder / "report.html"
    driver = ROOT / "tests" / "page" / "browser.mjs"
    profile = tmp_path_factory.mktemp(browser)
    command = ["node", driver, browser, program, profile, page, json.dumps([BOLD, CODED])]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(list(map(str, command)), **pipes) as driving:
        try:
            told, wrong = driving.communicate()
        finally:
            driving.terminate()  # its browser ends with it
    assert driving.returncode == 0, wrong
    return {"browser": browser, **json.loads(told)}


def test_nothing_fails_and_nothing_is_fetched(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []
    assert seen["requests"] == []


def test_names_are_text_in_figures_too(seen: dict[str, Any]) -> None:
    assert seen["title"] == "page: a comparison of optimizers"
    assert set(seen["kinds"]["curves"]["legend"]) == {n + told for n, told in BEST.items()}
    assert set(seen["kinds"]["sensitivity"]["legend"]) == set(BEST)
    assert set(seen["kinds"]["spread"]["ticks"]) >= set(BEST)
    assert any(name in seen["hover"] for name in BEST)
    assert "median" in seen["hover"]


def test_every_kind_is_drawn(made: bench.Results, seen: dict[str, Any]) -> None:
    kinds = seen["kinds"]
    assert kinds["curves"]["lines"] == 2 * 3  # three medians on three bands
    assert kinds["curves"]["points"] == 3 * 21
    summary = pd.read_csv(made.folder / "summary.csv")
    summary = summary[(summary["problem"] == EVIL) & (summary["phase"] == "tuning")]
    rates = summary.groupby("optimizer")["learning_rate"].nunique().sum()
    assert kinds["sensitivity"]["points"] == rates + len(summary)
    assert kinds["heatmap"]["cells"] == 1
    assert [*map(float, kinds["heatmap"]["ticks"])] == [*np.round(RATES, 3), 0, 0.9]
    assert kinds["heatmap"]["labels"] == (summary["optimizer"] == BOLD).sum()
    assert kinds["target"]["lines"] >= 3
    assert kinds["pairs"]["points"] == 3
    assert kinds["spread"]["points"] == 3 * 7
    assert kinds["budget"]["lines"] >= 3
    assert kinds["curves"]["titles"] == ["epochs", "training loss (cross-entropy, nats)"]


def test_curves_are_those_that_verdicts_are_of(made: bench.Results, seen: dict[str, Any]) -> None:
    """Of the seeds that judge, not of those that configurations were chosen by."""
    saved = pd.read_csv(io.StringIO(seen["medians"]["text"]), comment="#")
    last = saved[saved["epochs"] == 20].set_index("optimizer")["median"]
    ranking = pd.read_csv(made.folder / "ranking.csv")
    judged = ranking[ranking["problem"] == EVIL].set_index("optimizer")["median"]
    pd.testing.assert_series_equal(last, judged, rtol=0.0015, check_like=True)
    tuned = made.summary.query("phase == 'tuning' and problem == @EVIL").set_index("configuration")
    apart = saved.drop_duplicates("optimizer").set_index("optimizer")["configuration"]
    others = tuned.loc[apart, "final_train_loss_median"].to_numpy()
    assert (np.abs(others / last.loc[apart.index].to_numpy() - 1) > 0.0015).any()


def test_figures_of_the_search_say_on_which_seeds_it_ran(seen: dict[str, Any]) -> None:
    captions = {kind: found["caption"] for kind, found in seen["kinds"].items()}
    told = {
        kind for kind, text in captions.items() if "All runs are on the 3 tuning seeds." in text
    }
    assert told == {"sensitivity", "heatmap", "budget"}


def test_an_optimizer_is_switched_once_for_the_page(seen: dict[str, Any]) -> None:
    off = seen["off"]
    assert off["pressed"] == "false"
    assert off["focused"] == f"on {BOLD}"  # the keyboard stays where it was
    assert set(off["curves"]["legend"]) == {n + told for n, told in BEST.items() if n != BOLD}
    assert BOLD not in off["spread"]["ticks"]
    assert MADE in off["spread"]["ticks"]
    assert f"on={MADE}" in off["hash"]
    assert BOLD not in off["hash"]
    assert len(seen["on"]["legend"]) == 3


def test_axes_parts_and_lines(seen: dict[str, Any]) -> None:
    axes = seen["axes"]
    assert axes["updates"]["titles"][0] == "updates"
    assert axes["updates"]["range"][1] / seen["kinds"]["curves"]["range"][1] == pytest.approx(2)
    assert axes["evaluations"]["titles"][0] == "evaluations of gradients"
    assert axes["seconds"]["titles"][0].endswith("seconds")
    assert axes["test"]["titles"][1].startswith("test loss")
    assert axes["accuracy"]["titles"][1] == "test accuracy, share correct"
    assert axes["seeds"]["lines"] == 3 * 7
    assert axes["seeds"]["caption"].startswith("21 runs")
    assert axes["all"]["lines"] > axes["seeds"]["lines"]
    for choice in ("x=seconds", "y=linear", "part=test", "metric=accuracy", "lines=seeds"):
        assert choice in seen["chosen"]


def test_a_link_shows_what_its_sender_saw(seen: dict[str, Any]) -> None:
    before, after = seen["zoom"]["before"], seen["zoom"]["after"]
    assert after[1] - after[0] == pytest.approx(0.7 * (before[1] - before[0]))
    assert "zoom.curves-0=" in seen["zoom"]["hash"]
    assert seen["twin"]["range"] == pytest.approx(after, rel=1e-4)
    assert seen["twin"]["lines"] == "seeds"
    assert seen["reset"]["range"] == pytest.approx(before)


def test_a_link_of_anyone_s_is_a_link(seen: dict[str, Any]) -> None:
    assert seen["odd"] == "updates"


def test_without_what_the_script_needs_the_page_is_as_without_it(seen: dict[str, Any]) -> None:
    assert seen["lacking"] == [True, "This figure is drawn by a script."]


def test_tables_are_filtered_sorted_and_saved(made: bench.Results, seen: dict[str, Any]) -> None:
    tables, trials = seen["tables"], pd.read_csv(made.folder / "trials.csv")
    place = {name: i for i, name in enumerate(tables["columns"])}
    assert tables["all"] == min(len(trials), 100)
    some = trials[trials["seed"] < 2]
    assert [int(row[place["trial"]]) for row in tables["filtered"]] == some["trial"].tolist()
    order = some.sort_values("final_train_loss", kind="stable", na_position="last")
    assert [int(row[place["trial"]]) for row in tables["sorted"]] == order["trial"].tolist()
    assert tables["sort"] == "ascending"
    assert "sort.trials=final_train_loss" in tables["hash"]
    assert tables["saved"]["name"] == "trials.csv"
    saved = pd.read_csv(io.StringIO(tables["saved"]["text"]))
    expected = order[list(saved)].reset_index(drop=True)
    pd.testing.assert_frame_equal(saved, expected, check_dtype=False, check_exact=True)


def test_points_are_saved_and_say_that_they_are_rounded(
    made: bench.Results, seen: dict[str, Any]
) -> None:
    text = seen["points"]["text"]
    assert text.startswith("# rounded: losses and the like to within 0.14%")
    saved = pd.read_csv(io.StringIO(text), comment="#")
    curves = pd.read_csv(made.folder / "curves.csv")
    curves = curves[curves["problem"] == EVIL].reset_index(drop=True)
    assert saved["optimizer"].tolist() == curves["optimizer"].tolist()
    for name in saved.columns.drop(["problem", "optimizer"]):
        np.testing.assert_allclose(saved[name], curves[name], rtol=0.0015, err_msg=name)
    assert seen["behind"]["name"].endswith(".csv")
    assert seen["picture"]["text"].startswith("<svg")


@pytest.mark.parametrize("seen", ["chrome"], indirect=True)
def test_nobody_is_left_out(seen: dict[str, Any]) -> None:
    """WCAG's rules, both themes, a narrow screen, paper."""
    assert seen["axe"] == {"light": [], "dark": []}
    assert seen["light"] == "rgb(255, 255, 255)"
    assert sum(json.loads(f"[{seen['dark'][4:-1]}]")) < 150
    assert seen["narrow"] == 400
    assert seen["paper"]["head"] == "%PDF-"
    assert seen["paper"]["inks"] == ["#1b1f24"]  # though the page is dark
    assert seen["paper"]["drawn"] == seen["paper"]["figures"] == 21
