"""The page of critical differences between mean ranks over problems."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.critical import critical
from bench.figures.panels.spread import names_width


def several(material: Material) -> Iterator[tuple[()]]:
    """Once, if optimizers meet on several problems."""
    if len(material.verdicts.across):
        yield ()


@page("critical", order=75, when=several)
def critical_figure(material: Material) -> Figure:
    """Mean ranks over problems, joined where they do not differ."""
    rows = material.verdicts.across
    problems, names = int(rows["problems"].iloc[0]), [str(name) for name in rows["optimizer"]]
    figure, (ax,) = Layout(
        f"Critical difference of mean ranks over {problems} problems",
        [
            "Ranks of the medians on each problem, averaged over problems.",
            "Bars join optimizers that are not told apart at 5% by Nemenyi's test, all pairs at "
            "once; it takes problems for a sample, and speaks of others like them.",
            material.judged,
            *material.audited("across"),
        ],
        heights=[0.28 * len(names) + 0.9],
        widths=[None],
        margins=Margins(left=names_width(names)),
    ).figure()
    critical(rows, looks=material.joint_looks, ax=ax)
    return figure


@chart("critical")
def critical_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """Mean ranks of the medians over problems, joined where they do not differ."""
    rows = material.verdicts.across
    if rows.empty or not {*rows["optimizer"]} <= material.labels_of(choice.looks):
        raise nothing("critical", "it is of all optimizers that meet on several problems")
    critical(rows, looks=material.joint_looks, ax=ax)
    told = (
        f"Ranks of the medians averaged over {int(rows['problems'].iloc[0])} problems; bars join "
        "optimizers that are not told apart at 5% by Nemenyi's test."
    )
    return Told({}, [told, material.judged])
