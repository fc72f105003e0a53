"""Trajectories on contours: lines against a scalar re-computation, views, and what is left out."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bench
from bench.figures import style
from bench.figures.panels import contours
from bench.figures.paths import MOST_UPDATES
from bench.spec.experiment import load
from nncore import rules as kinds
from nncore.datasets import distance, heights, minima
from nncore.registry import kept
from tests.figures.descents import (
    FLAT,
    drawn,
    experiment,
    landscape_of,
    landscapes_of,
    line,
    trained,
)
from tests.figures.drawn import caption


def test_the_line_of_sgd_on_rosenbrock_is_gradient_descent():
    described = experiment("rosenbrock", [{"rule": "sgd", "learning_rate": 1e-3}], epochs=200)
    points = line(drawn(described), "sgd")
    x, y = points[0]
    for epoch in range(201):
        assert points[epoch] == pytest.approx([x, y], rel=1e-10, abs=1e-12), epoch
        dx, dy = -400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)
        x, y = x - 1e-3 * dx, y - 1e-3 * dy
    assert len(points) == 201


def test_paths_end_where_their_trials_did():
    optimizers = [{"rule": ["sgd", "adam", "schedule_free_sgd"], "learning_rate": [1e-3, 1e-2]}]
    planned, trials, _ = trained(experiment("himmelblau", optimizers, seeds=3))
    landscape = landscapes_of(planned, trials)["f"]
    best = trials.groupby(["optimizer", "learning_rate"])["final_train_loss"].median()
    for name, points in landscape.paths.items():
        rate = best[name].idxmin()
        mine = trials[(trials["optimizer"] == name) & (trials["learning_rate"] == rate)]
        final = mine.set_index("seed")["final_train_loss"][landscape.seed]
        assert float(heights(landscape.dataset, points[-1])) == pytest.approx(final, rel=1e-12)
    assert set(landscape.paths) == {"sgd", "adam", "schedule_free_sgd"}


@pytest.mark.parametrize("name", FLAT)
def test_stars_are_where_the_function_is_zero_and_nowhere_less(name):
    points = minima(FLAT[name])
    assert heights(FLAT[name], points) == pytest.approx(np.zeros(len(points)), abs=1e-20)
    corners = contours.view([points + 1.0], points)
    area = contours.ground(lambda at: heights(FLAT[name], at), points, corners)
    ax = contours.contours(area, {}, looks={})
    (dots,) = [a for a in ax.lines if a.get_gid() == "local"]
    assert np.array_equal(np.array(dots.get_data()).T, area.local)
    stars = [a for a in ax.lines if a.get_marker() == "*"]
    assert np.array_equal(np.array(stars[0].get_data()).T, points)
    x, y = np.meshgrid(area.x, area.y)
    values = heights(FLAT[name], np.stack([x, y], axis=-1))
    assert values.min() >= 0
    assert area.logs == pytest.approx(np.log10(np.maximum(values, values[values > 0].min())))
    assert len(area.levels) >= contours.LEAST_LEVELS
    assert np.diff(area.levels) == pytest.approx(np.full(len(area.levels) - 1, 1 / area.per_decade))


# Where the derivative of x^2 - 10 cos(2 pi x), of x^4 / 2 - 8 x^2 + 5 x / 2, is zero: least values
# along one axis in the view below; those of the sums are at all pairs.
AXES = {
    "rastrigin": [-1.9899122, -0.9949586, 0.0, 0.9949586, 1.9899122],
    "styblinski_tang": [-2.9035340, 2.7468028],
}


@pytest.mark.parametrize("name", FLAT)
def test_dots_are_all_other_local_minima_in_view(name):
    low, high = np.array([-4.7, -5.3]), np.array([4.9, 5.6])
    if name == "rastrigin":
        low, high = low / 2, high / 2
    points = minima(FLAT[name])
    area = contours.ground(lambda at: heights(FLAT[name], at), points, (low, high))
    pairs = np.array(list(itertools.product(AXES.get(name, []), repeat=2))).reshape(-1, 2)
    far = [pair for pair in pairs if distance(FLAT[name], pair) > 0.1]
    found = sorted(map(tuple, area.local))
    assert np.array(found) == pytest.approx(np.array(sorted(map(tuple, far))), abs=1e-4)


@pytest.mark.parametrize("name", ["rastrigin", "beale"])
def test_dots_are_explained_where_there_are_some(name):
    figure = drawn(experiment(name, [{"rule": "adam", "learning_rate": 0.01}], seeds=[1]))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    some = name == "rastrigin"
    assert ("local minima" in legend) == ("small dots: local ones" in caption(figure)) == some
    assert ("global minimum" in legend) == some


@pytest.mark.parametrize("name", sorted(set(FLAT) - {"rastrigin", "styblinski_tang"}))
def test_runs_that_converge_end_near_a_star(name):
    optimizer = {"rule": "adam", "learning_rate": 0.1}
    figure = drawn(experiment(FLAT[name], [optimizer], epochs=6000, batch_size="full", seeds=[4]))
    last = line(figure, "adam")[-1]
    assert float(distance(FLAT[name], last)) < 1e-3
    (end,) = [a for a in figure.axes[0].lines if a.get_gid() == "end"]
    assert np.array_equal(np.array(end.get_data()).ravel(), last)


# What is seen -------------------------------------------------------------------------------------


def test_the_view_holds_starts_minima_and_paths_but_no_runaways():
    points = minima(FLAT["himmelblau"])
    good = np.array([[0.0, 0.0], [6.0, 0.0], [3.0, 2.0]])
    bad = np.array([[0.0, 0.0], [8.0, 0.0], [1e9, 0.0]])
    lost = np.array([[0.0, 0.0], [-8.0, 0.0], [np.inf, np.inf]])
    low, high = contours.view([good, bad, lost], points, 1.5)
    for inside in (*points, *good):
        assert (low < inside).all()
        assert (inside < high).all()
    assert high[0] < 8
    assert low[0] > -8
    assert (high - low)[0] == pytest.approx(1.5 * (high - low)[1])
    assert [contours.leaving(p, low, high) for p in (good, bad, lost)] == ["", "end", "end"]


def test_a_view_of_a_single_point_is_no_point():
    low, high = contours.view([np.zeros((3, 2))], np.zeros((1, 2)))
    assert (high > low).all()


def test_runaways_are_cut_off_and_the_caption_says_so():
    rows = [
        {"rule": "adam", "learning_rate": 0.1},
        {"name": "far", "rule": "signsgd", "learning_rate": 60.0},
        {"name": "lost", "rule": "sgd", "learning_rate": 1.0},
    ]
    figure = drawn(experiment("rosenbrock", rows, epochs=51))  # odd: there, not back
    assert "Ending outside the view: far, lost." in caption(figure)
    (ax,) = figure.axes
    assert np.diff(ax.get_xlim())[0] < 12
    texts = [t.get_text().replace("\n", " ") for t in figure.legends[0].get_texts()]
    (told,) = [t for t in texts if t.startswith("lost")]
    assert re.search(r"not finite from epoch \d+$", told)
    assert np.isfinite(line(figure, "lost")).all()


def test_only_so_many_updates_are_computed_again(monkeypatch):
    monkeypatch.setattr("bench.figures.paths.MOST_UPDATES", 40)
    described = experiment(
        FLAT["noisy_quadratic"],
        [{"rule": ["sgd", "adam"], "learning_rate": 0.1}],
        batch_size=4,
        epochs=50,
    )
    assert landscape_of(described).shown == 10
    assert "Only the first 10 of 50 epochs." in caption(drawn(described))
    assert MOST_UPDATES > 40


def test_starts_and_looks_are_shared():
    figure = drawn(experiment("beale", [{"rule": ["sgd", "adam", "lion"], "learning_rate": 0.01}]))
    looks = style.looks(
        pd.DataFrame(
            [("f", n, n) for n in ("sgd", "adam", "lion")],
            columns=["problem", "optimizer", "rule"],
        )
    )
    for name, look in looks.items():
        (found,) = [a for a in figure.axes[0].lines if a.get_label() == name]
        assert (found.get_color(), found.get_marker()) == (look.color, look.marker)
    starts = {tuple(line(figure, name)[0]) for name in looks}
    assert len(starts) == 1


@pytest.mark.parametrize("count", [1, 6, 7, 28])
def test_nothing_overlaps_however_many_there_are(count):
    rows = [
        {
            "name": f"number {i} of a rather long name",
            "rule": "sgd",
            "learning_rate": 1e-4 * (i + 1),
        }
        for i in range(count)
    ]
    figure = drawn(experiment(FLAT["quadratic"], rows, epochs=5))
    renderer = figure.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
    boxes += [x.get_window_extent(renderer) for x in (*figure.legends, *figure.texts)]
    for box in boxes:
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    for a, b in itertools.combinations(boxes, 2):
        both = type(a).intersection(a, b)
        assert both is None or min(both.width, both.height) <= 1
    labels = [a.get_label() for ax in figure.axes for a in ax.lines]
    assert all(labels.count(row["name"]) == 1 for row in rows)
    assert figure.get_figheight() * style.DPI < 2500


@pytest.mark.parametrize(
    "table",
    [
        {"dataset": {"name": "rosenbrock", "dimension": 3}},
        {"dataset": {"name": "noisy_quadratic", "dimension": 2, "samples": 20_000}},
        {"dataset": "neuron"},
    ],
)
def test_other_problems_have_no_contours(table):
    optimizer = {"rule": "sgd", "learning_rate": 1e-3}
    table = {"epochs": 1, "batch_size": "full", **table}
    described = load({"name": "x", "problem": [table], "optimizer": [optimizer]})
    planned, trials, _ = trained(described)
    assert landscapes_of(planned, trials) == {}


PLUGIN = '''
from nncore.rules import rule

@rule
def contoured(w, g, t, *, learning_rate=0.01):
    """Gradient descent. https://example.org"""
    w -= learning_rate * g
'''


def test_rules_of_plugins_that_are_not_loaded_are_left_out(tmp_path):
    (tmp_path / "mine.py").write_text(PLUGIN)
    with kept(kinds.rules):
        described = load(
            {
                "name": "x",
                "seeds": 1,
                "problem": [{"name": "f", "dataset": "beale", "epochs": 20}],
                "optimizer": [{"rule": ["sgd", "contoured"], "learning_rate": 0.01}],
            },
            plugins=[str(tmp_path / "mine.py")],
        )
        entry = kinds.rules["contoured"]
        assert set(landscape_of(described).paths) == {"sgd", "contoured"}
        planned, trials, _ = trained(described)
    left = landscapes_of(planned, trials)["f"]
    assert set(left.paths) == {"sgd"}
    assert left.missing == {"contoured": "from a plugin"}
    # Neither does one of the same name stand for another.
    with kept(kinds.rules):
        kinds.rules.add(replace(entry, digest="0" * 64))
        assert set(landscapes_of(planned, trials)["f"].paths) == {"sgd"}
    assert landscapes_of([t for t in planned if t.optimizer != "sgd"], trials[1:]) == {}


def test_the_caption_names_what_is_left_out():
    described = experiment("beale", [{"rule": ["sgd", "adam"], "learning_rate": 0.01}])
    whole = landscape_of(described)
    figure = drawn(described, paths={"sgd": whole.paths["sgd"]}, missing={"adam": "from a plugin"})
    assert "Left out, from a plugin: adam." in caption(figure)


def test_a_report_has_them(tmp_path):
    bench.run(
        {
            "name": "x",
            "seeds": 2,
            "problem": [{"dataset": "beale", "epochs": 20}],
            "optimizer": [{"rule": ["sgd", "adam"], "learning_rate": 0.01}],
        },
        out=tmp_path / "x",
        jobs=1,
    )
    assert (tmp_path / "x" / "figures" / "contour_beale.png").stat().st_size > 10_000
