"""Rows of seeds and of medians as drawn, against plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from bench.figures import panels, style
from bench.figures.scale import TINY
from bench.tables.best import best_rows, best_trials
from bench.tables.columns import hyperparameters
from bench.tables.ranges import intervals_or_ranges
from tests.figures.artists import CASES, LOSS, charged, crosses, final, is_cross, one, texts


@pytest.mark.parametrize("name", CASES)
def test_every_seed_is_a_point_or_a_cross(name):
    trials = one(best_trials(CASES[name].trials))
    ax = panels.spread(trials)
    losses = final(trials)
    points = [c for c in ax.collections if isinstance(c, PathCollection) and not is_cross(c)]
    assert sum(len(c.get_offsets()) for c in points) == np.isfinite(losses).sum()
    assert len(crosses(ax)) == np.isinf(losses).sum()
    by = losses.groupby(trials["optimizer"])
    order = (
        by.median().reindex(trials["optimizer"].unique()).sort_index().sort_values(kind="stable")
    )
    assert row_names(ax) == [style.wrapped(n, 26) for n in order.index]
    counted = [f"{np.isinf(v).sum()}/{len(v)} ×" for _, v in by if np.isinf(v).any()]
    assert sorted(t.split("\n")[0] for t in texts(ax) if "×" in t) == sorted(counted)
    gone = trials[LOSS].isna() & (trials["status"] != "diverged")
    missing = [f"{n} missing" for n in gone.groupby(trials["optimizer"]).sum() if n]
    told = [t.split("\n")[-1] for t in texts(ax) if "missing" in t or t == "no result"]
    assert len(told) == len(missing)
    assert set(told) <= {*missing, "no result"}
    drawn = np.sort(np.concatenate([np.asarray(c.get_offsets())[:, 0] for c in points]))
    usual = np.sort(losses[np.isfinite(losses) & (losses > TINY)])
    if len(usual):
        assert drawn[-len(usual) :] == pytest.approx(usual)


def row_names(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.get_yticklabels()]


@pytest.mark.parametrize("name", CASES)
def test_ranking_is_by_median_with_intervals(name):
    frames = CASES[name]
    best = one(best_rows(intervals_or_ranges(frames.summary, frames.trials)))
    ax = panels.ranking(best)
    mine = one(frames.trials)
    values = mine.assign(value=charged(mine)).groupby("configuration")["value"]
    best = best.drop(columns=f"{LOSS}_median").join(
        values.median().rename(f"{LOSS}_median"), on="configuration"
    )
    rows = best.sort_values([f"{LOSS}_median", "optimizer"], kind="stable")
    assert row_names(ax) == [style.wrapped(n, 26) for n in rows["optimizer"]]
    places = {
        float(d.get_ydata()[0]): float(d.get_xdata()[0])
        for d in ax.lines
        if d.get_marker() != "None"
    }
    for y, median in enumerate(rows[f"{LOSS}_median"]):
        assert (y in places) == (not np.isnan(median))
        if TINY < median < np.inf:
            assert places[y] == pytest.approx(median)
        elif np.isinf(median):
            assert places[y] > ax.get_xlim()[0] ** 0.5 * ax.get_xlim()[1] ** 0.5
    bold = [t.get_fontweight() == "bold" for t in ax.get_yticklabels()]
    medians = rows[f"{LOSS}_median"]
    wins = np.isfinite(medians.iloc[0]) and (medians == medians.iloc[0]).sum() == 1
    assert bold == [bool(wins), *[False] * (len(rows) - 1)]


def test_nobody_wins_where_ranks_are_shared():
    frames = CASES["normal"]
    best = one(best_rows(intervals_or_ranges(frames.summary, frames.trials)))
    for ranks, winners in ((range(1, len(best) + 1), 1), ([1.5] * len(best), 0)):
        ax = panels.ranking(best.assign(rank=list(ranks)))
        bold = [t.get_fontweight() == "bold" for t in ax.get_yticklabels()]
        assert sum(bold) == winners


def test_best_is_chosen_alike_from_trials_and_from_the_summary():
    for name, frames in CASES.items():
        columns = ["problem", "optimizer", *hyperparameters(frames.trials)]
        runs = best_trials(frames.trials)[columns].drop_duplicates().reset_index(drop=True)
        rows = best_rows(frames.summary)[columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(runs, rows, obj=name)
