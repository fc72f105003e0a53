"""Charts for papers: every kind can be read at a column's width, shows what was chosen, or says."""

from __future__ import annotations

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bench.figures import paper, style
from bench.figures.charts import ChartError, charts
from tests.figures.drawn import material
from tests.figures.test_figures import overlap

charts.fill()
# What a chart of the case "normal" needs to be told besides the problem.
GIVEN = {"heatmap": {"optimizers": ["sgd"], "hyperparameter": "decay"}}
KINDS = [kind for kind in charts if kind != "contour"]


def made(kind, case="normal", **given):
    """A chart of a case, laid out, and what its caption has to say."""
    if "problem" in charts[kind].takes:
        given = {"problem": "spiral", **given}
    with style.applied(paper.SMALL):
        figure, told = paper.figure(material(case), kind, **{**GIVEN.get(kind, {}), **given})
        figure.set_dpi(style.DPI)
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
    return figure, told


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(3.3, 2.4), (7.0, 3.5)], ids=str)
def test_every_chart_can_be_read(kind, size):
    figure, told = made(kind, size=size, title="A title")
    renderer = figure.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
    boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
    for box in boxes:
        assert min(box.x0, box.y0) >= -1, box
        assert box.x1 <= figure.bbox.width + 1, box
        assert box.y1 <= figure.bbox.height + 1, box
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert figure.axes[0].get_title(loc="left") == "A title"
    assert any(told.caption)
    assert bool(figure.legends) == (len(told.entries) > 1)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("critical", "pairs", "wins")])
def test_a_chart_shows_the_optimizers_that_were_chosen(kind):
    one = "sgd" if kind in ("heatmap", "divergence") else "adam"
    figure, told = made(kind, optimizers=[one])
    seen = {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}
    seen |= set(told.entries)
    others = {"sgd", "momentum", "adam"} - {one}
    assert not [text for text in seen if text in others or text.partition(":")[0] in others]


WRONG = [
    ("curve", {}, 'there is no chart "curve": did you mean "curves"?'),
    ("curves", {"problem": ""}, "curves: is of one problem; name one of spiral, log_linear"),
    ("curves", {"problem": "spirl"}, 'there is no problem "spirl"; did you mean "spiral"?'),
    ("curves", {"optimizers": ["adm"]}, 'spiral has no optimizer "adm"; did you mean "adam"?'),
    ("curves", {"metric": "train_los"}, "train_los was not recorded; did you mean"),
    ("curves", {"x": "epoch"}, "there is no x epoch; did you mean"),
    ("ranking", {"x": "epochs"}, "ranking: takes no x; it takes problem"),
    ("across", {"problem": "spiral"}, "across: takes no problem; it is of the whole experiment"),
    ("heatmap", {"optimizers": []}, "a map is of one optimizer; name one of"),
    ("heatmap", {"hyperparameter": "momentum"}, "nobody was tried on a grid"),
    ("contour", {}, "spiral is no function of two parameters"),
    ("critical", {"optimizers": ["adam"]}, "it is of all optimizers"),
    ("pairs", {"optimizers": ["adam"]}, "it takes two optimizers"),
]


@pytest.mark.parametrize(("kind", "given", "told"), WRONG, ids=lambda each: str(each)[:30])
def test_what_cannot_be_drawn_is_said(kind, given, told):
    full = {"problem": "spiral"} if kind not in ("across", "critical") else {}
    with pytest.raises(ChartError) as caught:
        paper.figure(material("normal"), kind, **{**full, **GIVEN.get(kind, {}), **given})
    assert told in str(caught.value)


def test_the_only_problem_need_not_be_named():
    figure, _ = paper.figure(material("one optimizer"), "curves")
    assert figure.axes[0].get_xlabel() == "epochs"


@pytest.mark.parametrize("form", style.FORMATS)
def test_the_bytes_of_a_chart_repeat(form):
    with style.applied(paper.SMALL):
        first, second = (
            style.drawn(paper.figure(material("normal"), "curves", problem="spiral")[0], form)
            for _ in range(2)
        )
    assert first == second
    assert len(first) > 5000
