"""The page of final losses over the learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.charts import Choice, Told, chart
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.sensitivity import entries, sensitivity
from bench.figures.words import at_their_best, bars_told
from bench.tables.slices import best_by_rate


def rates_searched(material: Material) -> Iterator[tuple[str]]:
    """Problems on which some optimizer has several rates."""
    for problem in material.problems:
        rows = material.searched_on(problem)
        if (rows.groupby("optimizer")["learning_rate"].nunique() > 1).any():
            yield (problem,)


@page("sensitivity", order=50, when=rates_searched)
def sensitivity_figure(material: Material, problem: str) -> Figure:
    """Final loss over the learning rate, all optimizers of a problem."""
    rows = material.searched_on(problem)
    names = list(material.best_on(problem)["optimizer"])
    looks = grey.split({name: material.looks[name] for name in names})
    points = best_by_rate(rows)
    diverged = list(points.loc[points["lost"] > 0, "optimizer"].unique())
    strips = len(set(grey.rows(diverged, looks).values()))
    figure, (ax,) = Layout(
        f"Sensitivity to the learning rate on {problem}",
        [
            "At each rate the other hyperparameters are the best for that rate: "
            f"{material.best_told([problem])}.",
            grey.sentence(looks, at_their_best(material.headlines([problem]))),
            bars_told(rows),
            "Optimizers at the same rate stand side by side." if len(looks) > 1 else "",
            "Crosses: rates at which runs of the configuration drawn diverged, with their share. "
            + style.DIVERGED
            + grey.strip(looks)
            if diverged
            else "",
            style.slow(rows["above_constant"]),
            material.swept,
            *material.audited("sensitivity", problem),
        ],
        heights=[3.9 + 0.14 * strips],
        margins=Margins(top=0.12),
        legend=Legend(entries(names, looks), 3, line=0.18),
    ).figure()
    loss = material.losses.get(problem, "")
    headline = material.sought(problem)
    floor = material.floor(problem)
    sensitivity(rows, looks=looks, headline=headline, loss=loss, floor=floor, legend=False, ax=ax)
    return figure


@chart("sensitivity", "problem")
def sensitivity_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """The headline over the learning rate, the other hyperparameters at their best for it."""
    rows = material.searched_on(choice.problem)
    rows = rows[rows["optimizer"].isin(choice.looks)]
    looks = grey.split(choice.looks)
    sensitivity(
        rows,
        looks=looks,
        headline=material.sought(choice.problem),
        loss=material.losses.get(choice.problem, ""),
        floor=material.floor(choice.problem),
        legend=False,
        ax=ax,
    )
    told = "Crosses: rates at which runs of it diverged, with their share."
    lost = told if best_by_rate(rows)["lost"].any() else ""
    others = "At each rate the other hyperparameters are the best for that rate."
    found = entries(list(looks), looks)
    return Told(found, [bars_told(rows), others, lost, style.slow(rows["above_constant"])])
