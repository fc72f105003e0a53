"""Final losses of one problem, an optimizer a row: every seed, or medians ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench import stats
from bench.figures import style
from bench.figures.scale import Scale, headline_scale
from bench.figures.style import Look
from bench.tables.headline import COST, HIGH, LOW, MEDIAN, Headline

NAME = 26  # characters of an optimizer's name in a line


def names_width(names: Iterable[str]) -> float:
    """Inches that the optimizers' names take to the left of a panel."""
    lines = [line for name in names for line in style.wrapped(name, NAME).split("\n")]
    return 0.2 + 0.072 * max((len(line) for line in lines), default=0)


def spread(
    trials: pd.DataFrame,
    *,
    looks: Mapping[str, Look] | None = None,
    headline: Headline | None = None,
    loss: str = "",
    floor: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the headline of every seed, with median and quartiles; the best median on top.

    `trials` are those of one problem and of one configuration per optimizer. Crosses in the strip
    on the right are diverged runs, hollow points those above the constant predictor; how many there
    are stands beside them.
    """
    ax = style.axes(ax)
    looks, headline = looks or style.looks(trials), headline or Headline()
    diverged = trials[trials["status"] == "diverged"]["optimizer"].value_counts()
    values, slow = {}, {}
    for name, part in trials.groupby("optimizer", sort=False):
        part = part[part["status"] != "crashed"]
        costs = part[COST].to_numpy(dtype=float)
        ascending = np.argsort(costs, kind="stable")[: np.count_nonzero(~np.isnan(costs))]
        values[str(name)] = costs[ascending]
        slow[str(name)] = part["above_constant"].fillna(False).to_numpy(dtype=bool)[ascending]
    missing = trials["optimizer"].value_counts() - pd.Series({n: len(v) for n, v in values.items()})
    order = sorted(values, key=lambda n: (_middle(values[n]), n))
    scale = headline_scale(
        headline.values(np.concatenate(list(values.values()))), headline, floor=floor
    )
    for y, name in enumerate(order):
        sample, look = values[name], looks[name]
        finite = sample[np.isfinite(sample)]
        many = min(1.0, 40 / max(len(sample), 1))
        heights, above = y + style.jitter(len(finite), 0.56), slow[name][: len(finite)]
        for mine, fill in ((~above, look.color), (above, "none")):
            ax.scatter(
                scale.place(headline.values(finite[mine])),
                heights[mine],
                s=6 + 10 * many,
                marker=look.marker,
                color=look.color,
                facecolor=fill,
                alpha=0.35 + 0.4 * many,
                lw=0.9 * (fill == "none"),
                zorder=3.6,
            )
        lost = len(sample) - len(finite)
        if lost:
            x = np.full(lost, float(scale.place(headline.values(np.inf))))
            jitter = y + style.jitter(lost, 0.56)
            style.crosses(ax, x, jitter, look)
        if len(sample) > 1:
            quartiles = [float(stats.quantile(sample, q)) for q in (0.25, 0.5, 0.75)]
            low, middle, high = headline.values(np.array(quartiles))
            ax.hlines(y, scale.place(low), scale.place(high), color="black", lw=1.4, zorder=3)
            if np.isfinite(middle):
                at = float(scale.place(middle))
                ax.vlines(at, y - 0.34, y + 0.34, color="black", lw=2, zorder=3.2)
        _beside(ax, y, int(diverged.get(name, 0)), above.sum(), len(sample), missing[name])
    _rows(ax, order, scale, style.headline_label(headline, loss))
    return ax


def ranking(
    summary: pd.DataFrame,
    *,
    looks: Mapping[str, Look] | None = None,
    headline: Headline | None = None,
    loss: str = "",
    floor: float = 0.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the median of the headline with its interval, the best on top, the winner in bold.

    `summary` holds one row per optimizer of one problem; where several share the lowest `rank`
    (that of the medians, if not given), nobody wins. The grey column is the interval of the first.
    An interval or a median that reaches into the strip on the right is infinite there.
    """
    ax = style.axes(ax)
    looks, headline = looks or style.looks(summary), headline or Headline()
    rows = summary.sort_values([MEDIAN, "optimizer"], kind="stable", na_position="last")
    costs = rows[[MEDIAN, LOW, HIGH]].to_numpy(dtype=float)
    known = ~np.isnan(costs) & ~np.isneginf(costs)
    known[:, 2] &= known[:, 1]
    scale = headline_scale(headline.values(costs[known]), headline, floor=floor)
    for y, ((_, row), some) in enumerate(zip(rows.iterrows(), known, strict=True)):
        look = looks[row["optimizer"]]
        if some[0]:
            finite = np.isfinite(row[MEDIAN])
            at = float(scale.place(headline.values(row[MEDIAN])))
            ax.plot(
                [at],
                [y],
                marker=look.marker if finite else "x",
                ms=7,
                color=look.color,
                zorder=4,
                clip_on=False,
            )
        if some[1] and row[HIGH] > row[LOW]:
            ends = tuple(float(scale.place(headline.values(row[end]))) for end in (LOW, HIGH))
            ax.hlines(y, ends[0], ends[1], color=look.color, lw=2.2, alpha=0.7, zorder=3)
            if y == 0:
                ax.axvspan(min(ends), max(ends), color="#d9d9d9", alpha=0.6, lw=0, zorder=1)
        ran = row["seeds"] - row["crashed"] if some[0] else 0
        _beside(ax, y, row["diverged"], row["above_constant"], ran, row["seeds"] - ran)
    names = [str(n) for n in rows["optimizer"]]
    _rows(ax, names, scale, style.headline_label(headline, loss))
    if len(rows) and np.isfinite(rows[MEDIAN].iloc[0]) and _single(rows):
        ax.yaxis.get_ticklabels()[0].set_fontweight("bold")
    return ax


def _single(rows: pd.DataFrame) -> bool:
    """Whether one row alone is the best."""
    ranks = rows["rank"] if "rank" in rows else rows[MEDIAN].rank()
    return int((ranks == ranks.min()).sum()) == 1


def _rows(ax: Axes, names: Sequence[str], scale: Scale, label: str) -> None:
    """Names on the left, first on top; what is measured below."""
    scale.apply(ax, "x")
    ax.set_yticks(range(len(names)), [style.wrapped(name, NAME) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel=label, ylabel="")


def _beside(ax: Axes, y: int, lost: int, slow: int, ran: int, missing: int) -> None:
    """To the right of a row, how many runs diverged, came down slowly, and left nothing."""
    told = [f"{lost}/{ran} ×"] * bool(lost) + [f"{slow}/{ran} ○"] * bool(slow)
    told += [f"{missing} missing"] * bool(missing)
    text = "\n".join(told) if ran else "no result"
    if not text:
        return
    ax.annotate(
        text,
        (1, y),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        size=7,
        color=style.GREY,
    )


def _middle(sample: np.ndarray) -> tuple[bool, float]:
    """What to sort by: the median, after all medians if there is none."""
    return not len(sample), float(stats.median(sample)) if len(sample) else np.inf
