"""Which figures an experiment gets, from its frames; their names and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.pages import pages
from bench.figures.pages.contours import contour_figure
from bench.figures.pages.pages import Material, Notes
from bench.figures.paths import Landscape
from bench.tables.bands import curve_bands
from bench.tables.best import best_rows, best_trials
from bench.tables.columns import hyperparameters
from bench.tables.phases import searched
from bench.tables.ranges import intervals_or_ranges


def curves_needed(trials: pd.DataFrame) -> set[int]:
    """Numbers of the trials whose curves `draw` wants: those of the best configurations."""
    return set(best_trials(trials)["trial"].tolist())


def draw(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    summary: pd.DataFrame,
    directory: Path,
    *,
    targets: Mapping[str, Mapping[str, float]] | None = None,
    losses: Mapping[str, str] | None = None,
    names: FileNames | None = None,
    judged: str = "",
    swept: str = "",
    notes: Notes | None = None,
    landscapes: Mapping[str, Landscape] | None = None,
) -> list[Path]:
    """Draw every figure that the frames allow into `directory`; returns their paths, in order.

    `curves` needs only the trials of `curves_needed`. `targets` gives each problem's metrics to
    reach, `losses` the name of its loss; both by problem, both optional. `names` are those taken by
    other files of the folder; `judged` says on which seeds optimizers were chosen and judged,
    `swept` on which their search ran, and `notes` gives what else to say under a figure of a
    problem. `landscapes` has the trajectories of problems that are functions of two parameters.
    Drawing the same frames again writes the same bytes. Raises OSError when `directory` cannot be
    written.
    """
    if trials.empty:
        return []
    material = gather(
        trials,
        curves,
        summary,
        targets=targets,
        losses=losses,
        judged=judged,
        swept=swept,
        notes=notes,
        landscapes=landscapes,
    )
    names = names or FileNames()
    written = []
    for name, paint in plan(material):
        with style.settings():
            written.append(style.save(paint(), directory / names.claim(*name)))
    return written


def gather(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    summary: pd.DataFrame,
    *,
    targets: Mapping[str, Mapping[str, float]] | None = None,
    losses: Mapping[str, str] | None = None,
    judged: str = "",
    swept: str = "",
    notes: Notes | None = None,
    landscapes: Mapping[str, Landscape] | None = None,
) -> Material:
    """The statistics that the figures share, each computed once; arguments as for `draw`."""
    runs = best_trials(trials)
    summary = intervals_or_ranges(summary, trials)
    return Material(
        summary=searched(summary),
        runs=runs,
        best=best_rows(summary),
        bands=curve_bands(runs, curves),
        looks=style.looks(trials),
        targets=targets or {},
        losses=losses or {},
        judged=judged,
        swept=swept,
        notes=notes or pages.no_notes,
        landscapes=landscapes or {},
    )


def plan(material: Material) -> Iterator[tuple[tuple[str, ...], Callable[[], Figure]]]:
    """Parts of a name, and the function that draws it, of every figure."""
    yield ("ranking",), partial(pages.ranking_figure, material)
    yield ("spread",), partial(pages.spread_figure, material)
    for problem in material.problems:
        best = material.best[material.best["problem"] == problem]
        if (material.bands["problem"] == problem).any():
            yield ("curves", problem), partial(pages.curves_figure, material, problem, best)
        single = best[best["configurations"] == 1]
        if 2 <= len(single) < len(best):
            name = ("curves_single", problem)
            yield name, partial(pages.curves_figure, material, problem, single)
    for problem in material.problems:
        if problem in material.landscapes:
            best = material.best[material.best["problem"] == problem]
            yield ("contour", problem), partial(contour_figure, material, problem, best)
    for problem in material.problems:
        rows = material.summary[material.summary["problem"] == problem]
        if (rows.groupby("optimizer")["learning_rate"].nunique() > 1).any():
            yield ("sensitivity", problem), partial(pages.sensitivity_figure, material, problem)
    for problem in material.problems:
        for hyperparameter in hyperparameters(material.summary):
            if hyperparameter != "learning_rate" and pages.mapped(
                material.summary, problem, hyperparameter
            ):
                parts = ("heatmap", hyperparameter, problem)
                yield parts, partial(pages.heatmap_figure, material, problem, hyperparameter)


class FileNames:
    """Names of files that no spec can lead out of the folder, and no two of which collide."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def claim(self, *parts: str) -> str:
        """A new file name from `parts`.

        >>> names = FileNames()
        >>> names.claim("curves", "../Spiral, $x"), names.claim("curves", "spiral x")
        ('curves_Spiral_x.png', 'curves_spiral_x_2.png')
        """
        words = [re.sub(r"[^\w+-]+", "_", part).strip("_")[:60] for part in parts]
        # Systems count bytes, 255 of them.
        words = [word.encode()[:100].decode(errors="ignore") for word in words]
        stem = "_".join(word or "unnamed" for word in words)
        name, number = stem, 2
        while name.lower() in self.taken:
            name, number = f"{stem}_{number}", number + 1
        self.taken.add(name.lower())
        return f"{name}.png"
