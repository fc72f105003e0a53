"""The page of rankings: medians with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.spread import ranking
from bench.figures.rows import problem_rows
from bench.figures.words import bars_told
from bench.tables.headline import HIGH, LOW
from bench.verdicts import ALL


@page("ranking", order=10)
def ranking_figure(material: Material) -> Figure:
    """Medians with intervals at each optimizer's best configuration, a panel a problem."""
    best = together(material.tables.best, material.verdicts.ranking)
    return problem_rows(
        material,
        best,
        ranking,
        0.23,
        "Which optimizer wins on which problem",
        [
            "Median final training loss of each optimizer's best configuration, lowest on top.",
            bars_told(_compared(best)),
            "Intervals hold for all optimizers of a problem together, so for the winner's too "
            "(grey). On the right: how many runs diverged. " + material.chosen,
            style.slow(best["above_constant"]),
            *material.audited("ranking"),
        ],
    )


def together(best: pd.DataFrame, ranking: pd.DataFrame) -> pd.DataFrame:
    """The rows of `ranking` as a summary has them, with intervals that hold for a problem at once.

    Where seeds are too few for these, the range of all losses stays or takes their place.
    """
    ends, where = ["median_low", "median_high"], ["problem", "configuration"]
    own = ranking.loc[ranking["problem"] != ALL, [*where, "optimizer", "rank", *ends]]
    out = best.drop(columns="optimizer").merge(own, on=where, validate="one_to_one")
    known = (out["interval"] == "95%") & np.isfinite(out["median_low"])
    for end, wider in zip((LOW, HIGH), ends, strict=True):
        out[end] = out[wider].where(known, out[end])
    return out.drop(columns=ends)


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of problems with several rows; all where no problem has."""
    several = frame.groupby("problem", sort=False)["problem"].transform("size") > 1
    return frame[several] if several.any() else frame
