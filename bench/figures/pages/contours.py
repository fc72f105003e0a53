"""The figure of trajectories on contours: its panels, legends and small print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.figures import style
from bench.figures.layout import Margins, canvas
from bench.figures.pages.pages import Material
from bench.figures.panels.contours import (
    Array,
    Ground,
    contours,
    entries,
    ground,
    leaving,
    tamed,
    view,
)
from bench.figures.paths import Landscape
from bench.tables.headline import MEDIAN
from bench.tables.words import value_text
from nncore.datasets import distance, heights, minima

WIDTH = 10.0
ALONE = 6  # paths in a panel that is the only one
TOGETHER = 4  # paths in one of several
LINE = 0.15  # inches of a legend's line
CHARACTER = 0.059  # inches, on average


def contour_figure(material: Material, problem: str, best: pd.DataFrame) -> Figure:
    """Paths of the configurations in `best` over the contours, lowest median loss first."""
    landscape, looks = material.landscapes[problem], material.looks
    order = best.sort_values([MEDIAN, "optimizer"], kind="stable", na_position="last")
    settings = dict(zip(order["optimizer"], order["settings"], strict=True))
    names = [name for name in settings if name in landscape.paths]
    most = ALONE if len(names) <= ALONE else TOGETHER
    number = math.ceil(len(names) / most)
    number = number if number < 3 else min(3 * math.ceil(number / 3), len(names))
    groups = [[str(n) for n in part] for part in np.array_split(np.array(names, object), number)]
    columns = min(number, 3)
    margins = (
        Margins(right=3.55, top=0.12) if number == 1 else Margins(top=0.12, across=0.7, right=0.15)
    )
    wide = (WIDTH - margins.left - margins.right - margins.across * (columns - 1)) / columns
    high = {1: 4.9, 2: 3.6}.get(columns, 2.5)

    points = minima(landscape.dataset)
    corners = view([landscape.paths[n] for n in names], points, wide / high)
    area = ground(lambda at: heights(landscape.dataset, at), points, corners)
    caption = style.caption_lines([*_sentences(landscape, names, area), material.chosen], WIDTH)
    room = int((3.1 if number == 1 else wide - 0.15) / CHARACTER)
    told = [
        {
            _wrapped(f"{n}: {settings[n]}; {_end(landscape, n)}", room): style.handle(looks[n])
            for n in group
        }
        | (entries(len(points), len(area.local)) if number == 1 else {})
        for group in groups
    ]
    under = 0.0 if number == 1 else max(LINE * _lines(t) + 0.06 * len(t) for t in told)
    small = style.caption_height(caption)
    margins = Margins(**{**vars(margins), "down": 0.62 + under, "bottom": 0.5 + under})
    rows = [high] * math.ceil(number / columns)
    figure, axes = canvas(rows, columns, number, width=WIDTH, margins=margins, below=small)
    for ax, group, legend in zip(axes, groups, told, strict=True):
        mine = {n: looks[n] for n in group}
        contours(area, {n: landscape.paths[n] for n in group}, looks=mine, ax=ax)
        box = ax.get_position()
        tall = figure.get_figheight()
        place = (
            (box.x1 + 0.12 / WIDTH, box.y1)
            if number == 1
            else (box.x0 - 0.06 / WIDTH, box.y0 - 0.46 / tall)
        )
        _legend(figure, legend, place)
    style.titles(figure, f"Trajectories on {problem}: each optimizer at its best", caption)
    return figure


def _sentences(landscape: Landscape, names: Sequence[str], area: Ground) -> list[str]:
    factor = 10 ** (1 / area.per_decade)
    seen = {n: leaving(landscape.paths[n], *area.view) for n in names}
    crossed = {n for n in names if _crossed(landscape.paths[n], area)}
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


def _crossed(points: Array, area: Ground) -> bool:
    """Whether a path ends within the view because it is not finite beyond."""
    low, high = area.view
    last = tamed(points, low, high)
    return not np.isfinite(points[-1]).all() and not leaving(last[-1:], low, high)


def _wrapped(text: str, width: int) -> str:
    return style.wrapped(text, width, 3)


def _lines(told: Iterable[str]) -> int:
    return sum(text.count("\n") + 1 for text in told)


def _legend(figure: Figure, told: Mapping[str, Line2D], place: tuple[float, float]) -> None:
    figure.legend(
        list(told.values()),
        list(told),
        loc="upper left",
        bbox_to_anchor=place,
        borderaxespad=0,
        borderpad=0,
        handlelength=2.6,
        labelspacing=0.45,
        handletextpad=0.6,
    )
