"""The page of where the variance between runs comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import style
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Legend
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.variance import legend, shares
from bench.figures.rows import problem_rows
from bench.tables.words import names_told
from bench.verdicts.variance import ALL_STREAMS, NAMES, RANKS


def trained(material: Material) -> Iterator[tuple[()]]:
    """Once, where some stream has a share."""
    if material.verdicts.variance["share"].notna().any():
        yield ()


@page("variance", order=25, when=trained)
def variance_figure(material: Material) -> Figure:
    """What share of the variance each stream has, a panel a problem."""
    rows = material.verdicts.variance
    streams = {s: words for s, words in NAMES.items() if s in set(rows["stream"])}
    return problem_rows(
        material,
        rows,
        shares,
        0.36,
        "Where the variance between runs comes from",
        [
            "Filled, with 95% intervals: what remains of the variance where the other streams are "
            "held, its part in joint effects included. Hollow: what a stream explains alone.",
            _seeds(rows),
            _ranked(rows),
            *_notes(rows),
            material.judged,
            *material.audited("variance"),
        ],
        legend=Legend(legend(streams), columns=len(streams)),
        alone="Not shown, no runs for it",
    )


def _seeds(rows: pd.DataFrame) -> str:
    least, most = int(rows["seeds"].min()), int(rows["seeds"].max())
    number = f"{least}" if least == most else f"{least} to {most}"
    return f"Of {number} rows of runs, the metric of each problem in variance.csv."


def _ranked(rows: pd.DataFrame) -> str:
    ranked = rows[rows["scale"] == RANKS]
    if ranked.empty:
        return ""
    names = names_told(style.plain(name, 40) for name in ranked["problem"].unique())
    return f"Of ranks, as some runs are infinitely bad, for optimizers on {names}."


def _notes(rows: pd.DataFrame) -> Iterator[str]:
    """Why streams have no share, once for all problems of which it is true."""
    noted = rows[(rows["note"] != "") & (rows["stream"] != ALL_STREAMS)]
    for (stream, note), part in noted.groupby(["stream", "note"], sort=False):
        names = names_told(style.plain(name, 40) for name in part["problem"].unique())
        yield f"{NAMES[str(stream)].capitalize()} on {names}: {note}."


@chart("variance", "problem")
def variance_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """What share of the variance between runs each stream has, on one problem."""
    rows = material.verdicts.variance
    rows = rows[(rows["problem"] == choice.problem) & rows["optimizer"].isin(choice.looks)]
    if rows.empty or not rows["share"].notna().any():
        raise nothing("variance", "`bench variance SPEC` trains what it is drawn from")
    shares(rows, ax=ax)
    streams = {s: words for s, words in NAMES.items() if s in set(rows["stream"])}
    told = (
        "Filled, with 95% intervals: what remains of the variance where the other streams are "
        "held; hollow: what a stream explains alone."
    )
    return Told(legend(streams), [told, _seeds(rows)])
