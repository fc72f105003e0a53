"""Printed curves inside the bands of our seeds: frames -> figures."""

from __future__ import annotations

import bench.figures  # noqa: F401  # isort: skip (first: no backend has to be one that is there)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bench import stats
from bench.figures import style
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.scale import Scale, linear_scale, log_scale

Array = NDArray[np.float64]
QUANTILES = {"low_99": 0.005, "low_50": 0.25, "median": 0.5, "high_50": 0.75, "high_99": 0.995}
SEEDS, PRINTED = style.COLOURS[0], (style.COLOURS[1], "#000000")
MARKERS = ("o", "s")
BLOWN_UP = 30.0  # losses above so many times the largest median share the upper edge


@dataclass(frozen=True)
class Printed:
    """A page's points, and optionally its curve continued: epochs and values of each.

    `half` is half of a printed value's last digit, within which the number itself lay.
    """

    label: str
    epochs: NDArray[np.int64]
    values: Array
    half: float = 0.0
    continued: tuple[NDArray[np.int64], Array] | None = None


@dataclass(frozen=True)
class Panel:
    """One set of axes: the seeds' values `(S, E)` at `epochs`, and what the pages printed."""

    title: str
    epochs: Array
    values: Array
    printed: Sequence[Printed]


@dataclass(frozen=True)
class Sheet:
    """One figure: panels in rows of `columns`; its file, title, axis label and small print.

    All panels share one scale; with `rows_apart`, those of a row do.
    """

    file: str
    title: str
    panels: Sequence[Panel]
    ylabel: str
    caption: str
    columns: int = 1
    score: bool = False
    height: float = 2.2
    rows_apart: bool = False


def bands(panel: Panel) -> pd.DataFrame:
    """Quantiles over seeds at every epoch; one row each, columns `epoch`, `seeds`, `QUANTILES`.

    So few seeds that none is beyond the ends of the central 99% reach from the lowest to the
    highest instead.
    """
    ends = {"low_99": 0.0, "high_99": 1.0} if few(len(panel.values)) else {}
    levels = {**QUANTILES, **ends}
    found = {name: stats.quantile(panel.values.T, q) for name, q in levels.items()}
    return pd.DataFrame({"epoch": panel.epochs, "seeds": len(panel.values), **found})


def points(panel: Panel) -> pd.DataFrame:
    """What the pages print, and their curves continued: `trace, kind, epoch, value`."""
    parts = []
    for printed in panel.printed:
        kinds = {"printed": (printed.epochs, printed.values)}
        if printed.continued is not None:
            kinds["continued"] = printed.continued
        for kind, (epochs, values) in kinds.items():
            columns = {"trace": printed.label, "kind": kind, "epoch": epochs, "value": values}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def write(sheet: Sheet, folder: Path) -> list[Path]:
    """Draw `sheet`; write its PNG, and beside it the bands and the points it shows as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for kind, frame_of in (("bands", bands), ("points", points)):
        frames = [frame_of(p).assign(panel=p.title) for p in sheet.panels]
        frame = pd.concat(frames, ignore_index=True)
        frame.insert(0, "panel", frame.pop("panel"))
        files.append(folder / f"{sheet.file}_{kind}.csv")
        frame.to_csv(files[-1], index=False, lineterminator="\n")
    with style.applied():
        return [draw(sheet, folder / f"{sheet.file}.png"), *files]


def draw(sheet: Sheet, path: Path) -> Path:
    """Draw `sheet` to `path`."""
    told = legend(sheet)
    named = any(panel.title for panel in sheet.panels)
    figure, axes = Layout(
        sheet.title,
        [sheet.caption],
        heights=[sheet.height] * -(-len(sheet.panels) // sheet.columns),
        widths=[None] * sheet.columns,
        panels=len(sheet.panels),
        width=10.0 if sheet.columns > 1 else 7.5,
        # Panels share one scale, so that only the outer ones need labels.
        margins=Margins(
            left=0.95, across=0.35, down=0.55, top=0.35 if named else 0.05, bottom=0.55
        ),
        legend=Legend(told, len(told), line=0.18, gap=0.02, sample=2.0, letters=60 * len(told)),
    ).figure()
    shared = scale_of(sheet, sheet.panels)
    for number, (ax, panel) in enumerate(zip(axes, sheet.panels, strict=True)):
        first = number - number % sheet.columns
        row = sheet.panels[first : first + sheet.columns]
        scale = scale_of(sheet, row) if sheet.rows_apart else shared
        band(ax, bands(panel), scale)
        for printed, colour, marker in zip(panel.printed, PRINTED, MARKERS, strict=False):
            trace(ax, printed, scale, colour, marker)
        scale.apply(ax)
        ax.set_title(style.plain(panel.title), size=8.5)
        ax.margins(x=0.01)
        if number % sheet.columns:
            ax.tick_params(labelleft=False)
        else:
            ax.set_ylabel(style.plain(sheet.ylabel))
        if number >= len(sheet.panels) - sheet.columns:
            ax.set_xlabel("epoch")
    return style.save(figure, path)


def scale_of(sheet: Sheet, panels: Sequence[Panel]) -> Scale:
    """One scale for all of `panels`, wide enough for bands and points."""
    inner = pd.concat([bands(panel) for panel in panels])
    shown = [inner[list(QUANTILES)].to_numpy().ravel()]
    for panel in panels:
        shown.append(points(panel)["value"].to_numpy(dtype=float))
        shown += [np.concatenate(rounding(p)) for p in panel.printed if p.half]
    values = np.concatenate(shown)
    if sheet.score:
        return linear_scale(values, lowest=0.0, highest=1.0)
    medians = inner["median"].to_numpy()
    return log_scale(values, highest=BLOWN_UP * float(medians[np.isfinite(medians)].max()))


def band(ax: Axes, frame: pd.DataFrame, scale: Scale) -> None:
    """The median, the central half and the `outer_band` of seeds."""
    x = frame["epoch"].to_numpy(dtype=float)
    for inner, alpha in (("99", 0.16), ("50", 0.3)):
        low, high = (scale.place(frame[f"{end}_{inner}"].to_numpy()) for end in ("low", "high"))
        ax.fill_between(x, low, high, color=SEEDS, alpha=alpha, lw=0, zorder=2)
    ax.plot(x, scale.place(frame["median"].to_numpy()), color=SEEDS, lw=1.4, zorder=3)


def trace(ax: Axes, printed: Printed, scale: Scale, colour: str, marker: str) -> None:
    """The page's points, with bars for what rounding hides, and its curve continued."""
    if printed.continued is not None:
        epochs, values = printed.continued
        ax.plot(epochs, scale.place(values), color=colour, lw=0.9, zorder=4)
    y = scale.place(printed.values)
    if printed.half:
        low, high = rounding(printed)
        ax.vlines(
            printed.epochs, scale.place(low), scale.place(high), color=colour, lw=0.8, zorder=5
        )
    many = len(printed.epochs) > 40
    ax.plot(printed.epochs, y, marker, color=colour, ms=2.2 if many else 3.2, mew=0, zorder=6)


def rounding(printed: Printed) -> tuple[Array, Array]:
    """Between which numbers those printed were; not below half of the smallest, for a log axis."""
    least = printed.values[printed.values > 0].min() / 2
    low, high = (np.maximum(printed.values + s * printed.half, least) for s in (-1, 1))
    return low, high


def few(seeds: int) -> bool:
    """Whether none of so many seeds is beyond the central 99%."""
    return seeds * QUANTILES["low_99"] < 1


def outer_band(seeds: Sequence[int]) -> str:
    """What the outer band is of so many seeds: the central 99%, or all where few ran.

    >>> outer_band([40]), outer_band([1000]), outer_band([40, 1000])
    ('all seeds', 'central 99%', 'central 99%, all of fewer than 200')
    """
    if all(map(few, seeds)):
        return "all seeds"
    least = round(1 / QUANTILES["low_99"])
    return "central 99%" + (f", all of fewer than {least}" if any(map(few, seeds)) else "")


def legend(sheet: Sheet) -> Mapping[str, Line2D | Patch]:
    """What the legend says: text -> sample."""
    seeds = sorted({len(panel.values) for panel in sheet.panels})
    found: dict[str, Line2D | Patch] = {
        f"{' to '.join(f'{n:,}' for n in seeds)} seeds, median": Line2D(
            [], [], color=SEEDS, lw=1.4
        ),
        "central half": Patch(color=SEEDS, alpha=0.4, lw=0),
        outer_band(seeds): Patch(color=SEEDS, alpha=0.16, lw=0),
    }
    for panel in sheet.panels:
        for printed, colour, marker in zip(panel.printed, PRINTED, MARKERS, strict=False):
            lw = 0.9 if printed.continued is not None else 0.0
            sample = Line2D([], [], lw=lw, color=colour, marker=marker, markersize=4, mew=0)
            found[printed.label] = sample
    return found
