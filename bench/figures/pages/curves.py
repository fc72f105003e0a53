"""The page of training curves, every optimizer at its best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import grey
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.charts import recorded as _recorded
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.curves import EPOCHS, curve_scale, curves, entries
from bench.figures.words import at_their_best, seeds_told
from bench.plan.spans import Plan
from bench.store.records import EVALUATIONS
from bench.tables.costs import with_prices
from bench.tables.headline import best_median
from bench.tables.words import failures
from nncore.metrics import LOSS, PARTS, TRAIN_LOSS
from nncore.stack.costs import updates_per_epoch


def recorded(material: Material) -> Iterator[tuple[str]]:
    """Problems of which there are curves."""
    for problem in material.problems:
        if len(bands_of(material, problem, material.best_on(problem))):
            yield (problem,)


@page("curves", order=30, when=recorded)
def curves_figure(material: Material, problem: str) -> Figure:
    """Curves of all parts at the best configurations, scores beside losses."""
    return training_curves(material, problem, material.best_on(problem))


def bands_of(material: Material, problem: str, best: pd.DataFrame) -> pd.DataFrame:
    """Quartiles of the curves of the configurations in `best`."""
    rows = material.tables.bands[material.tables.bands["problem"] == problem]
    return rows[rows["optimizer"].isin(best["optimizer"])]


@dataclass(frozen=True)
class Coin:
    """What an epoch is worth, by optimizer, in units of `name`; and what is to be said of it."""

    name: str
    worth: Mapping[str, float]
    sentences: Sequence[str] = ()


def training_curves(
    material: Material, problem: str, best: pd.DataFrame, coin: Coin | None = None
) -> Figure:
    """Curves of the configurations in `best`, the best median first, over epochs or a `coin`."""
    drawn = bands_of(material, problem, best)
    over, instead = EPOCHS, ""
    if coin is not None:
        drawn = drawn.assign(coins=drawn["epoch"] * drawn["optimizer"].map(coin.worth))
        over, instead = ("coins", coin.name), f" over {coin.name}"
    looks = grey.split({name: material.looks[name] for name in best["optimizer"]})
    # Instruments, of one part only, have a page of their own.
    known = {name: q for name, q in material.tables.metrics.items() if not q.only}
    metrics = [name for name in drawn["metric"].unique() if name in known]
    scores = list(dict.fromkeys(q.name for name, q in known.items() if name in metrics))
    parts = [p for p in PARTS if f"{p}_{LOSS}" in metrics]
    # Two beside each other; of more, one below the other, with the parts beside each other.
    shown = [f"{part}_{score}" for part in parts for score in scores]
    rows, across = len(parts), len(scores)
    if across > 2:
        shown = [f"{part}_{score}" for score in scores for part in parts]
        rows, across = across, rows
    target = material.targets.get(problem, {})
    alone = bool((best["configurations"] == 1).all())
    told = entries({row["optimizer"]: _label(row) for _, row in best.iterrows()}, looks)
    for metric, value in target.items():
        told |= entries({}, {}, value) if metric in metrics else {}
    which = "the one configuration of each optimizer" if alone else "each optimizer at its best"
    figure, axes = Layout(
        f"Training curves on {problem}{instead}: {which}",
        [
            *(coin.sentences if coin else []),
            seeds_told(
                drawn["seeds"],
                "lines are medians over {} seeds, bands interquartile ranges (25% to 75%).",
            ),
            "" if alone else "One configuration per optimizer, the best. " + material.chosen,
            f"In the legend, {best_median(material.headlines([problem]))} first.",
            grey.sentence(looks, at_their_best(material.headlines([problem]))),
            "Crosses: runs that diverged, at their epochs." + grey.strip(looks)
            if drawn["diverged"].any()
            else "",
            *material.audited("curves", problem),
        ],
        heights=[2.9 if rows > 1 else 3.4] * rows,
        widths=[None] * across,
        margins=Margins(top=0.12, down=0.62, bottom=0.48),
        legend=Legend(told, 2 if len(told) > 4 else 1),
    ).figure()
    for ax, metric in zip(axes, shown, strict=True):
        its, goal = drawn[drawn["metric"] == metric], target.get(metric)
        curves(
            drawn,
            metric,
            metrics=material.tables.metrics,
            looks=looks,
            loss=material.losses.get(problem, ""),
            over=over,
            target=goal,
            scale=curve_scale(
                its,
                metric,
                goal,
                looks=looks,
                metrics=material.tables.metrics,
                floor=material.floor(problem),
            ),
            legend=False,
            ax=ax,
        )
    return figure


def _label(row: pd.Series) -> str:
    """ "sgd: rate 0.1 (1 of 20 diverged)"."""
    lost = failures(row)
    return f"{row['optimizer']}: {row['settings']}" + (f" ({lost})" if lost else "")


@chart("curves", "problem", "metric", "x")
def curves_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """One metric of the best configurations, median and quartiles over seeds."""
    best = material.best_on(choice.problem)
    drawn = bands_of(material, choice.problem, best)
    metric = _recorded("curves", choice.metric or TRAIN_LOSS, list(drawn["metric"].unique()))
    drawn = drawn[drawn["optimizer"].isin(choice.looks)]
    drawn, over = _over(material, choice, best, drawn[drawn["metric"] == metric])
    there = set(drawn["optimizer"])
    looks = grey.split({n: look for n, look in choice.looks.items() if n in there})
    if drawn.empty:
        raise nothing("curves", "no run of these optimizers left a curve")
    target = material.targets.get(choice.problem, {}).get(metric)
    known = material.tables.metrics
    curves(
        drawn,
        metric,
        metrics=known,
        looks=looks,
        loss=material.losses.get(choice.problem, ""),
        over=over,
        target=target,
        scale=curve_scale(
            drawn,
            metric,
            target,
            looks=looks,
            metrics=known,
            floor=material.floor(choice.problem),
        ),
        legend=False,
        ax=ax,
    )
    lines = "lines are medians over {} seeds, bands interquartile ranges."
    lost = "Crosses: runs that diverged." if drawn["diverged"].any() else ""
    caption = [seeds_told(drawn["seeds"], lines), lost, material.chosen]
    return Told(entries({n: n for n in looks}, looks, target), caption)


def _over(
    material: Material, choice: Choice, best: pd.DataFrame, drawn: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, str]]:
    """`drawn` with what an epoch is worth on the axis asked for, and the axis."""
    if choice.x in ("", "epochs"):
        return drawn, EPOCHS
    epochs = drawn["epoch"].to_numpy(dtype=float)
    if choice.x == "updates":
        problem = Plan.of(material.planned).problems[choice.problem]
        return drawn.assign(at=epochs * updates_per_epoch(problem)), ("at", "updates")
    if choice.x == "seconds":
        prices = with_prices(best, material.tables.costs).set_index("optimizer")["epoch_seconds"]
        at = epochs * drawn["optimizer"].map(prices).to_numpy(dtype=float)
        if np.isnan(at).any():
            raise nothing("curves", "it was not measured what an epoch takes")
        return drawn.assign(at=at), ("at", "seconds")
    counted = material.tables.course.counted
    mine = counted[counted["problem"] == choice.problem].set_index(["optimizer", "epoch"])
    where = pd.MultiIndex.from_frame(drawn[["optimizer", "epoch"]])
    evaluated = mine[EVALUATIONS].reindex(where).to_numpy(dtype=float)
    if np.isnan(evaluated).any():
        raise nothing("curves", "evaluations of the gradient were not counted")
    return drawn.assign(at=evaluated), ("at", "gradient evaluations")
