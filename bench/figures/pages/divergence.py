"""The page of diverged runs, by learning rate."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.search import divergence
from bench.figures.panels.spread import names_width


def some_lost(material: Material) -> Iterator[tuple[()]]:
    """Once, if any run diverged."""
    if material.verdicts.lost["lost"].any():
        yield ()


@page("divergence", order=110, when=some_lost)
def divergence_figure(material: Material) -> Figure:
    """Where runs diverge: a map per problem that has any."""
    lost = material.verdicts.lost
    some = lost.groupby("problem", sort=False)["lost"].sum()
    parts = {str(p): lost[lost["problem"] == p] for p in some.index[some > 0]}
    rows = [part["optimizer"].nunique() for part in parts.values()]
    columns = min(2, len(parts))
    left = names_width(pd.concat(parts.values())["optimizer"])
    figure, axes = Layout(
        "Diverged runs by learning rate",
        [
            "Share of all runs at a rate that diverged, whatever the other hyperparameters.",
            "No cell: rate not tried. Problems without a diverged run are left out.",
            style.DIVERGED,
            "○: " + style.SLOW if material.verdicts.lost["slow"].any() else "",
            material.swept,
            *material.audited("divergence"),
        ],
        heights=[max(0.28 * max(rows[i : i + columns]), 0.6) for i in range(0, len(rows), columns)],
        widths=[None] * columns,
        panels=len(parts),
        margins=Margins(left=left, across=left + 0.2, down=0.95, bottom=0.65),
    ).figure()
    for ax, (problem, part) in zip(axes, parts.items(), strict=True):
        divergence(part, ax=ax)
        ax.set_title(style.plain(problem, 44))
    return figure


@chart("divergence", "problem")
def divergence_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """The share of diverged runs by optimizer and learning rate, on one problem."""
    lost = material.verdicts.lost
    part = lost[(lost["problem"] == choice.problem) & lost["optimizer"].isin(choice.looks)]
    if not part["lost"].any():
        raise nothing("divergence", "no run diverged")
    divergence(part, ax=ax)
    told = "Share of all runs at a rate that diverged, whatever the other hyperparameters."
    return Told({}, [told, style.DIVERGED, material.swept])
