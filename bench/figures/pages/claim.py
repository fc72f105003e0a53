"""The page of one claim: its quantities in the ranges that are claimed."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.figures.layout import Layout, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.claims import ranges, row_name, trends
from bench.figures.panels.spread import names_width
from bench.stats.decision import Scale
from bench.verdicts.claim_words import sentence
from bench.verdicts.claims import Decided


def decided(material: Material) -> Iterator[tuple[str]]:
    """Claims about which something was asked."""
    return ((str(each.number),) for each in material.claims.decided if each.found)


@page("claim", order=5, when=decided)
def claim_figure(material: Material, number: str) -> Figure:
    """The estimates and intervals of a claim's quantities, and what a trend goes through."""
    each = material.claims.decided[int(number) - 1]
    late = each.number in material.claims.late
    through = [found for found in each.found if found.question.points]
    names = [row_name(found) for found in each.found]
    high = max(0.42 * len(each.found), 0.9)
    figure, axes = Layout(
        f"Claim {number}: {each.claim.text}",
        [
            sentence(each, late=late),
            f"Source: {each.claim.source}." if each.claim.source else "",
            "The band is the claimed range; points are medians over seeds (shares of seeds, where "
            "a share is claimed), bars intervals that hold together at 95% over all claims of the "
            "spec. Filled: the bar is inside; a cross: it is outside; hollow: nobody can tell.",
        ],
        heights=[max(high, 1.9) if through else high],
        widths=[None, 3.4] if through else [None],
        margins=Margins(left=names_width(names), across=0.9, bottom=0.55),
    ).figure()
    ranges(each.found, ax=axes[0])
    axes[0].set(xlabel=quantity(each))
    if through:
        trends(through, str(each.claim.over), looks=material.looks, ax=axes[1])
    return figure


def quantity(decided: Decided) -> str:
    """What the axis of a claim's quantities shows."""
    q, claim = decided.found[0].question, decided.claim
    metric = q.metric if len(q.metric) <= 60 else "the metric"
    if q.other:
        how = "lower" if q.scale is Scale.RATIO else "better"
        return f"by how much the first is {how}: {metric}"
    if claim.kind == "reaches":
        return "share of seeds that reach the target"
    if claim.power:
        return f"power of {claim.over} with which {metric} goes"
    if claim.kind == "trend":
        return f"by how much {metric} {claim.way} from the least {claim.over} to the largest"
    return metric
