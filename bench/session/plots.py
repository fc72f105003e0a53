"""Charts of results, by name: `result.plot.curves(problem="spiral")`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.session.folder import read_manifest
from bench.store.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.figures.charts import Told
    from bench.figures.material import Material


class Plots:
    """The charts of a results folder; each method draws one, as `dir()` lists them.

    >>> result.plot.curves(problem="spiral", metric="validation_accuracy")  # doctest: +SKIP
    >>> result.plot.ranking(problem="spiral", ax=ax)  # doctest: +SKIP

    All take `optimizers` (names; by default all) and `ax`, matplotlib's axes to draw on, by default
    those of a new figure (`.figure`, which pyplot does not know about), and return the axes. Which
    of `problem`, `metric`, `x` and `hyperparameter` a chart goes by, it says itself. Raises
    `ChartError` for what cannot be drawn.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def material(self) -> Material:
        """What all charts are drawn from: tables, verdicts, looks."""
        from bench.report.write import material_of
        from bench.tables.bundle import Tables

        with Store.read(self._folder) as store:
            manifest = read_manifest(store)
            return material_of(store, manifest, Tables.of(store, manifest))

    def __getattr__(self, kind: str) -> Callable[..., Axes]:
        from bench.figures.charts import charts

        if kind.startswith("_"):
            raise AttributeError(kind)
        charts.fill()
        if kind not in charts:
            raise AttributeError(f'there is no chart "{kind}"; there are {", ".join(charts)}')
        made = partial(self._draw, kind)
        made.__doc__ = charts[kind].function.__doc__
        return made

    def __dir__(self) -> list[str]:
        from bench.figures.charts import charts

        charts.fill()
        return [*charts, "figure", "material"]

    def _draw(
        self, kind: str, *, ax: Axes | None = None, optimizers: Sequence[str] = (), **given: str
    ) -> Axes:
        from bench.figures import paper, style

        if isinstance(optimizers, str):
            optimizers = (optimizers,)
        if ax is None:
            with style.applied(paper.SMALL):
                figure, _ = paper.figure(
                    self.material, kind, optimizers=optimizers, size=(6.4, 4.2), **given
                )
            return figure.axes[0]
        paper.onto(self.material, kind, ax, optimizers, **given)
        return ax

    def figure(self, kind: str, **given: Any) -> tuple[Figure, Told]:
        """A chart as a figure for a paper, and what its caption has to say: `paper.figure`."""
        from bench.figures import paper

        return paper.figure(self.material, kind, **given)
