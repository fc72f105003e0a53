"""Two results side by side: the words, their symmetry, and what the command prints."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import bench
from bench.cli import main
from bench.gate.check import LEVEL, bounds
from bench.gate.compare import WORDS, compare, sentences
from bench.page.compared import frame, page
from tests.gate.test_gate import NOISE, STILL, WILD, curves

LOST = np.where(np.arange(len(STILL)) % 2, np.inf, STILL)

# What the second is called beside `STILL`, and what the first is called beside it.
CASES = {
    "identical": (STILL, "identical", "identical"),
    "other noise": (STILL * NOISE, "the same", "the same"),
    "5% larger": (STILL * 1.05, "the same", "the same"),
    "half as large": (STILL / 2, "better", "worse"),
    "50% larger": (STILL * 1.5, "worse", "better"),
    "all diverged": (STILL * np.inf, "worse", "better"),
    "half diverged": (LOST, "worse", "better"),
    "wild": (STILL * WILD, "cannot tell", "cannot tell"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_change_has_a_word_either_way(name):
    losses, forth, back = CASES[name]
    for sides, word in (((STILL, losses), forth), ((losses, STILL), back)):
        found = compare(*([curves(side)] for side in sides))
        assert [change.word for change in found.changes] == [word]
        assert found.worse == (word == "worse")
        first, *rest = sentences(found, "A", "B")
        assert first.startswith(f"B beside A, 1 configuration of both: 1 {word}")
        assert bool(rest) == (word not in ("identical", "the same"))


def test_the_interval_is_that_of_the_second_as_a_multiple_of_the_first():
    found = compare([curves(STILL)], [curves(STILL * NOISE * 1.5)]).changes[0].interval
    assert found is not None
    middle, low, high = found
    ratios = np.sort(NOISE * 1.5)
    assert middle == pytest.approx(np.exp(np.median(np.log(ratios))))
    assert all(np.isclose(ratios, end).any() for end in (low, high))
    assert low < middle < high
    turned = compare([curves(STILL * NOISE * 1.5)], [curves(STILL)]).changes[0].interval
    assert turned == pytest.approx((1 / middle, 1 / high, 1 / low))


def test_seeds_of_both_are_paired_and_others_are_told():
    short = curves(STILL * 1.5, 1).on(range(3, 15))
    one, other = [curves(STILL, 1), curves(STILL, 2)], [curves(STILL, 3), short]
    found = compare(one, other)
    assert [(c.forth.seeds, c.word) for c in found.changes] == [(12, "worse")]
    assert len(found.first_alone) == len(found.second_alone) == 1
    told = "\n".join(sentences(found, "A", "B"))
    assert "in A alone, or on no seed of both: " in told
    assert "12 seeds" in told


def test_all_together_tell_what_no_single_one_does():
    rng = np.random.default_rng(0)
    first = [curves(np.exp(0.3 * rng.standard_normal(14)), i) for i in range(20)]
    second = [
        curves(np.array(c.finals) * 1.2 * np.exp(0.1 * rng.standard_normal(14)), i)
        for i, c in enumerate(first)
    ]
    found = compare(first, second)
    assert found.worse
    assert "worse: all configurations together: final loss is" in "\n".join(
        sentences(found, "A", "B")
    )
    assert not compare(second, first).worse


def test_the_page_has_every_configuration_and_names_stay_text():
    first = [curves(STILL, i, optimizer=f"<b>{i}</b>") for i in range(len(CASES))]
    second = [curves(losses, i) for i, (losses, *_) in enumerate(CASES.values())]
    found = compare(first, second)
    rows = frame(found)
    assert len(rows) == len(CASES)
    assert {"worse", "better", "the same", "identical"} <= set(rows["change"])
    assert list(dict.fromkeys(rows["change"])) == [w for w in WORDS if w in set(rows["change"])]
    told = page(found, "<i>A", "B")
    assert "<b>" not in told
    assert "<i>" not in told
    assert "data:image/png;base64," in told
    assert page(found, "<i>A", "B") == told
    nothing = compare([curves(STILL)], [curves(STILL)])
    assert "base64" not in page(nothing, "A", "B")
    assert math.isnan(frame(nothing)["median"].iloc[0])


RULE = """
from nncore.rules import rule


@rule(per="trial")
def mine(w, g, t, *, learning_rate=0.01):
    for each, slope in zip(w, g):
        each -= {factor} * learning_rate * slope
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Results of a rule before and after a change of its code, and of another rule."""
    here = tmp_path_factory.mktemp("compare")
    found = []
    for name, factor in (("a", 1), ("b", 0.2)):
        plugin = here / "mine.py"
        plugin.write_text(RULE.format(factor=factor))
        spec = {
            "name": "x",
            "seeds": 12,
            "problem": {"name": "f", "dataset": "people", "epochs": 20},
            "optimizer": {"rule": "mine", "learning_rate": 0.5},
            "plugins": [str(plugin)],
        }
        found.append(bench.run(spec, out=here / name, jobs=1, report=False).folder)
    spec = {**spec, "optimizer": {"rule": "sgd", "learning_rate": 0.5}, "plugins": []}
    return [*found, bench.run(spec, out=here / "c", jobs=1, report=False).folder]


@pytest.mark.parametrize(
    ("sides", "arguments", "code", "told"),
    [
        ((0, 1), [], 0, "1 worse"),
        ((0, 1), ["--fail-on", "worse"], 1, "final loss is"),
        ((1, 0), ["--fail-on", "worse"], 0, "1 better"),
        ((0, 0), ["--fail-on", "worse"], 0, "1 identical"),
        ((0, 1), ["--fail-on", "worse", "--margin", "1000"], 0, "1 the same within 100000%"),
        ((0, 2), [], 2, "have no configuration in common"),
    ],
)
def test_folders_are_compared(folders, tmp_path, sides, arguments, code, told):
    a, b = (str(folders[side]) for side in sides)
    html = [] if code == 2 else ["--html", str(tmp_path / "new" / "c.html")]
    ended = CliRunner().invoke(main, ["compare", a, b, *arguments, *html])
    assert ended.exit_code == code, ended.output
    assert told in ended.output
    assert (tmp_path / "new" / "c.html").exists() == (code != 2)


def test_compare_from_python(folders):
    found = bench.compare(folders[0], bench.open_results(folders[1]), margin=0.2)
    assert found.worse
    assert [change.word for change in found.changes] == ["worse"]


def test_each_direction_has_half_of_the_errors():
    # Of 21 seeds another order statistic decides than with all of the errors.
    gaps = np.sort(0.4 + 0.02 * np.random.default_rng(5).standard_normal(21))
    found = compare([curves(np.ones(21))], [curves(np.exp(gaps))]).changes[0].forth
    half, whole = (
        bounds(gaps, level / len(found.measures), 0.05)[0] for level in (LEVEL / 2, LEVEL)
    )
    assert half < whole
    assert found.measures[0].low == pytest.approx(math.exp(half))


@pytest.mark.parametrize(("before", "now", "word"), [(1, 1, "the same"), (0, 1, "worse")])
def test_runs_that_crash_on_both_sides_are_no_change(before, now, word):
    first, second = (
        replace(one, losses=np.where((np.arange(20) < lost)[:, None], np.inf, one.losses))
        for one, lost in ((curves(STILL), before), (curves(STILL * NOISE), now))
    )
    assert [c.word for c in compare([first], [second]).changes] == [word]
