"""The page of training curves of the optimizers that have one configuration, where others do not.

They were not chosen among many, so they are comparable with one another.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.pages.curves import recorded, training_curves


def some_single(material: Material) -> Iterator[tuple[str]]:
    """Problems with curves on which at least two optimizers have one configuration, but not all."""
    for (problem,) in recorded(material):
        if 2 <= len(_single(material, problem)) < len(material.best_on(problem)):
            yield (problem,)


@page("curves_single", order=31, when=some_single)
def curves_single_figure(material: Material, problem: str) -> Figure:
    """Training curves of the optimizers with one configuration."""
    return training_curves(material, problem, _single(material, problem))


def _single(material: Material, problem: str) -> pd.DataFrame:
    best = material.best_on(problem)
    return best[best["configurations"] == 1]
