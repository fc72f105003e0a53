"""Sensitivity as drawn: the best median at every rate, against plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from bench.figures import panels
from bench.figures.scale import TINY
from bench.tables.columns import hyperparameters
from bench.tables.headline import HIGH, LOW
from bench.tables.ranges import intervals_or_ranges
from tests.figures.artists import CASES, charged, crosses, line, one, texts


@pytest.mark.parametrize("name", CASES)
def test_sensitivity_is_the_best_median_at_every_rate(name):
    frames = CASES[name]
    summary = one(intervals_or_ranges(frames.summary, frames.trials))
    ax = panels.sensitivity(summary)
    trials = one(frames.trials)
    own = [c for c in hyperparameters(trials) if c != "learning_rate"]
    told, few, many = texts(ax), 0, 0
    marks = [d.get_xydata()[0] for d in ax.lines if d.get_marker() == "*" and len(d.get_xdata())]
    stars = []
    for optimizer, part in trials.groupby("optimizer"):
        losses = part.assign(value=charged(part)).dropna(subset="value")
        medians = losses.groupby(["learning_rate", *own], dropna=False)["value"].median()
        best = medians.groupby("learning_rate").min()
        if best.empty:
            assert all(drawn.get_label() != optimizer for drawn in ax.lines)
            continue
        y = np.asarray(line(ax, str(optimizer)).get_ydata(), dtype=float)
        inside = best[np.isfinite(best)]
        assert len(y) == len(best)
        usual = inside.clip(TINY).where(inside > 0, y[np.isfinite(y)])
        assert y[np.isfinite(best.to_numpy())] == pytest.approx(usual.to_numpy())
        assert np.isnan(y[np.isinf(best.to_numpy())]).all()
        if len(inside):
            stars.append((inside.idxmin(), usual[inside.idxmin()]))
        # What is drawn at a rate is one of those with the best median there.
        for rate, median in best.items():
            drawn = [c for c, m in medians.loc[[rate]].items() if m == median]
            ended = [statuses(part, ["learning_rate", *own], c) for c in drawn]
            lost = [(s == "diverged").sum() / max((s != "crashed").sum(), 1) for s in ended]
            few, many = few + all(lost), many + any(lost)
            assert not all(lost) or any(f"{share:.0%}" in told for share in lost)
    # Optimizers stand side by side, so a mark may be a little off its rate.
    for place, meant in zip(
        *(sorted(s, key=lambda at: at[1]) for s in (marks, stars)), strict=True
    ):
        assert place[1] == pytest.approx(meant[1])
    rates = [sorted(at[0] for at in s) for s in (marks, stars)]
    assert rates[0] == pytest.approx(rates[1], rel=0.2)
    assert few <= len(crosses(ax)) <= many
    assert {ax.get_xscale(), ax.get_yscale()} == {"log"}
    assert ax.get_xlabel() == "learning rate"
    assert "final training loss" in ax.get_ylabel()


def statuses(trials, columns, values):
    """How the runs of one configuration ended; NaN is a value like any other."""
    mine = trials
    for column, value in zip(
        columns, values if isinstance(values, tuple) else [values], strict=True
    ):
        mine = mine[mine[column].isna() if pd.isna(value) else mine[column] == value]
    return mine["status"]


def test_bars_are_intervals_or_ranges_and_none_for_single_runs():
    for name, kind in (("normal", "95%"), ("three seeds", "range"), ("one seed", "")):
        frames = CASES[name]
        summary = one(intervals_or_ranges(frames.summary, frames.trials))
        assert set(summary["interval"]) == {kind}
        ax = panels.sensitivity(summary)
        bars = [c for c in ax.collections if isinstance(c, LineCollection)]
        assert bool(bars) == bool(kind)
    frames = CASES["three seeds"]
    summary = intervals_or_ranges(frames.summary, frames.trials)
    keys = ["optimizer", *hyperparameters(summary)]
    ends = frames.trials.assign(value=charged(frames.trials)).groupby(keys, dropna=False)["value"]
    both = summary.merge(ends.agg(["min", "max"]).reset_index(), on=keys)
    assert len(both) == len(summary)
    assert (both[LOW] == both["min"]).all()
    assert (both[HIGH] == both["max"]).all()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_share_is_never_rounded_to_none_or_all(lost):
    from bench.figures.panels.sensitivity import share

    assert share(lost, 1000) == ("<1%" if lost else "0%")
    assert share(1000 - lost, 1000) == (">99%" if lost else "100%")
