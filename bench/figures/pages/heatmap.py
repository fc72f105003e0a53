"""The page of maps of the headline over the learning rate and another hyperparameter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.heatmap import colour_bar, colour_norm, heatmap
from bench.figures.words import seeds_told
from bench.tables.columns import hyperparameters
from bench.tables.headline import MEDIAN
from bench.tables.slices import best_by_pair
from bench.tables.words import names_told

MOST_CELLS = 40  # values along one axis of a map


def grids(material: Material) -> Iterator[tuple[str, str]]:
    """Hyperparameters and problems of which some optimizer has a map."""
    for problem in material.problems:
        for name in hyperparameters(material.tables.searched):
            if name != "learning_rate" and mapped(material.searched_on(problem), name):
                yield name, problem


@page("heatmap", order=60, when=grids)
def heatmap_figure(material: Material, hyperparameter: str, problem: str) -> Figure:
    """Maps of the headline over rate and a hyperparameter, an optimizer a panel, colours shared."""
    every = material.searched_on(problem)
    names = mapped(every, hyperparameter)
    rows = {name: every[every["optimizer"] == name] for name in names}
    shown = pd.concat([best_by_pair(part, hyperparameter) for part in rows.values()])
    headline = material.sought(problem)
    norm = colour_norm(shown[MEDIAN], headline)
    above = shown[MEDIAN] > 0 if headline.quantity.lower else True
    coloured = bool((above & np.isfinite(shown[MEDIAN])).any())
    columns = min(2, len(names))
    high = [part[hyperparameter].nunique() for part in rows.values()]
    layout = Layout(
        f"Learning rate and {hyperparameter.replace('_', ' ')} on {problem}",
        [
            seeds_told(shown["seeds"], "cells are medians over {} seeds.", "Cells"),
            "Framed: the best cell of the panel."
            " All other hyperparameters are the best for that cell.",
            "Hatched: the median is infinite, half of the runs or more diverged;"
            " n/m ×: n of m runs diverged. " + style.DIVERGED
            if shown["diverged"].any()
            else "",
            style.slow(shown["above_constant"]),
            material.swept,
        ],
        heights=[
            min(max(0.42 * max(high[i : i + columns]), 0.9), 6.0)
            for i in range(0, len(names), columns)
        ],
        widths=[None] * columns,
        panels=len(names),
        margins=Margins(down=0.85, across=0.75, bottom=0.6),
        bar=coloured,
    )
    figure, axes = layout.figure()
    for ax, (name, part) in zip(axes, rows.items(), strict=True):
        heatmap(part, hyperparameter, norm=norm, headline=headline, colorbar=False, ax=ax)
        ax.set_title(style.plain(name, 52))
    if coloured:
        loss = material.losses.get(problem, "")
        colour_bar(figure, norm, headline, loss, axes[0], layout.bar_axes(figure))
    return figure


def mapped(summary: pd.DataFrame, hyperparameter: str) -> list[str]:
    """The optimizers whose search over rate and `hyperparameter` is a map: a grid, both varying.

    `summary` is that of one problem. Random draws, of which no two share a rate, would be a map
    with one cell in every row.
    """
    rows = summary[summary[hyperparameter].notna()]
    found = []
    for name, part in rows.groupby("optimizer", sort=False):
        rates, values = part["learning_rate"].nunique(), part[hyperparameter].nunique()
        cells = len(part[["learning_rate", hyperparameter]].drop_duplicates())
        grid = min(rates, values) > 1 and 2 * cells >= rates * values
        if grid and max(rates, values) <= MOST_CELLS:
            found.append(str(name))
    return found


@chart("heatmap", "problem", "hyperparameter")
def heatmap_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """The headline of one optimizer over the learning rate and a hyperparameter."""
    every, problem = material.searched_on(choice.problem), choice.problem
    names = [choice.hyperparameter] if choice.hyperparameter else hyperparameters(every)
    found = [
        (name, optimizer)
        for name in names
        if name in every and name != "learning_rate"
        for optimizer in mapped(every, name)
        if optimizer in choice.looks
    ]
    if not found:
        raise nothing("heatmap", "nobody was tried on a grid of rates and values of it")
    if len({optimizer for _, optimizer in found}) > 1:
        several = names_told(dict.fromkeys(optimizer for _, optimizer in found))
        raise nothing("heatmap", f"a map is of one optimizer; name one of {several}")
    if len(found) > 1:
        several = ", ".join(name for name, _ in found)
        raise nothing("heatmap", f"a map has one value beside the rate; name one of {several}")
    (name, optimizer), headline = found[0], material.sought(problem)
    part = every[every["optimizer"] == optimizer]
    loss = material.losses.get(problem, "")
    heatmap(part, name, headline=headline, loss=loss, ax=ax)
    shown = best_by_pair(part, name)
    cells = seeds_told(shown["seeds"], "cells are medians over {} seeds.", "Cells")
    lost = "Hatched: half of the runs or more diverged; n/m ×: n of m diverged."
    framed = "Framed: the best; all else is the best for that cell."
    return Told({}, [cells, framed, lost if shown["diverged"].any() else ""])
