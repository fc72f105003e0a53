"""The gallery: specs that can be run, claims that say where they come from, and the exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.spec.experiment import load
from bench.studies.gallery import __main__ as gallery
from nncore.datasets import datasets
from nncore.metrics import metrics
from nncore.registry import kept
from nncore.rules import rules

SPECS = sorted(gallery.SPECS.glob("*.toml"))
TINY = """
description = "a description"
seeds = 7
[[problem]]
dataset = "blobs"
epochs = 2
[[optimizer]]
rule = "sgd"
learning_rate = 0.5
[[optimizer]]
rule = "adam"
learning_rate = 1e-6
[[claim]]
text = "SGD is ahead | of Adam"
source = "here"
better = "sgd"
than = "adam"
by = 1e-6
expected = "holds"
"""


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_claim_has_a_source_and_an_expected_answer(path: Path) -> None:
    with kept(metrics, rules, datasets):
        experiment = load(path)
    assert experiment.claims
    for claim in experiment.claims:
        assert claim.source
        assert claim.expected
    assert gallery.scaled(experiment)


def test_the_page_has_the_gallery() -> None:
    text = gallery.DOCUMENT.read_text(encoding="utf-8")
    table = text.partition(gallery.BEGIN)[2].partition(gallery.END)[0]
    told = re.findall(r"^\| (?:`[^`]+`)? ?\| (.*?) \| (.*?) \| (.*?) \|", table, re.MULTILINE)
    expected = []
    with kept(metrics, rules, datasets):
        for path in SPECS:
            expected += [(c.text, c.source, c.expected) for c in load(path).claims]
    assert [row for row in told if row[0] != "claim"] == expected


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("", ""), 0, "1 claims, 0 not as expected"),
        (('expected = "holds"', 'expected = "contradicted"'), 1, "NOT contradicted AS EXPECTED"),
        (('expected = "holds"', ""), 2, "expected answer"),
    ],
)
def test_the_exit_code_says_whether_answers_are_the_expected_ones(
    change: tuple[str, str], code: int, said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "tiny.toml").write_text(TINY.replace(*change))
    document = tmp_path / "page.md"
    document.write_text(f"before\n{gallery.BEGIN}\n{gallery.END}\nafter\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gallery, "SPECS", tmp_path)
    monkeypatch.setattr(gallery, "DOCUMENT", document)
    assert gallery.main(["--jobs", "1", "--write"]) == code
    told = capsys.readouterr()
    assert said in told.out + told.err
    if code == 0:
        assert "figure: results/claims/tiny/figures/claim_1.png" in told.out
        assert (tmp_path / "results/claims/tiny/figures/claim_1.png").stat().st_size > 1000
        row = "| `tiny` | SGD is ahead &#124; of Adam | here | holds | a description |"
        assert row in document.read_text().splitlines()
        assert document.read_text().endswith("after\n")


def test_names_choose_and_unknown_ones_are_refused() -> None:
    assert [p.stem for p in gallery.chosen(["05_reddi"], quick=False)] == ["05_reddi"]
    with pytest.raises(SystemExit, match="05_reddi"):
        gallery.chosen(["reddi"], quick=False)
