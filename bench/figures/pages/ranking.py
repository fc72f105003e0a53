"""The page of rankings: medians with their intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.spread import ranking
from bench.figures.rows import problem_rows
from bench.figures.words import bars_told


@page("ranking", order=10)
def ranking_figure(material: Material) -> Figure:
    """Medians with intervals at each optimizer's best configuration, a panel a problem."""
    return problem_rows(
        material,
        material.tables.best,
        ranking,
        0.23,
        "Which optimizer wins on which problem",
        [
            "Median final training loss of each optimizer's best configuration, lowest on top.",
            bars_told(_compared(material.tables.best)),
            "Grey: the winner's interval. On the right: how many runs diverged. " + material.chosen,
            style.slow(material.tables.best["above_constant"]),
            *material.audited("ranking"),
        ],
    )


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of problems with several rows; all where no problem has."""
    several = frame.groupby("problem", sort=False)["problem"].transform("size") > 1
    return frame[several] if several.any() else frame
