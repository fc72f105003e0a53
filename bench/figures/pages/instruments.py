"""The page of instruments: what was measured of the training itself, and what the loss was then."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.pages.curves import bands_of
from bench.figures.panels.against import against
from bench.figures.panels.curves import curves, entries
from bench.figures.words import seeds_told


def measured(material: Material, problem: str) -> list[str]:
    """The columns of the instruments that a problem's trials have recorded."""
    known = material.tables.metrics
    bands = material.tables.bands
    recorded = bands.loc[bands["problem"] == problem, "metric"].unique()
    return [name for name in recorded if known[name].only]


def instrumented(material: Material) -> Iterator[tuple[str]]:
    """Problems on which instruments were asked for."""
    return ((p,) for p in material.problems if measured(material, p))


@page("instruments", order=38, when=instrumented)
def instruments_figure(material: Material, problem: str) -> Figure:
    """Each instrument over epochs, and at the end against the headline, a row each."""
    best = material.best_on(problem)
    drawn, columns = bands_of(material, problem, best), measured(material, problem)
    looks = grey.split({name: material.looks[name] for name in best["optimizer"]})
    headline, known = material.headline(problem), material.tables.metrics
    runs = material.tables.runs[material.tables.runs["problem"] == problem]
    figure, axes = Layout(
        f"Instruments on {problem}: each optimizer at its best",
        [
            seeds_told(
                drawn["seeds"],
                "Left: lines are medians over {} seeds, bands interquartile ranges (25% to 75%).",
            ),
            f"Right: a point is a seed after the last epoch, over its {headline.words}; runs that "
            "are not finite are left out.",
            "Of the whole training part, in float64.",
            material.chosen,
        ],
        heights=[2.2] * len(columns),
        widths=[None, 3.4],
        margins=Margins(top=0.12, down=0.55, bottom=0.48, across=0.95),
        legend=Legend(entries({name: name for name in best["optimizer"]}, looks), 2),
    ).figure()
    for place, column in enumerate(columns):
        left, right = axes[2 * place : 2 * place + 2]
        curves(drawn, column, metrics=known, looks=looks, legend=False, ax=left)
        against(runs, headline.name, f"final_{column}", looks=looks, ax=right)
        left.set(ylabel=style.plain(known[column].axis(), 34))
        right.set(xlabel=headline.words)
    return figure
