"""Whole figures: panels of plots with titles, legends and small print, one function each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from bench.figures import grey, style
from bench.figures.layout import Margins, canvas
from bench.figures.panels.curves import curve_scale, curves, entries
from bench.figures.panels.heatmap import colour_bar, colour_norm, heatmap
from bench.figures.panels.sensitivity import entries as sensitivity_entries
from bench.figures.panels.sensitivity import sensitivity
from bench.figures.panels.spread import names_width, ranking, spread
from bench.figures.paths import Landscape
from bench.figures.style import Look
from bench.tables.headline import MEDIAN
from bench.tables.slices import best_by_pair
from bench.tables.words import failures

WIDTH = 10.0
BEST = "Best: lowest median final training loss over seeds, a diverged run counting as infinite."
LOWEST = "with the lowest median final training loss at their best"
MOST_CELLS = 40  # values along one axis of a heat map


def no_notes(figure: str, problem: str = "") -> list[str]:
    """Nothing else to say under any figure."""
    return []


Notes = Callable[[str, str], list[str]]


@dataclass(frozen=True)
class Material:
    """What all figures of an experiment are drawn from.

    `bands` are the curves of the best configurations, `best` their rows of `summary`, `runs` their
    trials; `targets`, `losses` and `landscapes` are by problem. `judged` says on which seeds they
    were chosen and judged, if not on the same, `swept` then on which all configurations ran;
    `notes` gives what else to say under a figure of a problem.
    """

    summary: pd.DataFrame
    runs: pd.DataFrame
    best: pd.DataFrame
    bands: pd.DataFrame
    looks: Mapping[str, Look]
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    judged: str = ""
    swept: str = ""
    notes: Notes = no_notes
    landscapes: Mapping[str, Landscape] = field(default_factory=dict)

    @property
    def chosen(self) -> str:
        """How configurations were chosen, and on which seeds they are judged."""
        return self.judged or BEST

    @property
    def problems(self) -> list[str]:
        """Names of the problems, in the order of the trials."""
        return list(self.summary["problem"].unique())


def mapped(summary: pd.DataFrame, problem: str, hyperparameter: str) -> list[str]:
    """The optimizers whose search over rate and `hyperparameter` is a map: a grid, both varying.

    Random draws, of which no two share a rate, would be a map with one cell in every row.
    """
    rows = summary[(summary["problem"] == problem) & summary[hyperparameter].notna()]
    found = []
    for name, part in rows.groupby("optimizer", sort=False):
        rates, values = part["learning_rate"].nunique(), part[hyperparameter].nunique()
        cells = len(part[["learning_rate", hyperparameter]].drop_duplicates())
        grid = min(rates, values) > 1 and 2 * cells >= rates * values
        if grid and max(rates, values) <= MOST_CELLS:
            found.append(str(name))
    return found


def curves_figure(material: Material, problem: str, best: pd.DataFrame) -> Figure:
    """Training (and validation) curves of the configurations in `best`, scores beside losses."""
    every = material.bands
    drawn = every[(every["problem"] == problem) & every["optimizer"].isin(best["optimizer"])]
    order = best.sort_values([MEDIAN, "optimizer"], kind="stable", na_position="last")
    looks = grey.split({name: material.looks[name] for name in order["optimizer"]})
    labels = {
        row["optimizer"]: f"{row['optimizer']}: {row['settings']}" + _brackets(failures(row))
        for _, row in order.iterrows()
    }
    metrics = list(drawn["metric"].unique())
    scores = [s for s in ("loss", "accuracy", "r2") if f"train_{s}" in metrics]
    parts = [p for p in ("train", "validation") if f"{p}_loss" in metrics]
    target = material.targets.get(problem, {})
    alone = (best["configurations"] == 1).all()
    caption = style.caption_lines(
        [
            _seeds(
                drawn["seeds"],
                "lines are medians over {} seeds, bands interquartile ranges (25% to 75%).",
            ),
            "" if alone else "One configuration per optimizer, the best. " + material.chosen,
            "In the legend, lowest median final training loss first.",
            grey.sentence(looks, LOWEST),
            "Crosses: runs that diverged, at their epochs." + grey.strip(looks)
            if drawn["diverged"].any()
            else "",
            *material.notes("curves", problem),
        ],
        WIDTH,
    )
    told = entries(labels, looks)
    for metric, value in target.items():
        told |= entries({}, {}, value) if metric in metrics else {}
    columns = 2 if len(told) > 4 else 1
    rows = style.legend_rows(told, columns)
    print_height = style.caption_height(caption)
    figure, axes = canvas(
        [2.9 if len(parts) > 1 else 3.4] * len(parts),
        len(scores),
        len(parts) * len(scores),
        width=WIDTH,
        margins=Margins(top=0.12, down=0.62, bottom=0.48),
        below=0.12 + 0.178 * rows + print_height,
    )
    for number, ax in enumerate(axes):
        part, score = parts[number // len(scores)], scores[number % len(scores)]
        metric = f"{part}_{score}"
        curves(
            drawn,
            metric,
            looks=looks,
            loss=material.losses.get(problem, ""),
            target=target.get(metric),
            scale=curve_scale(
                drawn[drawn["metric"] == metric], metric, target.get(metric), looks=looks
            ),
            legend=False,
            ax=ax,
        )
    style.legend_below(figure, told, columns, print_height + 0.08)
    which = "the one configuration of each optimizer" if alone else "each optimizer at its best"
    style.titles(figure, f"Training curves on {problem}: {which}", caption)
    return figure


def sensitivity_figure(material: Material, problem: str) -> Figure:
    """Final loss over the learning rate, all optimizers of a problem."""
    rows = material.summary[material.summary["problem"] == problem]
    order = material.best[material.best["problem"] == problem].sort_values(
        [MEDIAN, "optimizer"], kind="stable", na_position="last"
    )
    looks = grey.split({n: material.looks[n] for n in order["optimizer"]})
    caption = style.caption_lines(
        [
            "At each rate the other hyperparameters are the best for that rate: lowest median "
            "final training loss over seeds, a diverged run counting as infinite.",
            grey.sentence(looks, LOWEST),
            _interval(rows),
            "Optimizers at the same rate stand side by side." if len(looks) > 1 else "",
            "Crosses: rates at which runs diverged, with the share of all runs at that rate. "
            + style.DIVERGED
            + grey.strip(looks)
            if rows["diverged"].any()
            else "",
            material.swept,
            *material.notes("sensitivity", problem),
        ],
        WIDTH,
    )
    told = sensitivity_entries(list(looks), looks)
    legend = 0.18 * style.legend_rows(told, 3)
    small = style.caption_height(caption)
    diverged = rows.loc[rows["diverged"] > 0, "optimizer"].unique()
    lost = set(grey.rows(list(diverged), looks).values())
    figure, axes = canvas(
        [3.9 + 0.14 * len(lost)],
        1,
        1,
        width=WIDTH,
        margins=Margins(top=0.12),
        below=0.12 + legend + small,
    )
    loss = material.losses.get(problem, "")
    sensitivity(rows, looks=looks, loss=loss, legend=False, ax=axes[0])
    style.legend_below(figure, told, 3, small + 0.08)
    style.titles(figure, f"Sensitivity to the learning rate on {problem}", caption)
    return figure


def heatmap_figure(material: Material, problem: str, hyperparameter: str) -> Figure:
    """Maps of final loss over rate and a hyperparameter, an optimizer a panel, colours shared."""
    names = mapped(material.summary, problem, hyperparameter)
    of_problem = material.summary[material.summary["problem"] == problem]
    rows = {name: of_problem[of_problem["optimizer"] == name] for name in names}
    shown = pd.concat([best_by_pair(part, hyperparameter) for part in rows.values()])
    norm = colour_norm(shown[MEDIAN])
    coloured = bool(shown[MEDIAN].between(0, float("inf"), inclusive="neither").any())
    columns = min(2, len(names))
    caption = style.caption_lines(
        [
            _seeds(shown["seeds"], "cells are medians over {} seeds.", "Cells"),
            "Framed: the best cell of the panel."
            " All other hyperparameters are the best for that cell.",
            "Hatched: the median is infinite, half of the runs or more diverged;"
            " n/m ×: n of m runs diverged. " + style.DIVERGED
            if shown["diverged"].any()
            else "",
            material.swept,
        ],
        WIDTH,
    )
    high = [part[hyperparameter].nunique() for part in rows.values()]
    heights = [
        min(max(0.42 * max(high[i : i + columns]), 0.9), 6.0) for i in range(0, len(names), columns)
    ]
    small = style.caption_height(caption)
    figure, axes = canvas(
        heights,
        columns,
        len(names),
        width=WIDTH,
        margins=Margins(down=0.85, across=0.75, bottom=0.6),
        below=0.72 * coloured + small,
    )
    for ax, (name, part) in zip(axes, rows.items(), strict=True):
        heatmap(part, hyperparameter, norm=norm, colorbar=False, ax=ax)
        ax.set_title(style.plain(name, 52))
    if coloured:
        tall = figure.get_figheight()
        box = (0.85 / WIDTH, (small + 0.52) / tall, 4.2 / WIDTH, 0.16 / tall)
        bar = figure.add_axes(box, label="colours")
        colour_bar(figure, norm, material.losses.get(problem, ""), axes[0], bar)
    word = hyperparameter.replace("_", " ")
    style.titles(figure, f"Learning rate and {word} on {problem}", caption)
    return figure


def spread_figure(material: Material) -> Figure:
    """Final losses of every seed at each optimizer's best configuration, a panel a problem."""
    return _panels(
        material,
        material.runs,
        spread,
        0.27,
        "Spread of the final training loss over seeds, each optimizer at its best",
        [
            "A point is a seed, the upright line the median, the level one the quartiles.",
            material.chosen,
            "Crosses: diverged runs, counted on the right.",
            *material.notes("spread", ""),
        ],
    )


def ranking_figure(material: Material) -> Figure:
    """Medians with intervals at each optimizer's best configuration, a panel a problem."""
    return _panels(
        material,
        material.best,
        ranking,
        0.23,
        "Which optimizer wins on which problem",
        [
            "Median final training loss of each optimizer's best configuration, lowest on top.",
            _interval(_compared(material.best)),
            "Grey: the winner's interval. On the right: how many runs diverged. " + material.chosen,
            *material.notes("ranking", ""),
        ],
    )


def _panels(
    material: Material,
    frame: pd.DataFrame,
    paint: Callable[..., object],
    row: float,
    title: str,
    sentences: list[str],
) -> Figure:
    """A panel a problem with a row an optimizer, `row` inches high.

    Problems with a single row of `frame` have nothing to compare and are named below instead.
    """
    size = frame.groupby("problem", sort=False).size()
    problems = [p for p in material.problems if size[p] > 1] or material.problems
    alone = [style.plain(p, 40) for p in material.problems if p not in problems]
    sentences = [*sentences, f"Not shown, nothing to compare: {', '.join(alone)}." if alone else ""]
    columns = min(2, len(problems))
    caption = style.caption_lines(sentences, WIDTH)
    left = names_width(material.best["optimizer"])
    own = [row * max(material.best["problem"].eq(p).sum(), 2) + 0.15 for p in problems]
    heights = [max(own[i : i + columns]) for i in range(0, len(own), columns)]
    figure, axes = canvas(
        heights,
        columns,
        len(own),
        width=WIDTH,
        margins=Margins(left=left, right=0.6, across=left + 0.55, down=0.85),
        below=style.caption_height(caption),
        own=own,
    )
    for ax, problem in zip(axes, problems, strict=True):
        loss = material.losses.get(problem, "")
        part = frame[frame["problem"] == problem]
        paint(part, looks=material.looks, loss=loss, ax=ax)
        ax.set_title(style.plain(problem, 52), x=(0.1 - left) / (ax.get_position().width * WIDTH))
    style.titles(figure, title, caption)
    return figure


def _compared(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of problems with several rows; all where no problem has."""
    several = frame.groupby("problem", sort=False)["problem"].transform("size") > 1
    return frame[several] if several.any() else frame


def _brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _seeds(seeds: pd.Series, sentence: str, noun: str = "Lines") -> str:
    """`sentence` with the number of seeds, or that there was one run each."""
    least, most = int(seeds.min()), int(seeds.max())
    if most == 1:
        return f"{noun} are single runs."
    number = str(most) if least == most else f"{least} to {most}"
    return sentence.format(number).capitalize()


def _interval(rows: pd.DataFrame) -> str:
    """What the bars are, and over how many seeds."""
    found = set(rows["interval"]) - {""}
    if not found:
        return "Points are single runs."
    words = {
        "95%": "95% intervals of the median",
        "range": "the range over seeds, too few for a 95% interval",
    }
    told = " or ".join(words[kind] for kind in ("95%", "range") if kind in found)
    return f"Bars are {told}; " + _seeds(rows["seeds"], "medians over {} seeds.").lower()
