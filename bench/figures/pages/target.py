"""The page of times to the target on one problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.charts import Choice, Told, chart, nothing, recorded
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.steps import reached
from bench.figures.style import Look

MOST_BANDS = 5


def timed(material: Material) -> Iterator[tuple[str]]:
    """Problems with a target and several seeds."""
    for problem, rows in material.verdicts.times.groupby("problem", sort=False):
        if rows["seeds"].max() > 1:
            yield (str(problem),)


@page("target", order=90, when=timed)
def target_figure(material: Material, problem: str) -> Figure:
    """When runs reach each target of one problem, a panel per target."""
    times, stairs = (
        frame[frame["problem"] == problem]
        for frame in (material.verdicts.times, material.verdicts.stairs)
    )
    parts = {str(m): times[times["metric"] == m] for m in times["metric"].unique()}
    looks = {metric: _soonest(material, part) for metric, part in parts.items()}
    banded = max(len(grey.shown(each)) for each in looks.values()) <= MOST_BANDS
    several = len(parts) > 1
    first = "that reach the target soonest (by median epoch, then by share of runs"
    figure, axes = Layout(
        f"Time to the target on {problem}",
        [
            "Kaplan-Meier: runs that never reach the target, diverged ones too, are censored at "
            "the budget (upright bar).",
            "Bands: 95% intervals, pointwise." if banded else "",
            "Of lines on the same step the thinner lie on the thicker.",
            grey.sentence(
                next(iter(looks.values())), first + (", in each panel)" if several else ")")
            ),
            "In the legend, how many runs reached it, and the median epoch over all runs with its "
            "95% interval; ∞: not within the budget.",
            material.judged_on(problem),
            *material.audited("target", problem),
        ],
        heights=[2.6] * len(parts),
        margins=Margins(down=0.8),
        legend=Legend(_entries(parts, looks), 2),
    ).figure()
    for ax, (metric, part) in zip(axes, parts.items(), strict=True):
        mine, some = stairs[stairs["metric"] == metric], part.iloc[0]
        reached(mine, looks=looks[metric], budget=float(some["budget"]), bands=banded, ax=ax)
        way = "at or below" if material.tables.metrics[metric].lower else "at or above"
        label = style.metric_label(
            metric, material.losses.get(problem, ""), material.tables.metrics
        )
        ax.set_title(f"{label} {way} {some['target']:g}")
    return figure


def _soonest(material: Material, rows: pd.DataFrame) -> dict[str, Look]:
    """Looks of those in `rows` of the times to one target, the soonest there first."""
    order = rows.sort_values(
        ["median", "share", "optimizer"], ascending=[True, False, True], kind="stable"
    )
    return grey.split({str(name): material.looks[str(name)] for name in order["optimizer"]})


def _entries(parts: dict[str, pd.DataFrame], looks: dict[str, dict[str, Look]]) -> dict[str, Any]:
    """What the legend says, panel by panel."""
    told: dict[str, Any] = {}
    for metric, part in parts.items():
        rows = {str(row["optimizer"]): row for _, row in part.iterrows()}
        word = metric if len(parts) > 1 else ""
        new = grey.entries({n: _time(rows[n], word) for n in looks[metric]}, looks[metric])
        # What panels say alike, of their grey lines, stands once and last.
        told = {text: sample for text, sample in told.items() if text not in new} | new
    return told


def _time(row: pd.Series, metric: str) -> str:
    """ "adam: 10 of 10, median 400 (300 to 500)"."""

    def epoch(value: float) -> str:
        return f"{value:,.0f}" if np.isfinite(value) else "∞"

    text = f"{row['optimizer']}: {row['reached']} of {row['seeds']}"
    text += f", median {epoch(row['median'])}"
    if not np.isnan(row["median_low"]):
        text += f" ({epoch(row['median_low'])} to {epoch(row['median_high'])})"
    return f"{text}, {metric.replace('_', ' ')}" if metric else text


@chart("target", "problem", "metric")
def target_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """When runs reach a target of one problem."""
    times = material.verdicts.times
    times = times[times["problem"] == choice.problem]
    if times.empty:
        raise nothing("target", f"{choice.problem} has no target")
    metrics = [str(metric) for metric in times["metric"].unique()]
    metric = recorded("target", choice.metric or metrics[0], metrics)
    part = times[(times["metric"] == metric) & times["optimizer"].isin(choice.looks)]
    stairs = material.verdicts.stairs
    mine = stairs[(stairs["problem"] == choice.problem) & (stairs["metric"] == metric)]
    looks = _soonest(material, part)
    few = len(grey.shown(looks)) <= MOST_BANDS
    reached(mine, looks=looks, budget=float(part["budget"].iloc[0]), bands=few, ax=ax)
    way = "at or below" if material.tables.metrics[metric].lower else "at or above"
    told = (
        f"Kaplan-Meier: share of {int(part['seeds'].max())} runs whose "
        f"{metric.replace('_', ' ')} is {way} {part['target'].iloc[0]:g}; those that never are, "
        "diverged ones too, are censored at the budget."
    )
    bands = "Bands: 95% intervals, pointwise." if few else ""
    return Told(
        _entries({metric: part}, {metric: looks}), [told, bands, material.judged_on(choice.problem)]
    )
