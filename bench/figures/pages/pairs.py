"""The page of paired comparisons on one problem."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

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
            "(blue: most, red: few).",
            "Filled markers, bold numbers, framed cells: one is better for sure, the bar excludes "
            "no difference.",
            material.judged,
            *material.audited("pairs", problem),
        ],
        heights=[high],
        widths=[None, min(max(high * 1.2, 0.5 * number), 4.6)],
        margins=Margins(left=names_width(order), across=0.9),
    ).figure()
    ratios(mine, order, looks=material.joint_looks, headline=headline, ax=left)
    wins(mine, order, names=False, ax=right)
    return figure
