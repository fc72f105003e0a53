"""Charts as figures for a paper: of a size in inches, small letters, the legend below."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import charts, style
from bench.figures.charts import Told
from bench.figures.material import Material

SIZE = (3.3, 2.4)  # inches: a column of two
LETTERS = 17.0  # of a legend in an inch
SAMPLE = 6  # letters that a sample in a legend takes
SMALL = {
    "axes.labelsize": 7,
    "axes.titlesize": 8,
    "font.size": 7,
    "legend.fontsize": 6.5,
    "lines.linewidth": 1.2,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
}


def figure(
    material: Material,
    kind: str,
    *,
    optimizers: Sequence[str] = (),
    size: tuple[float, float] = SIZE,
    title: str = "",
    **given: str,
) -> tuple[Figure, Told]:
    """The chart `kind` as a figure of `size` inches, and what its caption has to say.

    To be called, and saved, within `style.applied(SMALL)`. Raises as `charts.draw` does.
    """
    made = Figure(figsize=size, layout="constrained")
    ax = made.subplots()
    told = charts.draw(material, kind, ax, optimizers=optimizers, **given)
    if len(told.entries) > 1:
        legend(made, told, size[0])
    if title:
        ax.set_title(style.plain(title))
    # Half of the height is what a panel at least keeps of it.
    for each in made.axes:
        each.set_ylabel(style.wrapped(each.get_ylabel(), int(size[1] * LETTERS / 2), 3))
        each.set_xlabel(style.wrapped(each.get_xlabel(), int(size[0] * LETTERS * 0.7), 3))
    return made, told


def onto(
    material: Material, kind: str, ax: Axes, optimizers: Sequence[str] = (), **given: str
) -> Told:
    """The chart `kind` on axes of the caller's, with a legend of their own."""
    told = charts.draw(material, kind, ax, optimizers=optimizers, **given)
    if len(told.entries) > 1:
        texts = [style.plain(text) for text in told.entries]
        ax.legend(list(told.entries.values()), texts)
    return told


def legend(made: Figure, told: Told, width: float) -> None:
    """A legend below the panel, in as many columns as fit in `width` inches."""
    texts = [style.wrapped(text, int(width * LETTERS) - SAMPLE, 3) for text in told.entries]
    longest = max(len(line) for text in texts for line in text.split("\n")) + SAMPLE
    made.legend(
        list(told.entries.values()),
        texts,
        loc="outside lower center",
        ncols=max(1, min(len(texts), int(width * LETTERS / longest))),
        handlelength=2.4,
        columnspacing=1.2,
    )
