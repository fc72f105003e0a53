"""The page of paired comparisons on one problem."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.pairs import ratios, wins
from bench.figures.panels.spread import names_width
from bench.stats.decision import Scale
from bench.verdicts import ALL
from bench.verdicts.pairs import asked


def compared(material: Material) -> Iterator[tuple[str]]:
    """Problems with pairs of optimizers."""
    problems = material.verdicts.pairs["problem"].unique()
    return ((str(problem),) for problem in problems if problem != ALL)


@page("pairs", order=80, when=compared)
def pairs_figure(material: Material, problem: str) -> Figure:
    """Paired ratios with the winner, and the matrix of wins, of one problem."""
    pairs = material.verdicts.pairs
    mine = pairs[pairs["problem"] == problem]
    order = [str(name) for name in material.ranked(problem)["optimizer"]]
    best, number, seeds = order[0], len(order), int(mine["seeds"].max())
    family = asked(pairs)
    ratio = bool((mine["scale"] != Scale.DIFFERENCE).all())
    what, to = ("ratios of", "to") if ratio else ("differences of", "from")
    headline = material.headline(problem)
    values, than = ("losses" if headline.is_loss else "values"), headline.than
    high = max(0.3 * number, 0.9)
    figure, (left, right) = Layout(
        f"Paired comparisons on {problem}",
        [
            f"Left: {what} {headline.plural} {to} those of {best} on the same seed; points "
            f"are medians over {seeds} seeds, bars intervals that hold together at 95% for all "
            f"{family} {'pair' if family == 1 else 'pairs'} of the experiment; the grey band is "
            f"the margin within which {values} count as the same; beside them, on how many seeds "
            f"{best} ends {than}.",
            f"Right, numbered alike: share of seeds on which the row ends {than} than the column "
            f"(blue: more often {than} than not, ties aside; red: less often).",
            "Filled markers, bold numbers, framed cells: one is better for sure, the bar excludes "
            "no difference.",
            material.judged_on(problem),
            *material.audited("pairs", problem),
        ],
        heights=[high],
        widths=[None, min(max(high * 1.2, 0.5 * number), 4.6)],
        margins=Margins(left=names_width(order), across=0.9),
    ).figure()
    ratios(mine, order, looks=material.joint_looks, headline=headline, ax=left)
    wins(mine, order, names=False, ax=right)
    return figure


@chart("pairs", "problem")
def pairs_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """Paired ratios (differences, of scores) of others to the best of the optimizers chosen."""
    mine, order = _pairs(material, choice)
    headline = material.headline(choice.problem)
    ratios(mine, order, looks=material.joint_looks, headline=headline, ax=ax)
    family = asked(material.verdicts.pairs)
    told = (
        f"Points are medians over {int(mine['seeds'].max())} seeds of what others end at beside "
        f"{order[0]} on the same seed, bars intervals that hold together at 95% for all {family} "
        "pairs of the experiment; grey: the margin that counts as the same; filled: one is better "
        "for sure."
    )
    return Told({}, [told, material.judged_on(choice.problem)])


@chart("wins", "problem")
def wins_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """On what share of seeds the row's optimizer is better than the column's."""
    mine, order = _pairs(material, choice)
    wins(mine, order, ax=ax)
    than = material.headline(choice.problem).than
    told = (
        f"Share of {int(mine['seeds'].max())} seeds on which the row ends {than} than the column; "
        "framed and bold: one is better for sure."
    )
    return Told({}, [told, material.judged_on(choice.problem)])


def _pairs(material: Material, choice: Choice) -> tuple[pd.DataFrame, list[str]]:
    """The pairs of the optimizers chosen, and these, the best first."""
    pairs = material.verdicts.pairs
    kept = material.labels_of(choice.looks)
    order = [str(n) for n in material.ranked(choice.problem)["optimizer"] if n in kept]
    mine = pairs[pairs["problem"] == choice.problem]
    mine = mine[mine["a"].isin(order) & mine["b"].isin(order)]
    if mine.empty:
        raise nothing("pairs", "it takes two optimizers on the same seeds")
    return mine, order
