"""The page of rankings: medians with their intervals."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.charts import Choice, Told, chart
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.spread import ranking
from bench.figures.rows import problem_rows
from bench.figures.words import bars_told
from bench.tables.headline import HIGH, LOW, Headline, Headlines, common
from bench.verdicts import ALL


@page("ranking", order=10)
def ranking_figure(material: Material) -> Figure:
    """Medians with intervals at each optimizer's best configuration, a panel a problem."""
    shown = material.headlines(material.problems)
    best = together(material.tables.best, material.verdicts.ranking, material.tables.headlines)
    return problem_rows(
        material,
        best,
        ranking,
        0.23,
        "Which optimizer wins on which problem",
        [
            f"Median {_words(shown)} of each optimizer's best configuration, {_way(shown)} on top.",
            bars_told(_compared(best)),
            "Intervals hold for all optimizers of a problem together, so for the winner's too "
            "(grey). On the right: how many runs diverged. " + material.chosen,
            style.slow(best["above_constant"]),
            *material.audited("ranking"),
        ],
    )


def _words(some: Collection[Headline]) -> str:
    one = common(some)
    return one.words if one else "metric of the problem"


def _way(some: Collection[Headline]) -> str:
    one = common(some)
    return one.way if one else "the best"


def together(best: pd.DataFrame, ranking: pd.DataFrame, headlines: Headlines) -> pd.DataFrame:
    """The rows of `ranking` as a summary has them, with intervals that hold for a problem at once.

    Where seeds are too few for these, the range of all losses stays or takes their place.
    """
    ends, where = ["median_low", "median_high"], ["problem", "configuration"]
    own = ranking.loc[ranking["problem"] != ALL, [*where, "optimizer", "rank", *ends]]
    out = best.drop(columns="optimizer").merge(own, on=where, validate="one_to_one")
    known = (out["interval"] == "95%") & np.isfinite(out["median_low"])
    higher = ~out["problem"].map(lambda name: headlines.of_problem(name).quantity.lower)
    low, high = out["median_low"], out["median_high"]
    for end, wider in ((LOW, low.where(~higher, -high)), (HIGH, high.where(~higher, -low))):
        out[end] = wider.where(known, out[end])
    return out.drop(columns=ends)


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of problems with several rows; all where no problem has."""
    several = frame.groupby("problem", sort=False)["problem"].transform("size") > 1
    return frame[several] if several.any() else frame


@chart("ranking", "problem")
def ranking_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """Medians with intervals at each optimizer's best configuration on one problem."""
    tables = material.tables
    best = together(tables.best, material.verdicts.ranking, tables.headlines)
    rows = best[
        (best["problem"] == choice.problem)
        & best["optimizer"].isin(material.labels_of(choice.looks))
    ]
    headline = material.headline(choice.problem)
    loss = material.losses.get(choice.problem, "")
    ranking(
        rows,
        looks=material.joint_looks,
        headline=headline,
        loss=loss,
        floor=material.floor(choice.problem),
        ax=ax,
    )
    return Told({}, [bars_told(rows), material.chosen, style.slow(rows["above_constant"])])
