"""The page of spreads: the final loss of every seed."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.charts import Choice, Told, chart
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.spread import spread
from bench.figures.rows import problem_rows
from bench.tables.headline import common


@page("spread", order=20)
def spread_figure(material: Material) -> Figure:
    """Final losses of every seed at each optimizer's best configuration, a panel a problem."""
    told = common(material.headlines(material.problems))
    return problem_rows(
        material,
        material.tables.runs,
        spread,
        0.27,
        f"Spread of the {told.words if told else 'metric'} over seeds, each optimizer at its best",
        [
            "A point is a seed, the upright line the median, the level one the quartiles.",
            material.chosen,
            "Crosses: diverged runs, counted on the right.",
            style.slow(material.tables.runs["above_constant"]),
            *material.audited("spread"),
        ],
    )


@chart("spread", "problem")
def spread_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """The headline of every seed at each optimizer's best configuration on one problem."""
    runs = material.tables.runs
    rows = runs[(runs["problem"] == choice.problem) & runs["optimizer"].isin(choice.looks)]
    headline = material.headline(choice.problem)
    loss = material.losses.get(choice.problem, "")
    spread(
        rows,
        looks=choice.looks,
        headline=headline,
        loss=loss,
        floor=material.floor(choice.problem),
        ax=ax,
    )
    told = "A point is a seed, the upright line the median, the level one the quartiles."
    lost = "Crosses: diverged runs." * bool((rows["status"] == "diverged").any())
    return Told({}, [told, lost, style.slow(rows["above_constant"]), material.chosen])
