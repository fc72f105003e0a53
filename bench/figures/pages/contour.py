"""The page of trajectories on contours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.contours import (
    Ground,
    contours,
    entries,
    ground,
    leaving,
    lost_within,
    view,
)
from bench.figures.paths import Landscape
from bench.tables.words import value_text
from nncore.datasets import distance, heights, minima

ALONE = 6  # paths in a panel that is the only one
TOGETHER = 4  # paths in one of several
HEIGHTS = {1: 4.9, 2: 3.6, 3: 2.5}  # inches of a panel, by the number of columns


def of_two_parameters(material: Material) -> Iterator[tuple[str]]:
    """Problems that are functions of two parameters."""
    return ((problem,) for problem in material.problems if problem in material.landscapes)


@page("contour", order=40, when=of_two_parameters)
def contour_figure(material: Material, problem: str) -> Figure:
    """Paths of the best configurations over the contours, lowest median loss first."""
    landscape, looks = material.landscapes[problem], material.looks
    best = material.best_on(problem)
    settings = dict(zip(best["optimizer"], best["settings"], strict=True))
    names = [name for name in settings if name in landscape.paths]
    groups = _groups(names)
    alone, columns = len(groups) == 1, min(len(groups), 3)
    margins = (
        Margins(right=3.55, top=0.12)
        if alone
        else Margins(top=0.12, across=0.7, right=0.15, down=0.62)
    )
    (_, wide), *_ = margins.columns([None] * columns)
    points = minima(landscape.dataset)
    corners = view([landscape.paths[n] for n in names], points, wide / HEIGHTS[columns])
    area = ground(lambda at: heights(landscape.dataset, at), points, corners)
    told = [
        {f"{n}: {settings[n]}; {_end(landscape, n)}": style.handle(looks[n]) for n in group}
        | (entries(len(points), len(area.local)) if alone else {})
        for group in groups
    ]
    figure, axes = Layout(
        f"Trajectories on {problem}: each optimizer at its best",
        [*_sentences(landscape, names, area), material.chosen],
        heights=[HEIGHTS[columns]] * math.ceil(len(groups) / columns),
        widths=[None] * columns,
        panels=len(groups),
        margins=margins,
        legends=told,
        beside=alone,
    ).figure()
    for ax, group in zip(axes, groups, strict=True):
        mine = {n: looks[n] for n in group}
        contours(area, {n: landscape.paths[n] for n in group}, looks=mine, ax=ax)
    return figure


def _groups(names: Sequence[str]) -> list[list[str]]:
    """The paths of each panel: one panel, two, or full rows of three."""
    number = math.ceil(len(names) / (ALONE if len(names) <= ALONE else TOGETHER))
    number = number if number < 3 else min(3 * math.ceil(number / 3), len(names))
    return [[str(n) for n in part] for part in np.array_split(np.array(names, object), number)]


def _sentences(landscape: Landscape, names: Sequence[str], area: Ground) -> list[str]:
    factor = 10 ** (1 / area.per_decade)
    seen = {n: leaving(landscape.paths[n], *area.view) for n in names}
    crossed = {n for n in names if lost_within(landscape.paths[n], *area.view)}
    return [
        f"All start at the white circle, with seed {landscape.seed}{_chosen(landscape)}.",
        "Large marks with a black edge: ends; beside the names their distance to the nearest "
        + (
            "global minimum. Stars: the global minima; small dots: local ones."
            if len(area.local)
            else "minimum. Stars: the minima."
        ),
        f"Only the first {landscape.shown:,} of {landscape.epochs:,} epochs."
        if landscape.shown < landscape.epochs
        else f"A path joins the points after each of {landscape.epochs:,} epochs.",
        f"Contours: each {factor:.3g} times the loss of the next, darker is lower.",
        _listed(
            "Ending outside the view", (n for n in names if seen[n] == "end" and n not in crossed)
        ),
        _listed("Cut off at its edge on the way", (n for n in names if seen[n] == "part")),
        _listed("Crosses, where last finite", (n for n in names if n in crossed)),
        *(
            _listed(f"Left out, {why}", (n for n, w in landscape.missing.items() if w == why))
            for why in sorted(set(landscape.missing.values()))
        ),
    ]


def _chosen(landscape: Landscape) -> str:
    """How the seed was chosen among several."""
    if landscape.seeds == 1:
        return ""
    nearest = "whose final losses rank nearest to the median"
    if landscape.middling == 1:
        return f": of {landscape.seeds} the one {nearest}"
    return (
        f": of the {landscape.middling} of {landscape.seeds} seeds {nearest}, one on which most "
        "runs stay finite, and then the one whose paths lead farthest from the start"
    )


def _listed(what: str, names: Iterable[str]) -> str:
    found = [style.plain(name, 40) for name in names]
    return f"{what}: {', '.join(found)}." if found else ""


def _end(landscape: Landscape, name: str) -> str:
    points = landscape.paths[name]
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        return f"not finite from epoch {int(np.argmin(finite)):,}"
    away = float(distance(landscape.dataset, points[-1]))
    return f"ends {value_text(float(f'{away:.2g}'))} away" if away else "ends at a minimum"


@chart("contour", "problem")
def contour_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """Paths over the contours of a function of two parameters."""
    landscape = material.landscapes.get(choice.problem)
    names = [n for n in choice.looks if landscape is not None and n in landscape.paths]
    if landscape is None or not names:
        raise nothing("contour", f"{choice.problem} is no function of two parameters")
    points = minima(landscape.dataset)
    box = ax.get_window_extent()
    corners = view([landscape.paths[n] for n in names], points, box.width / box.height)
    area = ground(lambda at: heights(landscape.dataset, at), points, corners)
    paths = {n: landscape.paths[n] for n in names}
    contours(area, paths, looks={n: choice.looks[n] for n in names}, ax=ax)
    told = {n: style.handle(choice.looks[n]) for n in names}
    told |= entries(len(points), len(area.local))
    return Told(told, [*_sentences(landscape, names, area), material.chosen])
