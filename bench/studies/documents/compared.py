"""A figure of every document: the numbers it prints as points on ours, over epochs.

`PICTURES` has what each shows. Documents 000 and 004, and the last page of 001, ran without a seed:
their points stand among the curves of a few seeds (`few_seeds`).
"""

from __future__ import annotations

import bench.figures  # noqa: F401  # isort: skip (first: no backend has to be one that is there)

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.figures import style
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.scale import log_scale
from bench.figures.style import Look
from bench.studies.documents import few_seeds, figures, printed, sheets
from bench.studies.documents.reproduce import Line, Reproduction, Row
from bench.studies.documents.runs import Array

OURS = style.look(0)
ALONE = Look(style.GREY, "-", "o", 0)  # a run that has a single point
PRINTED = figures.PRINTED[0]
MANY = 40  # points of a line; more are drawn smaller
TEXT = "as the page prints it"


@dataclass(frozen=True)
class Series:
    """What a cell prints of one quantity at `x` (N,), and ours: `printed` and `ours` (N,).

    Among others it has a `label` and a `look`.
    """

    x: Array
    printed: Array
    ours: Array
    label: str = ""
    look: Look = OURS

    @property
    def point(self) -> dict[str, Any]:
        """How its printed points are drawn: filled on one line, hollow among many."""
        if self.label:
            return {"lw": 0, "marker": "o", "ms": 3.4, "mew": 0.9, "mfc": "white"} | {
                "mec": self.look.color
            }
        size = 2.6 if len(self.x) > MANY else 3.6
        return {"lw": 0, "marker": "o", "ms": size, "mew": 0, "color": PRINTED}


@dataclass(frozen=True)
class Numbers:
    """A panel of series over the epochs of a run; or, with `ticks`, at places of these names."""

    title: str
    xlabel: str
    ylabel: str
    series: Sequence[Series]
    log: bool = False
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seeds:
    """A panel of the bands of a few seeds, and the points that a page without a seed prints."""

    title: str
    ylabel: str
    panel: figures.Panel


@dataclass(frozen=True)
class Picture:
    """A document's figure: its panels in rows of `columns`, and what is said below.

    The legend has `legend` columns, or one row.
    """

    title: str
    caption: str
    panels: Sequence[Numbers | Seeds]
    columns: int = 2
    heights: Sequence[float] = (2.6,)
    legend: int = 0
    bottom: float = 0.5


def write(report: Reproduction, documents: Sequence[str], folder: Path) -> list[Path]:
    """Draw the figures of `documents` into `folder`; the same numbers give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for document in documents:
        rows = [row for row in report.rows if row.document == document]
        with style.applied():
            path = folder / f"document_{document}.png"
            files.append(draw(PICTURES[document](rows), path))
    return files


def draw(picture: Picture, path: Path) -> Path:
    """Draw `picture` to `path`."""
    told = dict(_legend(picture.panels))
    titled = any(panel.title for panel in picture.panels)
    figure, axes = Layout(
        picture.title,
        [picture.caption],
        heights=picture.heights,
        widths=[None] * picture.columns,
        panels=len(picture.panels),
        margins=Margins(top=0.3 if titled else 0.05, bottom=picture.bottom, down=0.8),
        legend=Legend(told, columns=picture.legend or len(told)),
    ).figure()
    for ax, panel in zip(axes, picture.panels, strict=True):
        ax.set_title(style.plain(panel.title), size=8.5)
        ax.set_ylabel(style.plain(panel.ylabel))
        if isinstance(panel, Seeds):
            seeds(ax, panel.panel)
        else:
            numbers(ax, panel)
    return style.save(figure, path)


def numbers(ax: Axes, panel: Numbers) -> None:
    """Points that a page prints, on lines through ours; on dashes where places have names."""
    values = np.concatenate([v for series in panel.series for v in (series.printed, series.ours)])
    scale = log_scale(values) if panel.log else None
    for number, series in enumerate(panel.series):
        color, stroke = series.look.color, series.look.linestyle
        page, ours = (scale.place(v) if scale else v for v in (series.printed, series.ours))
        dashes = {"marker": "_", "lw": 0, "ms": 90 / len(panel.ticks)} if panel.ticks else {}
        line = {"color": color, "linestyle": stroke, "lw": 1.2, "mew": 1.4} | dashes
        above = not series.label and len(series.x) > MANY  # points that touch would hide it
        ax.plot(series.x, ours, gid=f"ours {number}", zorder=5 if above else 3, **line)
        ax.plot(series.x, page, gid=f"printed {number}", zorder=4, **series.point)
    if scale:
        scale.apply(ax)
    ax.set_xlabel(panel.xlabel)
    ax.margins(x=0.015)
    ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if panel.ticks:
        ax.set_xticks(range(1, len(panel.ticks) + 1), panel.ticks)
        ax.set_xlim(0.5, len(panel.ticks) + 0.5)


def seeds(ax: Axes, panel: figures.Panel) -> None:
    """Points that a page prints, on the bands of our seeds."""
    frame = figures.bands(panel)
    scale = figures.scale_of(figures.Sheet("", "", [panel], "", ""), [panel])
    figures.band(ax, frame, scale)
    for page in panel.printed:
        figures.trace(ax, page, scale, figures.PRINTED[0], "o")
    scale.apply(ax)
    ax.margins(x=0.015)
    ax.set_xlabel("epoch")


def _legend(panels: Sequence[Numbers | Seeds]) -> Iterator[tuple[str, Artist]]:
    """What the legend says, text and sample: the lines that have a name, or whose they are."""
    plain = [series for panel in panels if isinstance(panel, Numbers) for series in panel.series]
    named = [series for series in plain if series.label]
    for series in named:
        line = {"color": series.look.color, "linestyle": series.look.linestyle}
        yield series.label, Line2D([], [], **series.point | line | {"lw": 1.2})
    if plain and not named:
        yield "ours", Line2D([], [], color=OURS.color, lw=1.2)
        yield TEXT, Line2D([], [], **plain[0].point | {"ms": 3.6})
    for panel in panels:
        if isinstance(panel, Seeds):
            yield from figures.legend(figures.Sheet("", "", [panel.panel], "", "")).items()


def _series(row: Row, field: str, label: str = "", look: Look = OURS) -> Series:
    """What a cell prints of `field`, where the page has all of it, by the number of the place."""
    kept = [line for line in row.lines if field in line.printed and line.cut != field]
    x = [float(line.at.split()[-1]) for line in kept]
    return Series(np.array(x), *_values(kept, field), label, look)


def _values(lines: Sequence[Line], field: str) -> tuple[Array, Array]:
    """The numbers of a field that is one number, the page's and ours."""
    found = [(float(line.printed[field]), float(line.ours[field])) for line in lines]
    page, ours = np.array(found).T
    return page, ours


def _parameters(row: Row) -> Series:
    """Weights, then biases, at the end of a cell, by their place."""
    [line] = row.lines
    page, ours = (
        np.array(re.findall(r"[^\s\[\]]+", " ".join(texts[name] for name in line.printed)), float)
        for texts in (line.printed, line.ours)
    )
    return Series(np.arange(1.0, len(page) + 1), page, ours)


def _traces(document: str) -> Mapping[str, printed.Trace]:
    return {t.problem: t for t in printed.unseeded() if t.document == document}


def _seeds(trace: printed.Trace, title: str, loss: str) -> Seeds:
    panel = figures.Panel(title, *few_seeds.curves(trace), [sheets.points(trace, TEXT)])
    return Seeds(title, style.metric_label(loss=loss), panel)


def _among(what: str) -> str:
    return (
        f"{what} ran without a seed: its points stand among {few_seeds.SEEDS} seeds of ours, of "
        "which the outer band holds all (`make documents` trains a thousand)."
    )


def _blobs(rows: Sequence[Row]) -> Picture:
    [trace] = _traces("000").values()
    return Picture(
        "Document 000: two blobs, gradient descent at rate 1",
        "A 2-10-2 ReLU network on 10 points, full batch, each loss before the epoch's update. "
        + _among("The page"),
        [_seeds(trace, "", "categorical_crossentropy")],
        columns=1,
        heights=[3.2],
    )


def _sigmoids(rows: Sequence[Row]) -> Picture:
    lines = [(row.what, line) for row in rows for line in row.lines]
    page, ours = np.hstack([_values([line], field) for _, line in lines for field in line.printed])
    ticks = tuple(f"{style.wrapped(what, 15)}\n{line.at}" for what, line in lines)
    exact = Series(np.arange(1.0, len(page) + 1), page, ours)
    [trace] = _traces("001").values()
    return Picture(
        "Document 001: sigmoid neurons",
        "Right: four people, one after another at rate 0.5, each loss after the epoch's updates; "
        "bars span the numbers that round to what is printed. " + _among("It"),
        [
            Numbers("single values", "", "value", [exact], ticks=ticks),
            _seeds(trace, "the loss of four people", "mean_squared_error"),
        ],
        heights=[3.0],
        bottom=0.6,
    )


def _neurons(rows: Sequence[Row]) -> Picture:
    losses = [
        Numbers(
            f"cell {row.cell}: {row.what}",
            "iteration",
            style.LOSSES[row.run["loss"]],
            [_series(row, "loss")],
            log=True,
        )
        for row in rows
        if "loss" in row.lines[0].printed
    ]
    ends = []
    for row in rows:
        if "loss" not in row.lines[0].printed:
            found = _parameters(row)
            ticks = tuple(f"{place:.0f}" for place in found.x)
            title = f"cell {row.cell}: parameters at the end"
            ends.append(Numbers(title, "weights, then biases", "value", [found], ticks=ticks))
    return Picture(
        "Document 002: ReLU neurons descend on one sample",
        "The layer of cells 5 and 13 is the same, in two arithmetics; their last digits differ.",
        [*losses, *ends],
        columns=3,
        heights=[2.4, 2.0],
    )


def _spiral(rows: Sequence[Row]) -> Picture:
    labels = {row.cell: f"cell {row.cell}: {row.what}" for row in rows}
    runs = [row for row in rows if row.run["kind"] == "spiral"]
    looks = _looks([row for row in runs if len(row.lines) > 1])

    def drawn(field: str) -> list[Series]:
        having = [row for row in runs if any(field in line.printed for line in row.lines)]
        return [_series(row, field, labels[row.cell], looks.get(row.cell, ALONE)) for row in having]

    [rates] = [row for row in rows if row.run["kind"] == "rates"]
    loss = style.metric_label(loss="categorical_crossentropy")
    return Picture(
        "Document 003: all of its runs on the spiral",
        "Lines are ours, circles what the page prints. A 2-64-3 ReLU network on 300 points, full "
        "batch, before an epoch's update; the rate is the previous update's, and runs of one decay "
        "have the same.",
        [
            Numbers("loss", "epoch", loss, drawn("loss")),
            Numbers("accuracy", "epoch", style.metric_label("train_accuracy"), drawn("accuracy")),
            Numbers("learning rate", "epoch", "rate", drawn("learning_rate"), log=True),
            Numbers(labels[rates.cell], "step", "rate", [_series(rates, "learning_rate")]),
        ],
        heights=[3.4, 2.4],
        legend=2,
    )


def _looks(rows: Sequence[Row]) -> dict[int, Look]:
    """A look for every cell; the first of each rule has the rule's own colour."""
    names: dict[int, str] = {}
    for row in rows:
        rule = row.run["rule"]
        names[row.cell] = str(row.cell) if rule in names.values() else rule
    frame = pd.DataFrame(
        {"problem": "", "optimizer": names[row.cell], "rule": row.run["rule"]} for row in rows
    )
    looks = style.looks(frame)
    return {cell: looks[name] for cell, name in names.items()}


def _regression(rows: Sequence[Row]) -> Picture:
    traces = _traces("004")
    titles = {"full_batch": "full batch, 900 samples", "per_sample": "per sample, 90 samples"}
    return Picture(
        "Document 004: regression on log(X beta + 20), rate 0.1",
        "5-4-4-1 ReLU networks, trained and printed with the page's slips. Full batch: the second "
        "layer's sums stay those of the initial parameters. Per sample: every target is compared "
        "with the last sample's prediction. " + _among("The page"),
        [_seeds(traces[name], titles[name], "mean_squared_error") for name in titles],
        heights=[2.8],
    )


PICTURES: Mapping[str, Callable[[Sequence[Row]], Picture]] = {
    "000": _blobs,
    "001": _sigmoids,
    "002": _neurons,
    "003": _spiral,
    "004": _regression,
}
