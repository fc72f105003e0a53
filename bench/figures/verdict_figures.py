"""The figures behind the verdicts: their layout, texts and files; drawn from `bench.verdicts`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.layout import Margins, canvas
from bench.figures.panels.across import estimates
from bench.figures.panels.pairs import ratios, wins
from bench.figures.panels.search import budget, divergence
from bench.figures.panels.spread import names_width
from bench.figures.panels.steps import profile, reached
from bench.figures.style import Look
from bench.verdicts import ALL, Verdicts

WIDTH = 10.0
MOST_BANDS = 5
SWEEPS = ("budget", "divergence")  # figures of all configurations, not of the chosen ones
Paint = Callable[[], Figure]


@dataclass(frozen=True)
class Drawing:
    """What the figures are drawn from; `losses` names each problem's loss.

    For the small print, `judged` says on which seeds optimizers are compared, and `swept` on which
    their search ran.
    """

    verdicts: Verdicts
    looks: Mapping[str, Look]
    losses: Mapping[str, str] = field(default_factory=dict)
    judged: str = ""
    swept: str = ""

    def ranked(self, problem: str) -> pd.DataFrame:
        """Rows of the ranking of one problem, best first."""
        rows = self.verdicts.ranking[self.verdicts.ranking["problem"] == problem]
        by = "mean_rank" if problem == ALL else "median"
        return rows.sort_values([by, "optimizer"], kind="stable", na_position="last")

    def caption(self, sentences: list[str], figure: str, problem: str = "") -> list[str]:
        """Small print: the sentences, on which seeds, and what the audit says."""
        told = self.verdicts.lines(figure, problem)
        seeds = self.swept if figure in SWEEPS else self.judged
        return style.caption_lines([*sentences, seeds, *told], WIDTH)


def plan(drawing: Drawing) -> Iterator[tuple[tuple[str, ...], Paint]]:
    """Parts of a name, and the function that draws it, of every figure."""
    verdicts = drawing.verdicts
    if (verdicts.ranking["problem"] == ALL).any():
        yield ("across",), partial(across_figure, drawing)
    for problem in verdicts.pairs["problem"].unique():
        if problem != ALL:
            yield ("pairs", problem), partial(pairs_figure, drawing, problem)
    for problem, rows in verdicts.times.groupby("problem", sort=False):
        if rows["seeds"].max() > 1:
            yield ("target", str(problem)), partial(target_figure, drawing, str(problem))
    if len(verdicts.budget):
        yield ("budget",), partial(budget_figure, drawing)
    if verdicts.lost["lost"].any():
        yield ("divergence",), partial(divergence_figure, drawing)
    if len(verdicts.profile):
        yield ("profile",), partial(profile_figure, drawing)


def across_figure(drawing: Drawing) -> Figure:
    """Mean ranks, normalised scores and wins over all problems that optimizers share."""
    rows = drawing.ranked(ALL)
    order = [str(name) for name in rows["optimizer"]]
    scored = bool(rows["score"].notna().any()) and rows["score"].nunique() > 1
    sentences = [
        "Only problems and optimizers that all meet count, each problem and seed alike.",
        "Left: mean rank on the same seed, 1 is the lowest final training loss.",
        "Middle: interquartile mean of the score, 0 the untrained network, 1 the target, on a "
        "logarithmic scale."
        if scored
        else "",
        "Bars: 95% intervals over seeds; the problems stay as they are.",
        "Right, numbered alike: share of runs in which the row ends lower than the column on the "
        "same seed (blue: most, red: few); ties count for neither.",
    ]
    caption = drawing.caption(sentences, "across")
    left, high = names_width(order), 0.34 * max(len(order), 3)
    bottom = 0.5 + style.caption_height(caption)
    tall = 0.42 + 0.3 + high + bottom
    figure = Figure(figsize=(WIDTH, tall))
    matrix = min(high * 1.25, 3.6)
    wide = WIDTH - left - 0.75 - matrix
    panels = 2 if scored else 1
    each = (wide - 0.3 * (panels - 1)) / panels
    base = bottom / tall
    for i, (column, label) in enumerate((("mean_rank", "mean rank"), ("score", "score"))[:panels]):
        box = ((left + i * (each + 0.3)) / WIDTH, base, each / WIDTH, high / tall)
        ax = figure.add_axes(box)
        estimates(rows, column, order, looks=drawing.looks, names=i == 0, ax=ax)
        ax.set(xlabel=label)
        if column == "score":
            ax.set_xlim(-0.03, 1.03)
    box = ((WIDTH - matrix - 0.2) / WIDTH, base, matrix / WIDTH, high / tall)
    mine = drawing.verdicts.pairs
    wins(mine[mine["problem"] == ALL], order, names=False, ax=figure.add_axes(box))
    count = int(rows["seeds"].max())
    what = "ranks, scores and wins" if scored else "ranks and wins"
    style.titles(figure, f"Across problems: {what} over {count:,} runs", caption)
    return figure


def pairs_figure(drawing: Drawing, problem: str) -> Figure:
    """Paired ratios with the winner, and the matrix of wins, of one problem."""
    pairs = drawing.verdicts.pairs
    mine = pairs[pairs["problem"] == problem]
    order = [str(name) for name in drawing.ranked(problem)["optimizer"]]
    best = order[0]
    seeds = int(mine["seeds"].max())
    sentences = [
        f"Left: ratios of final training losses to those of {best} on the same seed; points are "
        f"medians over {seeds} seeds, bars 95% intervals; beside them, on how many seeds {best} "
        "ends lower.",
        "Right, numbered alike: share of seeds on which the row ends lower than the column (blue: "
        "most, red: few).",
        "Filled markers, bold numbers, framed cells: told apart at 5% by Wilcoxon's test after "
        f"Holm's correction for {len(mine)} {'pair' if len(mine) == 1 else 'pairs'}.",
    ]
    caption = drawing.caption(sentences, "pairs", problem)
    n = len(order)
    left = names_width(order)
    high = max(0.3 * n, 0.9)
    matrix = min(max(high * 1.2, 0.5 * n), 4.6)
    bottom = 0.5 + style.caption_height(caption)
    tall = 0.42 + 0.3 + high + bottom
    figure = Figure(figsize=(WIDTH, tall))
    wide = WIDTH - left - 0.55 - 0.35 - matrix - 0.2
    ax = figure.add_axes((left / WIDTH, bottom / tall, wide / WIDTH, high / tall))
    ratios(mine, order, looks=drawing.looks, ax=ax)
    box = ((WIDTH - matrix - 0.2) / WIDTH, bottom / tall, matrix / WIDTH, high / tall)
    wins(mine, order, names=False, ax=figure.add_axes(box))
    style.titles(figure, f"Paired comparisons on {problem}", caption)
    return figure


def target_figure(drawing: Drawing, problem: str) -> Figure:
    """When runs reach each target of one problem, a panel per target."""
    times = drawing.verdicts.times
    rows = times[times["problem"] == problem]
    stairs = drawing.verdicts.stairs
    metrics = list(rows["metric"].unique())
    looks = {metric: _soonest(drawing, rows[rows["metric"] == metric]) for metric in metrics}
    banded = max(len(grey.shown(each)) for each in looks.values()) <= MOST_BANDS
    sentences = [
        "Kaplan-Meier: runs that never reach the target, diverged ones too, are censored at the "
        "budget (upright bar).",
        "Bands: 95% intervals, pointwise." if banded else "",
        "Lines on the same step are drawn side by side.",
        grey.sentence(
            looks[metrics[0]],
            "that reach the target soonest (by median epoch, then by share of runs"
            + (", in each panel)" if len(metrics) > 1 else ")"),
        ),
        "In the legend, how many runs reached it, and the median epoch over all runs with its "
        "95% interval; ∞: not within the budget.",
    ]
    caption = drawing.caption(sentences, "target", problem)
    told: dict[str, Any] = {}
    for metric in metrics:
        part = rows[rows["metric"] == metric].set_index("optimizer", drop=False)
        word = metric if len(metrics) > 1 else ""
        texts = {name: _time(part.loc[name], word) for name in looks[metric]}
        new = grey.entries(texts, looks[metric])
        # What panels say alike, of their grey lines, stands once and last.
        told = {text: sample for text, sample in told.items() if text not in new} | new
    columns = 2
    legend = 0.178 * style.legend_rows(told, columns)
    small = style.caption_height(caption)
    figure, axes = canvas(
        [2.6] * len(metrics),
        1,
        len(metrics),
        width=WIDTH,
        margins=Margins(top=0.3, down=0.8),
        below=0.12 + legend + small,
    )
    for ax, metric in zip(axes, metrics, strict=True):
        part = stairs[(stairs["problem"] == problem) & (stairs["metric"] == metric)]
        some = rows[rows["metric"] == metric].iloc[0]
        reached(part, looks=looks[metric], budget=float(some["budget"]), bands=banded, ax=ax)
        way = "at or below" if metric.endswith("_loss") else "at or above"
        label = style.metric_label(metric, drawing.losses.get(problem, ""))
        ax.set_title(f"{label} {way} {some['target']:g}")
    style.legend_below(figure, told, columns, small + 0.08)
    style.titles(figure, f"Time to the target on {problem}", caption)
    return figure


def budget_figure(drawing: Drawing) -> Figure:
    """What k tried configurations find, a panel per problem."""
    frame = drawing.verdicts.budget
    problems = [str(p) for p in frame["problem"].unique()]
    sentences = [
        "The loss that the best of k configurations, drawn at random from those tried, beats half "
        "of the time. A configuration counts with its median final training loss over seeds.",
        "Bands: 95% intervals; they end where too few were tried to tell.",
        "A grid is no random draw: there, an approximation.",
        "In the legend, lowest loss after all configurations first"
        + (", by mean rank over problems." if len(problems) > 1 else "."),
    ]
    looks = grey.split({name: drawing.looks[name] for name in _cheapest(frame)})
    sentences.append(grey.sentence(looks, "that the legend puts first"))
    caption = drawing.caption(sentences, "budget")
    told = grey.entries({name: name for name in looks}, looks)
    columns = min(2, len(problems))
    legend = 0.178 * style.legend_rows(told, 3)
    small = style.caption_height(caption)
    figure, axes = canvas(
        [2.3] * (-(-len(problems) // columns)),
        columns,
        len(problems),
        width=WIDTH,
        margins=Margins(down=0.85),
        below=0.12 + legend + small,
    )
    for ax, problem in zip(axes, problems, strict=True):
        part = frame[frame["problem"] == problem]
        budget(part, looks=looks, loss="", ax=ax)
        ax.set_title(style.plain(problem, 52))
    style.legend_below(figure, told, 3, small + 0.08)
    style.titles(figure, "What tuning buys: the best of k configurations", caption)
    return figure


def divergence_figure(drawing: Drawing) -> Figure:
    """Where runs diverge: a map per problem that has any."""
    lost = drawing.verdicts.lost
    some = lost.groupby("problem", sort=False)["lost"].sum()
    problems = [str(p) for p in some.index[some > 0]]
    sentences = [
        "Share of all runs at a rate that diverged, whatever the other hyperparameters.",
        "No cell: rate not tried. Problems without a diverged run are left out.",
        style.DIVERGED,
    ]
    caption = drawing.caption(sentences, "divergence")
    parts = {p: lost[lost["problem"] == p] for p in problems}
    columns = min(2, len(problems))
    rows = [part["optimizer"].nunique() for part in parts.values()]
    left = names_width(pd.concat(parts.values())["optimizer"])
    heights = [max(0.28 * max(rows[i : i + columns]), 0.6) for i in range(0, len(rows), columns)]
    figure, axes = canvas(
        heights,
        columns,
        len(problems),
        width=WIDTH,
        margins=Margins(left=left, across=left + 0.2, down=0.95, bottom=0.65),
        below=style.caption_height(caption),
    )
    for ax, (problem, part) in zip(axes, parts.items(), strict=True):
        divergence(part, ax=ax)
        ax.set_title(style.plain(problem, 52))
    style.titles(figure, "Diverged runs by learning rate", caption)
    return figure


def profile_figure(drawing: Drawing) -> Figure:
    """Performance profiles over all problems with a target that optimizers share."""
    frame = drawing.verdicts.profile
    last = frame.groupby("optimizer")["share"].last()
    first = frame[frame["factor"] == 1].set_index("optimizer").assign(last=last).sort_index()
    first = first.sort_values(["share", "last"], ascending=False, kind="stable")
    looks = grey.split({str(name): drawing.looks[str(name)] for name in first.index})
    sentences = [
        "Share of runs that reach their problem's target within so many times the epochs of the "
        "fastest optimizer on the same seed; runs that nobody finishes count.",
        f"{int(frame['problems'].max())} problems, {int(frame['runs'].max())} runs each. "
        "Bands: 95% intervals over seeds.",
        grey.sentence(looks, "that are fastest most often, then those that arrive most often"),
    ]
    caption = drawing.caption(sentences, "profile")
    texts = {
        str(name): f"{name}: fastest on {row['share']:.0%}, arrives on {row['last']:.0%}"
        for name, row in first.iterrows()
    }
    told = grey.entries(texts, looks)
    legend = 0.178 * style.legend_rows(told, 2)
    small = style.caption_height(caption)
    figure, axes = canvas(
        [3.2], 1, 1, width=WIDTH, margins=Margins(top=0.12), below=0.12 + legend + small
    )
    profile(frame, looks=looks, ax=axes[0])
    style.legend_below(figure, told, 2, small + 0.08)
    style.titles(figure, "Performance profile: how fast, compared with the fastest", caption)
    return figure


def _soonest(drawing: Drawing, rows: pd.DataFrame) -> dict[str, Look]:
    """Looks of those in `rows` of the times to one target, the soonest there first."""
    order = rows.sort_values(
        ["median", "share", "optimizer"], ascending=[True, False, True], kind="stable"
    )
    return grey.split({str(name): drawing.looks[str(name)] for name in order["optimizer"]})


def _cheapest(frame: pd.DataFrame) -> list[str]:
    """Optimizers by their rank after all configurations, on average over problems; lowest first.

    Where an optimizer has not been tried, it counts as the worst.
    """
    last = frame.groupby(["problem", "optimizer"])["median_best"].last().unstack("problem")
    ranks = last.rank(na_option="bottom").mean(axis=1)
    return [str(name) for name in ranks.sort_values(kind="stable").index]


def draw(drawing: Drawing, directory: Path) -> list[Path]:
    """Draw every figure into `directory`; returns their paths, in order."""
    from bench.figures.book import FileNames

    names, written = FileNames(), []
    for name, paint in plan(drawing):
        with style.settings():
            written.append(style.save(paint(), directory / names.claim(*name)))
    return written


def _time(row: pd.Series, metric: str) -> str:
    """ "adam: 10 of 10, median 400 (300 to 500)"."""

    def epoch(value: float) -> str:
        return f"{value:,.0f}" if np.isfinite(value) else "∞"

    text = f"{row['optimizer']}: {row['reached']} of {row['seeds']}"
    text += f", median {epoch(row['median'])}"
    if not np.isnan(row["median_low"]):
        text += f" ({epoch(row['median_low'])} to {epoch(row['median_high'])})"
    return f"{text}, {metric.replace('_', ' ')}" if metric else text
