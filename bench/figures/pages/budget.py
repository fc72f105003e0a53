"""The page of tuning budgets: what k tried configurations find."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.search import budget
from bench.tables.headline import Headlines, common


def several_tried(material: Material) -> Iterator[tuple[()]]:
    """Once, if some optimizer has several configurations."""
    if len(material.verdicts.budget):
        yield ()


@page("budget", order=100, when=several_tried)
def budget_figure(material: Material) -> Figure:
    """What k tried configurations find, a panel per problem."""
    frame = material.verdicts.budget
    problems = [str(problem) for problem in frame["problem"].unique()]
    order = _cheapest(frame, material.tables.headlines)
    looks = grey.split({name: material.looks[name] for name in order})
    told = common([material.sought(problem) for problem in problems])
    what = told.words if told else "metric of its problem"
    value, best = ("loss", "lowest loss") if told and told.is_loss else ("value", "the best value")
    columns = min(2, len(problems))
    figure, axes = Layout(
        "What tuning buys: the best of k configurations",
        [
            f"The {value} that the best of k configurations, drawn at random from those tried, "
            f"beats half of the time. A configuration counts with its median {what} over seeds.",
            "Bands: 95% intervals; they end where too few were tried to tell.",
            "A grid is no random draw: there, an approximation.",
            f"In the legend, {best} after all configurations first"
            + (", by mean rank over problems." if len(problems) > 1 else "."),
            grey.sentence(looks, "that the legend puts first"),
            material.swept,
            *material.audited("budget"),
        ],
        heights=[2.3] * -(-len(problems) // columns),
        widths=[None] * columns,
        panels=len(problems),
        margins=Margins(down=0.85),
        legend=Legend(grey.entries({name: name for name in looks}, looks), 3),
    ).figure()
    for ax, problem in zip(axes, problems, strict=True):
        budget(
            frame[frame["problem"] == problem],
            looks=looks,
            headline=material.sought(problem),
            floor=material.floor(problem),
            ax=ax,
        )
        ax.set_title(style.plain(problem, 52))
    return figure


def _cheapest(frame: pd.DataFrame, headlines: Headlines) -> list[str]:
    """Optimizers by their rank after all configurations, on average over problems; the best first.

    Where an optimizer has not been tried, it counts as the worst.
    """
    last = frame.groupby(["problem", "optimizer"])["median_best"].last().unstack("problem")
    costs = last.apply(lambda column: headlines.of_search(column.name).quantity.cost(column))
    ranks = costs.rank(na_option="bottom").mean(axis=1)
    return [str(name) for name in ranks.sort_values(kind="stable").index]


@chart("budget", "problem")
def budget_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """What k tried configurations find on one problem."""
    frame = material.verdicts.budget
    frame = frame[(frame["problem"] == choice.problem) & frame["optimizer"].isin(choice.looks)]
    if frame.empty:
        raise nothing("budget", "nobody was tried at several configurations")
    looks = {n: look for n, look in choice.looks.items() if n in set(frame["optimizer"])}
    looks = grey.split(looks)
    loss = material.losses.get(choice.problem, "")
    budget(
        frame,
        looks=looks,
        headline=material.sought(choice.problem),
        loss=loss,
        floor=material.floor(choice.problem),
        ax=ax,
    )
    told = (
        "What the best of k configurations, drawn at random from those tried, beats half of the "
        "time. Bands: 95% intervals; they end where too few were tried to tell."
    )
    return Told(grey.entries({name: name for name in looks}, looks), [told, material.swept])
