"""The page of training curves over seconds instead of epochs."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.pages.curves import Coin, bands_of, training_curves
from bench.tables.costs import told, with_prices

UNITS = [("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)]


def measured(material: Material) -> Iterator[tuple[str]]:
    """Problems with curves of several rules of which it is known what an epoch takes."""
    for problem in material.problems:
        best = _known(material, problem)
        if best["rule"].nunique() > 1 and len(bands_of(material, problem, best)):
            yield (problem,)


@page("seconds", order=35, when=measured)
def seconds_figure(material: Material, problem: str) -> Figure:
    """Training curves of the best configurations, epochs replaced by what they take.

    Wall-clock: of all figures this kind alone may differ between two runs of one spec.
    """
    best, costs = _known(material, problem), material.tables.costs
    ends = best["epoch_seconds"] * bands_of(material, problem, best)["epoch"].max()
    name, units = next((u for u in UNITS if ends.max() * u[1] >= 2), UNITS[-1])
    worth = dict(zip(best["optimizer"], best["epoch_seconds"] * units, strict=True))
    sentences = [
        "Time: epochs times what one takes by its rule alone, a trial of several side by side on "
        "one core, median of repeated turns (seconds.csv has their spread); without records, "
        "schedules and clipping. A line ends where its epochs do.",
        *told(costs[costs["problem"] == problem]),
    ]
    return training_curves(material, problem, best, Coin(name, worth, sentences))


def _known(material: Material, problem: str) -> pd.DataFrame:
    """Rows of the best configurations with `epoch_seconds`, where it was measured."""
    best = with_prices(material.best_on(problem), material.tables.costs)
    return best[best["epoch_seconds"].notna()]
