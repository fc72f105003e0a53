"""The numbers beside each other, in words: all of them, or each cell's ends and what differs."""

import copy

import pytest

from bench.studies.documents import reproduce, told
from tests.command import bench
from tests.studies.documents.pages import shortened


def said(pages, **options):
    """What is told of pages."""
    return list(told.lines(reproduce.reproduce(None, pages), list(pages), **options))


def test_all_lines_or_the_ends_of_each_cell():
    pages = {"002": reproduce.load()["002"]}
    pages["002"]["cells"] = pages["002"]["cells"][:1]
    every, ends = said(pages, every=True), said(pages)
    losses = [line["loss"] for line in pages["002"]["cells"][0]["lines"]]
    head = "document 002, cell 3: one neuron (loss), 200 of 200 lines"
    assert every[0] == ends[0] == head
    assert [line.split()[2:] for line in every[2:202]] == [[loss, loss] for loss in losses]
    assert ends[2].split() == ["iteration", "1", losses[0], losses[0]]
    assert ends[3].strip() == "..."
    assert ends[4].split() == ["iteration", "200", losses[-1], losses[-1]]
    assert ends[-1] == every[-1] == "document 002: 200 of 200 lines"


@pytest.mark.parametrize("cell", [37, 48], ids=["beside", "stacked"])
def test_what_differs_is_shown_and_marked(cell):
    pages = shortened(cell, lines=5)
    pages["003"]["cells"][0]["lines"][2]["accuracy"] = "0.123"
    lines = said(pages)
    assert sum("0.123" in line for line in lines) == 2  # beside ours, and among the mismatches
    assert sum(told.MARK.strip() in line for line in lines) == 1
    assert lines.count("  ...") == 2
    assert any(line.startswith(f"document 003, cell {cell}, epoch 200: printed") for line in lines)
    assert max(map(len, lines)) <= 95


def test_a_number_that_the_page_cuts_off_says_so():
    pages = shortened(48)
    pages["003"]["cells"][0]["lines"] = pages["003"]["cells"][0]["lines"][:2]
    pages["003"]["cells"][0]["lines"][1] |= {"learning_rate": "0.50", "cut": "learning_rate"}
    assert any("0.50…  " in line for line in said(pages))


def test_long_lines_stand_field_by_field():
    lines = said({"002": reproduce.load()["002"]})
    [end] = reproduce.load()["002"]["cells"][3]["lines"]
    assert f"  end  printed  {end['weights']}" in lines
    assert f"       ours     {end['biases']}" in lines


def test_the_verb_tells_draws_and_says_where(tmp_path):
    output = bench("reproduce", "001", "--out", "here", cwd=tmp_path)
    assert "document 001: 4 of 4 values\n" in output
    assert output.endswith("figures:\n  here/document_001.png\n")
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["document_001.png"]
    assert "46 losses (people) were printed without a seed" in output


def test_a_wrong_digit_is_an_exit_code(tmp_path, monkeypatch):
    pages = {"001": copy.deepcopy(reproduce.load()["001"])}
    pages["001"]["cells"][2]["lines"][0]["output"] = "0.7216325609518422"
    monkeypatch.setattr(reproduce, "load", lambda: pages)
    output = bench("reproduce", "001", cwd=tmp_path, code=1)
    assert "3 of 4 values" in output
    assert "results/reproduce/document_001.png" in output


def test_an_unknown_document_is_refused(tmp_path):
    output = bench("reproduce", "7", cwd=tmp_path, code=2)
    assert output == "document 7 is unknown; there are 000, 001, 002, 003, 004\n"
    assert not [*tmp_path.iterdir()]
