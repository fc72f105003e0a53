"""The page of comparisons across problems."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.across import estimates
from bench.figures.panels.pairs import wins
from bench.figures.panels.spread import names_width
from bench.tables.headline import common, comparative
from bench.verdicts import ALL


def _best(material: Material) -> str:
    one = common(material.headlines(material.problems))
    return f"{one.way} {one.words}" if one else "best by the metric of the problem"


def compared(material: Material) -> Iterator[tuple[()]]:
    """Once, if there is a ranking over several problems."""
    if (material.verdicts.ranking["problem"] == ALL).any():
        yield ()


@page("across", order=70, when=compared)
def across_figure(material: Material) -> Figure:
    """Mean ranks, normalised scores and wins over all problems that optimizers share."""
    rows = material.ranked(ALL)
    order = [str(name) for name in rows["optimizer"]]
    scored = bool(rows["score"].notna().any()) and rows["score"].nunique() > 1
    columns = {"mean_rank": "mean rank"} | ({"score": "score"} if scored else {})
    what = "ranks, scores and wins" if scored else "ranks and wins"
    high = 0.34 * max(len(order), 3)
    figure, axes = Layout(
        f"Across problems: {what} over {int(rows['seeds'].max()):,} runs",
        [
            "Only problems and optimizers that all meet count, each problem and seed alike.",
            f"Left: mean rank on the same seed, 1 is the {_best(material)}.",
            "Middle: interquartile mean of the score, 0 the untrained network, 1 the target, on a "
            "logarithmic scale."
            if scored
            else "",
            "Bars of ranks: 95% intervals over problems and seeds, for problems like these"
            + ("; of scores: over seeds, for these." if scored else "."),
            "Right, numbered alike: share of runs in which the row ends "
            f"{comparative(material.headlines(material.problems))} than the column on "
            "the same seed (blue: more often than the other way round, red: less); ties count "
            "for neither.",
            material.judged,
            *material.audited("across"),
        ],
        heights=[high],
        widths=[*[None] * len(columns), min(high * 1.25, 3.6)],
        margins=Margins(left=names_width(order), across=[*[0.3] * (len(columns) - 1), 0.55]),
    ).figure()
    for ax, (column, label) in zip(axes, columns.items(), strict=False):
        first = ax is axes[0]
        estimates(rows, column, order, looks=material.joint_looks, names=first, ax=ax)
        ax.set(xlabel=label)
        if column == "score":
            ax.set_xlim(-0.03, 1.03)
    pairs = material.verdicts.pairs
    wins(pairs[pairs["problem"] == ALL], order, names=False, ax=axes[-1])
    return figure


@chart("across")
def across_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """Mean ranks over all problems that optimizers share."""
    rows = material.ranked(ALL)
    order = [str(name) for name in rows["optimizer"] if name in material.labels_of(choice.looks)]
    if not order:
        raise nothing("across", "these optimizers do not meet on several problems")
    estimates(rows, "mean_rank", order, looks=material.joint_looks, ax=ax)
    ax.set(xlabel="mean rank")
    told = (
        f"Mean rank on the same seed over {int(rows['seeds'].max()):,} runs, 1 is the "
        f"{_best(material)} among all {len(rows)} optimizers of the experiment; bars: 95% "
        "intervals over problems and seeds."
    )
    return Told({}, [told, material.judged])
