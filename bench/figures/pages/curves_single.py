"""The page of training curves of the optimizers that have one configuration, where others do not.

They were not chosen among many, so they are comparable with one another.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.pages.curves import bands_of, training_curves


def some_single(material: Material) -> Iterator[tuple[str]]:
    """Problems on which two optimizers or more have one configuration and curves, but not all."""
    for problem in material.problems:
        single = _single(material, problem)
        few = 2 <= len(single) < len(material.best_on(problem))
        if few and len(bands_of(material, problem, single)):
            yield (problem,)


@page("curves_single", order=31, when=some_single)
def curves_single_figure(material: Material, problem: str) -> Figure:
    """Training curves of the optimizers with one configuration."""
    return training_curves(material, problem, _single(material, problem))


def _single(material: Material, problem: str) -> pd.DataFrame:
    best = material.best_on(problem)
    return best[best["configurations"] == 1]
