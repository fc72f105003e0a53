"""Figures of many optimizers: the best few in colour, the rest in grey; cells that hold text."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import FillBetweenPolyCollection, LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.figures import grey as crowd
from bench.figures import style
from bench.figures.panels import pairs
from bench.figures.panels.search import budget
from tests.figures.drawn import CASES, TARGETS, caption, drawn, material

LOSS = "final_train_loss"


def medians(problem: str) -> pd.Series:
    """Each optimizer's lowest median loss over rates, by plain pandas."""
    trials = CASES["crowd"].trials
    trials = trials[trials["problem"] == problem]
    losses = trials[LOSS].where(trials["status"] != "diverged", np.inf)
    keys = [trials["optimizer"], trials["learning_rate"]]
    return losses.groupby(keys).median().groupby("optimizer").min()


def soonest(problem: str) -> list[str]:
    """By when the median run of each optimizer reaches the loss, of equal ones by how many do."""
    times = material("crowd").verdicts.times
    rows = times[(times["problem"] == problem) & (times["metric"] == "train_loss")]
    keys = {r.optimizer: (r.median, -r.share, r.optimizer) for r in rows.itertuples()}
    return sorted(keys, key=lambda name: keys[name])


def cheapest() -> list[str]:
    ranks = sum(medians(problem).rank() for problem in TARGETS)
    return list(ranks.sort_values(kind="stable").index)


def fastest() -> list[str]:
    shares = material("crowd").verdicts.profile.groupby("optimizer")["share"]
    ends = pd.DataFrame({"first": shares.first(), "last": shares.last()})
    return list(ends.sort_values(["first", "last"], ascending=False, kind="stable").index)


# Figure -> optimizers, best first, and whether they have bands.
CROWDED = {
    ("curves", "spiral"): (lambda: list(medians("spiral").sort_values().index), True),
    ("sensitivity", "spiral"): (lambda: list(medians("spiral").sort_values().index), False),
    ("target", "log_linear"): (lambda: soonest("log_linear"), False),
    ("budget",): (cheapest, False),
    ("profile",): (fastest, True),
}


def name_of(text: str) -> str:
    return text.replace("\n", " ").split(":")[0]


@pytest.mark.parametrize("parts", CROWDED)
def test_the_best_have_their_own_looks_and_the_others_one_grey(parts):
    order, banded = CROWDED[parts][0](), CROWDED[parts][1]
    figure, looks = drawn("crowd")[parts], style.looks(CASES["crowd"].trials)
    (legend,) = figure.legends
    texts = [t.get_text() for t in legend.get_texts()]
    samples = dict(zip(texts, legend.legend_handles, strict=True))
    named = {name_of(t): samples[t] for t in texts if name_of(t) in looks}
    assert list(named) == order[: crowd.SHOWN]
    assert texts.count("5 others, in grey") == 1
    for name, sample in named.items():
        look = looks[name]
        assert to_hex(sample.get_color()).upper() == look.color.upper()
        assert sample.get_marker() == look.marker
    assert "In colour, the 7 of 12 optimizers" in caption(figure)
    for ax in figure.axes:
        lines = [a for a in ax.lines if len(a.get_xdata()) > 1 and a.get_ls() != ":"]
        grey = [a for a in lines if to_hex(a.get_color()) == crowd.PALE]
        own = {look.color for look in looks.values()}
        coloured = [a for a in lines if a.get_color() in own]
        assert len(grey) == 5
        assert {to_hex(a.get_color()) for a in coloured} <= {looks[n].color.lower() for n in named}
        assert max(a.get_zorder() for a in grey) < min(a.get_zorder() for a in coloured)
        assert max(a.get_linewidth() for a in grey) < min(a.get_linewidth() for a in coloured)
        assert {a.get_marker() for a in grey} <= {"", "None"}
        for kind in (FillBetweenPolyCollection, LineCollection):
            filled = [a for a in ax.collections if isinstance(a, kind)]
            colours = {to_hex(c) for a in filled for c in (*a.get_facecolor(), *a.get_edgecolor())}
            assert crowd.PALE not in colours
        bands = [a for a in ax.collections if isinstance(a, FillBetweenPolyCollection)]
        assert len(bands) == crowd.SHOWN or not banded


def test_grey_lines_of_the_budget_have_no_bands():
    names = [f"number {n:02}" for n in range(12)]
    looks = crowd.split({name: style.look(slot) for slot, name in enumerate(names)})
    frame = pd.DataFrame(itertools.product(names, [1, 2, 3]), columns=["optimizer", "k"])
    columns = ["median_best_low", "median_best", "median_best_high"]
    frame[columns] = 1.0, 2.0, 3.0
    ax = budget(frame, looks=looks)
    bands = [a for a in ax.collections if isinstance(a, FillBetweenPolyCollection)]
    assert len(ax.lines) == 12
    assert [to_hex(a.get_facecolor()[0]).upper() for a in bands] == list(
        style.COLOURS[: crowd.SHOWN]
    )


def test_lines_of_several_targets_are_ranked_panel_by_panel():
    figure = drawn("crowd")["target", "spiral"]
    texts = [t.get_text() for t in figure.legends[0].get_texts()]
    assert texts[-1] == "5 others, in grey"
    assert texts.count("5 others, in grey") == 1
    for word in ("train loss", "train accuracy"):
        assert sum(text.endswith(word) for text in texts) == crowd.SHOWN
    assert "in each panel" in caption(figure)


@pytest.mark.parametrize("parts", [("curves", "spiral"), ("sensitivity", "spiral")])
def test_all_in_grey_share_a_row_of_the_strip(parts):
    (ax, *_) = drawn("crowd")[parts].axes
    rows: dict[str, set[float]] = {}
    for mark in ax.collections:
        if mark.get_gid() == "diverged":
            colour = to_hex(mark.get_edgecolor()[0])
            rows.setdefault(colour, set()).update(np.asarray(mark.get_offsets())[:, 1])
    lowest = min(min(found) for found in rows.values())
    assert rows.pop(crowd.PALE) == {lowest}
    assert all(lowest not in found for found in rows.values())
    grey = [t for t in ax.texts if to_hex(t.get_color()) == crowd.PALE]
    assert not grey


@pytest.mark.parametrize("case", ["normal", "nine single"])
def test_few_optimizers_are_all_in_colour(case):
    for parts, figure in drawn(case).items():
        texts = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
        assert not any("in grey" in text for text in texts), parts
        assert "In colour" not in caption(figure), parts
        drawn_lines = [a for ax in figure.axes for a in ax.lines]
        assert crowd.PALE not in {to_hex(a.get_color()) for a in drawn_lines}, parts


@pytest.mark.parametrize("number", [1, crowd.MOST, crowd.MOST + 1, 28, 32])
def test_those_in_colour_can_be_told_apart(number):
    names = [f"number {i:02}" for i in range(number)]
    rows = pd.DataFrame({"problem": "p", "optimizer": names, "rule": "sgd"})
    looks = style.looks(rows)
    # Colours come again every eight: the worst order begins with those that share one.
    order = sorted(names, key=lambda name: (looks[name].color, looks[name].slot))
    found = crowd.split({name: looks[name] for name in order})
    few = crowd.shown(found)
    assert few == order[: number if number <= crowd.MOST else crowd.SHOWN]
    assert [found[name] for name in few] == [looks[name] for name in few]
    assert len({(found[n].color, str(found[n].linestyle)) for n in few}) == len(few)
    assert len({(found[n].color, found[n].marker) for n in few}) == len(few)


# Matrices -----------------------------------------------------------------------------------------


def matrix(number: int) -> pd.DataFrame:
    """Pairs of `number` optimizers, each told apart, the first of all with every win."""
    names = [f"n{i}" for i in range(number)]
    rows = [
        {
            "problem": "p", "a": a, "b": b, "seeds": 20, "a_better": 20 - i % 2, "b_better": i % 2,
            "ties": 0, "share": 1 - i % 2 / 20, "better": a,
        }
        for i, (a, b) in enumerate(itertools.combinations(names, 2))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("inches", [2.0, 3.6, 4.6])
@pytest.mark.parametrize("number", [2, 5, 9, 12, 16, 20, 28, 40])
def test_texts_of_a_matrix_fit(number, inches):
    figure = Figure(figsize=(6, 10), dpi=style.DPI)
    with style.applied():
        ax = figure.add_axes((0.1, 0.05, inches / 6, 0.88))
        pairs.wins(matrix(number), [f"n{i}" for i in range(number)], names=False, ax=ax)
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    cell = ax.bbox.width / number
    texts = [text.get_window_extent(renderer) for text in ax.texts if text.get_text()]
    assert all(box.width < cell for box in texts)
    assert bool(texts) == (cell * 72 / style.DPI >= 17)  # about 5 points of text
    ticks = [t.get_window_extent(renderer) for t in ax.get_xticklabels()]
    assert len(ticks) == (number if cell * 72 / style.DPI >= 8 else number // 5)
    for left, right in itertools.pairwise(ticks):
        assert left.x1 + 1 < right.x0
    cells = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill()]
    assert len(cells) == number * (number - 1)


def test_ties_colour_neither_side():
    tied = matrix(2).assign(a_better=0, b_better=0, ties=20, share=0.0, better="")
    ax = pairs.wins(tied, ["n0", "n1"])
    faces = {to_hex(patch.get_facecolor()) for patch in ax.patches}
    assert faces == {to_hex(pairs.WINS(0.5))}
