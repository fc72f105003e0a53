"""Panels have the inches they ask for, and nothing around them meets."""

from __future__ import annotations

import itertools
import re

import pytest
from matplotlib.transforms import Bbox

from bench.figures import style
from bench.figures.layout import BAR_ROOM, TITLE, Layout, Legend, Margins
from tests.figures.drawn import laid_out

SMALL = ["A sentence of the small print, which is longer than one line of it may be. " * 4, "", "x"]
TEXTS = ("short", "a text of some length", "one so long that it takes more than a line " * 3)
TOLD = {f"{i} {text}": style.handle(style.look(i)) for i, text in enumerate(TEXTS * 2)}
ONE = {text: TOLD[text] for text in list(TOLD)[:2]}
LAYOUTS = {
    "one panel": Layout("Title", SMALL, heights=[3.0]),
    "no small print": Layout("Title", [], heights=[1.0]),
    "rows and columns": Layout("Title", SMALL, heights=[2.0, 1.5], widths=[None] * 2, panels=3),
    "heights of their own": Layout(
        "Title", SMALL, heights=[2.0, 1.0], widths=[None] * 2, panels=3, own=[2.0, 0.5, 1.0]
    ),
    "a column of its own width": Layout(
        "Title",
        SMALL,
        heights=[2.0],
        widths=[None, None, 2.5],
        margins=Margins(across=[0.7, 1.0]),
    ),
    "legend": Layout("Title", SMALL, heights=[2.0], legend=Legend(TOLD, 2)),
    "three columns of legend": Layout("Title", SMALL, heights=[2.0], legend=Legend(TOLD, 3)),
    "empty legend": Layout("Title", SMALL, heights=[2.0], legend=Legend({}, 2)),
    "narrow": Layout("Title", SMALL, heights=[2.0], width=7.5, legend=Legend(ONE, 2)),
    "colour bar": Layout("Title", SMALL, heights=[2.0], bar=True),
    "legends beside": Layout(
        "Title", SMALL, heights=[3.0], legends=[TOLD], beside=True, margins=Margins(right=3.55)
    ),
    "legends below": Layout(
        "Title", SMALL, heights=[2.0] * 2, widths=[None] * 2, panels=3, legends=[TOLD, ONE, TOLD]
    ),
    "long title": Layout("A title that goes on and on " * 9, SMALL, heights=[1.0]),
}


def laid(name):
    """A layout's figure with its panels, and its bar if it has room for one."""
    layout, panels = LAYOUTS[name], []

    def paint():
        figure, axes = layout.figure()
        panels.extend(axes)
        for ax in axes:
            ax.set(xlabel="x", ylabel="y")
        if layout.bar:
            layout.bar_axes(figure)
        return figure

    return laid_out(paint), panels


def inches(figure, box: Bbox) -> Bbox:
    return Bbox(box.get_points() / figure.dpi)


@pytest.mark.parametrize("name", LAYOUTS)
def test_panels_have_the_inches_asked_for(name):
    layout, (figure, axes) = LAYOUTS[name], laid(name)
    columns = len(layout.widths)
    assert len(axes) == (layout.panels or columns * len(layout.heights))
    assert figure.get_figwidth() == layout.width
    m = layout.margins
    for number, ax in enumerate(axes):
        box, place = inches(figure, ax.bbox), layout.widths[number % columns]
        row = layout.heights[number // columns]
        assert box.height == pytest.approx(layout.own[number] if layout.own else row)
        assert place is None or box.width == pytest.approx(place)
        if number % columns == 0:
            assert box.x0 == pytest.approx(m.left)
        else:
            gap = m.across if isinstance(m.across, float) else m.across[number % columns - 1]
            last = inches(figure, axes[number - 1].bbox)
            assert box.x0 - last.x1 == pytest.approx(gap)
            assert box.y1 == pytest.approx(last.y1)
        if number % columns == columns - 1:
            assert box.x1 == pytest.approx(layout.width - m.right)
        if number >= columns:
            above = inches(figure, axes[number - columns].bbox)
            free = above.y0 - box.y1
            assert free >= m.down - 1e-9
            assert layout.legends or layout.own or free == pytest.approx(m.down)
    first = inches(figure, axes[0].bbox)
    assert figure.get_figheight() - first.y1 == pytest.approx(TITLE + m.top)


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_meets_and_nothing_is_outside(name):
    figure, _ = laid(name)
    renderer = figure.canvas.get_renderer()
    artists = [*figure.axes, *figure.legends, *(t for t in figure.texts if t.get_text())]
    boxes = [artist.get_tightbbox(renderer) for artist in artists]
    for box in boxes:
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    for a, b in itertools.combinations(boxes, 2):
        both = Bbox.intersection(a, b)
        assert both is None or min(both.width, both.height) <= 1


@pytest.mark.parametrize("name", LAYOUTS)
def test_all_that_is_said_can_be_read(name):
    layout, (figure, _) = LAYOUTS[name], laid(name)
    title, small = (text.get_text() for text in figure.texts)
    assert title == style.plain(layout.title, 92)
    assert small.split() == " ".join(layout.sentences).split()
    legends = [each for each in (layout.legend and layout.legend.entries, *layout.legends) if each]
    assert len(figure.legends) == len(legends)
    for drawn, meant in zip(figure.legends, legends, strict=True):
        texts = [text.get_text() for text in drawn.get_texts()]
        assert [text.split()[0] for text in texts] == [text.split()[0] for text in meant]
        assert all(text.count("\n") < 3 for text in texts)
        for text, whole in zip(texts, meant, strict=True):
            assert "…" in text or text.split() == whole.split()


def test_a_colour_bar_has_its_room_above_the_small_print():
    figure, axes = laid("colour bar")
    without = Layout("Title", SMALL, heights=[2.0]).height
    assert figure.get_figheight() == pytest.approx(without + BAR_ROOM)
    (bar,) = [ax for ax in figure.axes if ax not in axes]
    assert bar.get_label() == "colours"
    assert bar.bbox.x0 == pytest.approx(axes[0].bbox.x0)


def test_small_print_shows_dollars_as_dollars():
    for text in (r"x $\foo$ and y $\frac$", style.plain("a $b$")):
        figure, _ = Layout("title", [text], heights=[1.0]).figure()
        assert re.sub(r"\\\$", "$", figure.texts[1].get_text()) == text.replace(r"\$", "$")
        assert "$" not in figure.texts[1].get_text().replace(r"\$", "")


@pytest.mark.parametrize("widths", [[None], [None] * 3, [2.0, None], [1.0, 2.0, None, None]])
def test_columns_fill_the_width(widths):
    margins = Margins(left=0.5, right=0.25, across=0.5)
    found = margins.columns(widths, 9.0)
    assert found[0][0] == 0.5
    assert sum(found[-1]) == pytest.approx(8.75)
    for (left, wide), (after, _) in itertools.pairwise(found):
        assert after - (left + wide) == pytest.approx(0.5)
    shared = {round(wide, 9) for (_, wide), asked in zip(found, widths, strict=True) if not asked}
    assert len(shared) == 1
