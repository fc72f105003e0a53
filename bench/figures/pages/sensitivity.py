"""The page of final losses over the learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.sensitivity import entries, sensitivity
from bench.figures.words import at_their_best, bars_told


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
    diverged = list(rows.loc[rows["diverged"] > 0, "optimizer"].unique())
    strips = len(set(grey.rows(diverged, looks).values()))
    figure, (ax,) = Layout(
        f"Sensitivity to the learning rate on {problem}",
        [
            "At each rate the other hyperparameters are the best for that rate: "
            f"{material.best_told([problem])}.",
            grey.sentence(looks, at_their_best(material.headlines([problem]))),
            bars_told(rows),
            "Optimizers at the same rate stand side by side." if len(looks) > 1 else "",
            "Crosses: rates at which runs diverged, with the share of all runs at that rate. "
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
    sensitivity(rows, looks=looks, headline=headline, loss=loss, legend=False, ax=ax)
    return figure
