"""The page as text: what it says without a script, and that it holds what the report holds."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench
from bench.page import content, library, markup, points
from bench.report import write
from tests.command import bench as command
from tests.command import undrawn
from tests.page import unpack
from tests.page.experiment import BOLD, CODED, EVIL, SPEC, pictured

# The lines of a page in which two runs of one spec may differ.
CLOCK = re.compile(r'^(<script type="text/plain" id="data-clock">|<section id="machine">).*', re.M)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    with pictured():
        return bench.run(SPEC, out=tmp_path_factory.mktemp("page"), jobs=2)


@pytest.fixture(scope="module")
def page(made: bench.Results) -> str:
    return (made.folder / "report.html").read_text(encoding="utf-8")


class Words(HTMLParser):
    """What a reader sees who runs no script: words, and what elements there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & {*self.inside}:
            self.words.append(data)


def test_without_a_script_one_reads_verdicts_ranking_audit_and_spec(
    made: bench.Results, page: str
) -> None:
    seen = Words(page)
    words = " ".join(seen.words)
    for line in (made.folder / "verdicts.txt").read_text().splitlines():
        assert line in words
    for message in pd.read_csv(made.folder / "audit.csv")["message"]:
        assert message in words
    ranking = pd.read_csv(made.folder / "ranking.csv")
    for name in ranking.loc[ranking["problem"] != "all problems", "optimizer"]:
        assert name in words
    assert (made.folder / "spec.toml").read_text() in words
    assert words.index("Verdicts") < words.index("Training curves")
    assert "bench run spec.toml" in words
    assert np.__version__ in words
    pictures = [own for tag, own in seen.elements if tag == "img"]
    assert [str(own["src"]).partition(",")[0] for own in pictures] == ["data:image/png;base64"]
    assert pictures[0]["alt"]


def test_what_is_said_of_all_figures_of_a_problem_is_said_at_the_first(page: str) -> None:
    figures = re.findall(r'<figure class="drawn" id="(\w+)-(\d)"(.*?)</figure>', page, re.DOTALL)
    told = {(kind, n): set(re.findall("<li>(.*?)</li>", inside)) for kind, n, inside in figures}
    assert told["curves", "0"]
    for (kind, n), lines in told.items():
        assert kind == "curves" or not lines & told["curves", n], (kind, n)


def test_infinite_numbers_keep_their_signs_and_missing_ones_are_none() -> None:
    frame = pd.DataFrame({"x": [np.inf, -np.inf, np.nan, 1.5]})
    cells = re.findall("<td.*?>(.*?)</td>", markup.table(frame, "numbers", ["x"]))
    assert cells == ["∞", "-∞", "", "1.5"]


def test_names_are_text(page: str) -> None:
    seen = Words(page)
    words = " ".join(seen.words)
    assert all(name in words for name in (EVIL, BOLD, CODED))
    assert not [tag for tag, _ in seen.elements if tag in ("b", "i", "em")]
    scripts = [own for tag, own in seen.elements if tag == "script"]
    assert [own for own in scripts if "id" not in own] == [{}]
    assert len(scripts) == len(unpack.BLOB.findall(page)) + 1


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    seen = Words(page)
    addresses = [
        str(value)
        for _, own in seen.elements
        for name, value in own.items()
        if name in ("src", "href", "srcset", "action", "data", "poster")
    ]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    (policy,) = [own["content"] for tag, own in seen.elements if "http-equiv" in own]
    assert "default-src 'none'" in str(policy)
    assert not re.search(r"url\(|@import|https?:", CLOCK.sub("", page.partition("<body")[0]))


@pytest.mark.parametrize("name", ["trials", "summary", "ranking", "pairs", "budget"])
def test_tables_are_those_of_the_files(made: bench.Results, page: str, name: str) -> None:
    expected = pd.read_csv(made.folder / f"{name}.csv")
    unlike = [c for c in expected if c in content.UNSHOWN or c.endswith("_seconds")]
    found = unpack.table(*unpack.blobs(page)[f"table-{name}"])
    assert list(found) == [c for c in expected if c not in unlike]
    for column, values in found.items():
        if all(isinstance(value, float) for value in values):
            np.testing.assert_array_equal(values, expected[column].to_numpy(float), err_msg=column)
        else:
            texts = expected[column].astype(object).where(expected[column].notna(), "")
            assert values == texts.astype(str).tolist(), column


def test_every_point_is_there(made: bench.Results, page: str) -> None:
    curves = pd.read_csv(made.folder / "curves.csv").set_index("trial")
    found = unpack.blobs(page)
    seen = 0
    for number in range(len(SPEC["problem"])):
        head, data = found[f"points-{number}"]
        for sheet in head["sheets"]:
            trials = np.frombuffer(unpack.buffer(data, sheet["trial"]), "<f8").astype(int)
            whole = curves.loc[list(dict.fromkeys(trials))]
            assert whole["epoch"].tolist() == sheet["epochs"] * len(trials)
            of = np.frombuffer(unpack.buffer(data, sheet["evaluations"]["of"]), "<f8").astype(int)
            counted = [n for row in of for n in sheet["evaluations"]["patterns"][row]]
            assert whole["gradient_evaluations"].tolist() == counted
            for metric, how in sheet["metrics"].items():
                values = list(unpack.curve_values(how, data, len(sheet["epochs"])))
                expected = whole[metric].to_numpy(float)
                away = 1 - expected if metric.endswith("r2") else expected
                with np.errstate(invalid="ignore"):
                    off = np.abs(np.array(values) - expected)
                finite = np.isfinite(expected)
                np.testing.assert_array_equal(np.array(values)[~finite], expected[~finite])
                assert (off[finite] <= 0.0014 * np.abs(away[finite]) + 1e-12).all(), metric
                seen += finite.sum()
    metrics = curves.drop(
        columns=["problem", "optimizer", "configuration", "seed", "epoch", "gradient_evaluations"]
    )
    assert seen == np.isfinite(metrics.to_numpy(float)).sum() > 1000
    assert found["points-0"][0]["updates"] == 2  # ten samples in batches of five
    assert found["points-1"][0]["updates"] == 4  # four people, one at a time


def test_two_runs_differ_in_seconds_and_machine_alone(
    made: bench.Results, page: str, tmp_path: Path
) -> None:
    with pictured():
        other = bench.run(SPEC, out=tmp_path, jobs=1)
    text = (other.folder / "report.html").read_text(encoding="utf-8")
    assert len(CLOCK.findall(page)) == 2
    assert CLOCK.sub("", text) == CLOCK.sub("", page)
    assert text != page


def test_the_same_results_give_the_same_bytes(
    made: bench.Results, page: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    (copy / "report.html").unlink()
    with pictured():
        bench.run(SPEC, out=copy, jobs=1)
    assert (copy / "report.html").read_text(encoding="utf-8") == page


def test_what_has_no_room_is_left_out_and_said(
    made: bench.Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    trials = pd.read_csv(copy / "trials.csv")
    told = {}
    for most in (6000, 100):
        monkeypatch.setattr(points, "MOST", most)
        monkeypatch.setattr(content, "ROWS", 40)
        command("report", copy, cwd=tmp_path, page=True)
        page = (copy / "report.html").read_text(encoding="utf-8")
        told[most] = " ".join(Words(page).words)
        assert f"40 of {len(trials):,} rows of trials are here" in told[most]
        found = unpack.blobs(page)
        rows = unpack.table(*found["table-trials"])
        assert len(rows["trial"]) == 40
        pairs = zip(rows["problem"], rows["phase"], strict=True)  # of the best configurations
        assert {phase for problem, phase in pairs if problem != "neuron"} == {"evaluation"}
        sheets = [sheet for i in range(3) for sheet in found[f"points-{i}"][0]["sheets"]]
        bands = [band for i in range(3) for band in found[f"points-{i}"][0]["bands"]]
        assert bool(sheets) == (most == 6000)
        assert bool(bands) == (most == 100)
    assert re.search(rf"points of 4[0-9] of {len(trials)} trials are here", told[6000])
    assert f"points of 0 of {len(trials)} trials are here" in told[100]
    head, data = found["points-0"]
    for band in head["bands"]:
        values = list(unpack.curve_values(band["values"], data, len(band["epochs"])))
        low, middle, high = np.array(values).reshape(3, -1)
        assert (low <= middle).all()
        assert (middle <= high).all()


def test_metrics_that_a_problem_does_not_have_take_no_room(
    made: bench.Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    curves = pd.read_csv(copy / "curves.csv")
    values = curves.loc[:, "train_loss":]  # type: ignore[misc]
    own = [values[curves["problem"] == p].dropna(axis=1, how="all") for p in made.manifest.problems]
    monkeypatch.setattr(points, "MOST", sum(some.size for some in own))
    command("report", copy, cwd=tmp_path, page=True)
    assert "trials are here" not in (copy / "report.html").read_text(encoding="utf-8")


def test_it_is_left_out_where_it_is_not_wanted(made: bench.Results, tmp_path: Path) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    command("report", copy, "--no-html", cwd=tmp_path)
    assert not (copy / "report.html").exists()
    with undrawn():
        files = bench.run(SPEC, out=copy, html=False).files
        assert not [path for path in files if path.suffix == ".html"]
        files = bench.run(SPEC, out=copy).files
    assert (copy / write.PAGE) in files
    assert (copy / write.PAGE).exists()


def test_without_the_library_it_is_told(
    made: bench.Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    monkeypatch.setattr(library, "PACKAGE", "no_such_package")
    library.script.cache_clear()
    try:
        told = command("report", copy, cwd=tmp_path, code=2, page=True)
    finally:
        library.script.cache_clear()
    assert "--no-html" in told
    command("report", copy, "--no-html", cwd=tmp_path)


def test_a_run_ends_with_its_path_and_open_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("--set", "seeds=1", "--set", "problem.spiral.epochs=20")
    told = command("run", "@quick", "--out", "out", *few, cwd=tmp_path).splitlines()
    assert told[-3:] == [
        "report:",
        "  out/report.html",
        "  all of it in one file: `bench open out`",
    ]
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert command("open", "out", cwd=tmp_path).splitlines() == ["out/report.html"]
    assert opened == [(tmp_path / "out" / "report.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert "no browser was found" in command("open", "out", cwd=tmp_path)
    assert "there is no such folder" in command("open", "nowhere", cwd=tmp_path, code=2)
    (tmp_path / "out" / "report.html").unlink()
    assert "`bench report out` writes it" in command("open", "out", cwd=tmp_path, code=2)
