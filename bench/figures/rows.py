"""Figures with a panel a problem and a row an optimizer, the names on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.panels.spread import names_width
from bench.tables.words import names_told


def problem_rows(
    material: Material,
    frame: pd.DataFrame,
    panel: Callable[..., object],
    high: float,
    title: str,
    sentences: Sequence[str],
    *,
    legend: Legend | None = None,
    alone: str = "Not shown, nothing to compare",
) -> Figure:
    """A figure in which `panel` draws each problem's part of `frame`, rows `high` inches high.

    Problems with at most a single row of `frame` are named below instead, after `alone`. Panels
    may share a `legend`.
    """
    size = frame.groupby("problem", sort=False).size()
    problems = [p for p in material.problems if size.get(p, 0) > 1] or material.problems
    rest = names_told(style.plain(p, 40) for p in material.problems if p not in problems)
    columns = min(2, len(problems))
    left = names_width(material.tables.best["optimizer"])
    own = [high * max(material.tables.best["problem"].eq(p).sum(), 2) + 0.15 for p in problems]
    layout = Layout(
        title,
        [*sentences, f"{alone}: {rest}." if rest else ""],
        heights=[max(own[i : i + columns]) for i in range(0, len(own), columns)],
        widths=[None] * columns,
        panels=len(own),
        own=own,
        margins=Margins(left=left, right=0.6, across=left + 0.55, down=0.85),
        legend=legend,
    )
    figure, axes = layout.figure()
    for ax, problem in zip(axes, problems, strict=True):
        loss = material.losses.get(problem, "")
        panel(
            frame[frame["problem"] == problem],
            looks=material.joint_looks,
            headline=material.headline(problem),
            loss=loss,
            floor=material.floor(problem),
            ax=ax,
        )
        wide = ax.get_position().width * layout.width
        ax.set_title(style.plain(problem, 52), x=(0.1 - left) / wide)
    return figure
