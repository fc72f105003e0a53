"""Which figures an experiment gets, that they can be read, and that their bytes repeat."""

from __future__ import annotations

import itertools
import struct
import sys
from dataclasses import fields, replace

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.transforms import Bbox

from bench.figures import book, style
from bench.figures.book import FileNames, draw, plan
from tests.figures.drawn import CASES, TARGETS, caption, drawn, gather, laid_out, material
from tests.frames import HARD, NINE, SPACES, TASKS, Frames, frames

ONE = {"ranking", "spread", "curves"}
GRIDS = {"sensitivity", "heatmap decay", "heatmap momentum", "budget", "divergence"}
EXPECTED = {
    "normal": {*ONE, *GRIDS, "across", "critical", "pairs", "seconds", "target", "profile"}
    | {"variance"},
    "nine single": {*ONE, "pairs", "seconds", "target", "profile"},
    "one optimizer": ONE,
    "many seeds": {*ONE, "sensitivity", "budget", "divergence"},
    "single and tuned": {*ONE, *GRIDS, "curves_single", "pairs", "seconds", "target", "profile"},
}
NAMED_ROWS = {"ranking", "spread", "across", "critical", "pairs", "divergence", "variance"}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_experiment_gets_the_figures_that_its_search_space_fills(name):
    names = [parts for parts, _ in plan(material(name))]
    assert {" ".join(parts[:-1] or parts) for parts in names} == EXPECTED[name]
    problems = list(CASES[name].trials["problem"].unique())
    per_problem = [parts[-1] for parts in names if parts[0] == "curves"]
    assert per_problem == problems


@pytest.mark.parametrize("name", CASES)
def test_figures_can_be_read(name):
    for parts, figure in drawn(name).items():
        renderer = figure.canvas.get_renderer()
        panels = [ax.get_tightbbox(renderer) for ax in figure.axes]
        outside = [legend.get_window_extent(renderer) for legend in figure.legends]
        outside += [text.get_window_extent(renderer) for text in figure.texts]
        for box in [*panels, *outside]:
            assert min(box.x0, box.y0) >= 0, (parts, box)
            assert box.x1 <= figure.bbox.width, (parts, box)
            assert box.y1 <= figure.bbox.height, (parts, box)
        assert not any(ax.get_legend() for ax in figure.axes), parts
        for a, b in itertools.combinations([*panels, *outside], 2):
            assert not overlap(a, b), parts
        matrix = figure.axes[-1:] if parts[0] in ("across", "pairs") else []
        for ax in figure.axes:
            assert bool(ax.get_xlabel()) != (ax in matrix), parts
            rows = parts[0] in NAMED_ROWS or ax.get_label() == "colours"
            assert bool(ax.get_ylabel()) != rows, parts
        title, small = (text.get_text() for text in figure.texts)
        assert title, parts
        assert small, parts


def overlap(a: Bbox, b: Bbox) -> bool:
    both = Bbox.intersection(a, b)
    return both is not None and both.width > 1 and both.height > 1


@pytest.mark.parametrize("name", ["normal", "nine single", "single and tuned", "hard names"])
def test_an_optimizer_has_one_colour_in_every_figure(name):
    looks = style.looks(CASES[name].trials)
    meant = {style.plain(n): look.color for n, look in looks.items()}
    seen = set()
    for figure in drawn(name).values():
        for ax in figure.axes:
            for line in ax.lines:
                if line.get_label() in meant:
                    assert to_hex(line.get_color()).upper() == meant[line.get_label()].upper()
                    seen.add(line.get_label())
        for legend in figure.legends:
            for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
                told = text.get_text().split(": rate")[0].replace("\n", " ")
                if told in meant:
                    assert to_hex(handle.get_color()).upper() == meant[told].upper()
                    seen.add(f"legend {told}")
    assert seen == {*meant, *(f"legend {n}" for n in meant)}


def test_the_legend_of_curves_is_in_the_order_of_the_lines_ends():
    case = CASES["nine single"]
    figure = drawn("nine single")["curves", "spiral"]
    finals = case.trials.groupby("optimizer")["final_train_loss"].median().sort_values()
    told = [text.get_text().rpartition(": ")[0] for text in figure.legends[0].get_texts()]
    assert told == [*finals.index, "target", "target"]


def test_captions_say_what_bands_and_bars_are():
    told = {
        name: {p[0]: caption(f) for p, f in [*drawn(name).items()][::-1]}
        for name in ("normal", "three seeds", "one seed")
    }
    assert "medians over 7 seeds, bands interquartile ranges" in told["normal"]["curves"]
    assert "95% intervals of the median" in told["normal"]["sensitivity"]
    assert "range over seeds, too few for a 95% interval" in told["three seeds"]["ranking"]
    assert "single runs" in told["one seed"]["curves"]
    assert "single runs" in told["one seed"]["heatmap"]


def test_problems_with_nothing_to_compare_are_named_instead_of_drawn():
    alone = replace(NINE[0], problems=["neuron"])
    case = frames((TASKS[0], TASKS[3]), [replace(s, problems=["spiral"]) for s in NINE[:2]], 3)
    lone = frames(TASKS[3:], [alone], 1)
    trials = pd.concat([case.trials, lone.trials.assign(trial=99)], ignore_index=True)
    curves = pd.concat([case.curves, lone.curves.assign(trial=99)], ignore_index=True)
    summary = pd.concat([case.summary, lone.summary], ignore_index=True)
    found = dict(plan(gather(Frames(trials, curves, summary))))
    for name in ("ranking", "spread"):
        figure = laid_out(found[name,])
        assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == ["spiral"]
        assert "nothing to compare: neuron" in caption(figure), name


# Files -------------------------------------------------------------------------------------------

NAMES = {
    "spiral": "curves_spiral.png",
    "../../etc/passwd": "curves_etc_passwd.png",
    "/": "curves_unnamed.png",
    "..": "curves_unnamed.png",
    "a\\b\n:*?": "curves_a_b.png",
    "$x$ ünïcode": "curves_x_ünïcode.png",
    "図" * 99: f"curves_{'図' * 33}.png",
    "x" * 200: f"curves_{'x' * 60}.png",
}


@pytest.mark.parametrize("problem", NAMES)
def test_file_names_are_plain(problem):
    assert FileNames().claim("curves", problem) == NAMES[problem]


def test_letters_that_a_file_system_lacks_are_left_out_of_names(monkeypatch):
    monkeypatch.setattr(book, "ENCODING", "ascii")
    assert FileNames().claim("curves", "$x$ ünïcode 図") == "curves_x_ncode_.png"


def test_file_names_do_not_collide_on_any_file_system():
    names = FileNames()
    parts = [("a",), ("A",), ("a", "b"), ("a_b",), ("a_b_2",), ("A", "B"), ("a_2",), ("/",), (".",)]
    found = [names.claim(*p).lower() for p in parts]
    assert len(set(found)) == len(parts)


SHORT = [replace(task, epochs=300, every=50) for task in (TASKS[0], TASKS[2])]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "figures"
    folder.mkdir()
    spaces = [replace(s, values={"learning_rate": [0.1]}) for s in (SPACES[0], SPACES[4])]
    return folder, draw(gather(frames(SHORT, spaces, 2).changed(names=HARD)), folder)


def test_files_lie_in_the_folder_and_are_all_that_is_written(written):
    folder, paths = written
    assert sorted(folder.parent.rglob("*.png")) == sorted(paths)
    assert all(path.parent == folder for path in paths)


def test_files_are_png_at_150_dpi_without_a_trace_of_when_or_by_what(written):
    for path in written[1]:
        content = path.read_bytes()
        chunks, place = {}, 8
        while place < len(content):
            size, kind = struct.unpack(">I4s", content[place : place + 8])
            chunks.setdefault(kind, content[place + 8 : place + 8 + size])
            place += size + 12
        assert set(chunks) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
        assert struct.unpack(">IIB", chunks[b"pHYs"]) == (5906, 5906, 1)  # per metre
        wide, high = struct.unpack(">II", chunks[b"IHDR"][:8])
        assert wide == 1500
        assert 300 < high < 2500


def test_bytes_repeat_whatever_the_order_the_settings_and_the_other_trials(tmp_path, monkeypatch):
    tuned = replace(SPACES[4], values={"learning_rate": [0.01, 0.1], "decay": [0.0, 1e-3]})
    case = frames(SHORT[:1], [NINE[0], tuned], 2)
    before = dict(mpl.rcParams)
    first = draw(gather(case), tmp_path)
    content = {path.name: path.read_bytes() for path in first}
    assert dict(mpl.rcParams) == before
    monkeypatch.setitem(mpl.rcParams, "font.size", 20)
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    monkeypatch.setitem(mpl.rcParams, "text.usetex", True)
    needed = gather(case).tables.runs["trial"]
    fewer = case.curves[case.curves["trial"].isin(needed)].iloc[::-1]
    fewer = fewer.sort_values("epoch", kind="stable")
    # When a trial arrived is stored with it, not read off its curve.
    again = draw(gather(replace(case.timed(TARGETS), curves=fewer)), tmp_path)
    assert {path.name: path.read_bytes() for path in again} == content
    assert len(needed) < len(case.trials)


def test_nothing_global_is_used(tmp_path):
    draw(material("one optimizer"), tmp_path)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_no_trials_no_figures(tmp_path):
    some = material("one optimizer")
    found = {f.name: getattr(some.tables, f.name) for f in fields(some.tables)}
    frames_ = {name: frame[:0] for name, frame in found.items() if isinstance(frame, pd.DataFrame)}
    none = replace(some, tables=replace(some.tables, **frames_))
    assert draw(none, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="missing"):
        draw(material("one optimizer"), tmp_path / "missing")


def test_random_draws_make_no_map():
    rates = [{"learning_rate": [0.01 * 1.3**i], "decay": [1e-4 * 1.2**i]} for i in range(8)]
    case = frames(TASKS[:1], [type(NINE[0])("drawn", "sgd", values, 1, 9) for values in rates], 2)
    names = [parts[0] for parts, _ in plan(gather(case))]
    assert names == ["ranking", "spread", "curves", "sensitivity", "target", "budget"]
