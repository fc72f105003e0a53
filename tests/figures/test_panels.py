"""What is drawn is what the frames say, read back from the artists."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from bench.figures import panels, style
from bench.figures.panels.heatmap import colour_norm
from bench.figures.scale import HUGE, TINY, linear_scale, log_scale, log_ticks
from bench.tables.bands import curve_bands
from bench.tables.best import best_rows, best_trials
from bench.tables.columns import hyperparameters
from bench.tables.ranges import intervals_or_ranges
from bench.tables.words import value_text
from tests.frames import cases

CASES = cases()
LOSS = "final_train_loss"


def one(frame: pd.DataFrame, problem: str | None = None) -> pd.DataFrame:
    return frame[frame["problem"] == (problem or frame["problem"].iloc[0])]


def line(ax: Axes, name: str):
    found = [line for line in ax.lines if line.get_label() == style.plain(name)]
    assert len(found) == 1, name
    return found[0]


def crosses(ax: Axes) -> np.ndarray:
    """Positions of all marks that are crosses."""
    found = [np.asarray(c.get_offsets()) for c in ax.collections if is_cross(c)]
    return np.concatenate([*found, np.empty((0, 2))])


def is_cross(collection) -> bool:
    return collection.get_gid() == "diverged"


def texts(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.texts]


def final(trials: pd.DataFrame) -> pd.Series:
    """Final losses as plain pandas would have them, crashed ones left out."""
    return trials[LOSS].where(trials["status"] != "diverged", np.inf).dropna()


# Looks -------------------------------------------------------------------------------------------


def meeting(number: int) -> pd.DataFrame:
    names = [f"optimizer {i}" for i in range(number)]
    return pd.DataFrame({"problem": "p", "optimizer": names, "rule": "sgd"})


@pytest.mark.parametrize("number", [1, 8, 32, 60])
def test_optimizers_that_meet_look_different(number):
    found = style.looks(meeting(number)).values()
    assert len({(x.color, str(x.linestyle), x.marker) for x in found}) == number
    assert len({x.color for x in found}) == min(number, 8)
    assert len({(x.color, str(x.linestyle)) for x in found}) == min(number, 32)


def test_looks_depend_on_names_not_on_rows():
    trials = CASES["normal"].trials
    shuffled = trials.sample(frac=1, random_state=1)
    assert style.looks(trials) == style.looks(shuffled) == style.looks(CASES["normal"].summary)


def test_optimizers_of_one_rule_that_never_meet_share_a_look():
    rows = [
        ("p", "sgd", "sgd"),
        ("p", "adam", "adam"),
        ("q", "the document's adam", "adam"),
        ("q", "a first sgd", "sgd"),
        ("q", "b second sgd", "sgd"),
    ]
    found = style.looks(pd.DataFrame(rows, columns=["problem", "optimizer", "rule"]))
    assert found["the document's adam"] == found["adam"]
    assert found["a first sgd"] == found["sgd"] != found["b second sgd"]


# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(linear: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(xyz @ np.clip(linear, 0, 1) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_can_be_told_apart(kind):
    srgb = np.array([to_rgb(c) for c in style.COLOURS])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = [lab(np.array(BLINDNESS[kind]) @ colour) for colour in linear]
    nearest = min(math.dist(a, b) for a, b in itertools.combinations(seen, 2))
    assert nearest > 10  # a just noticeable difference is about 2.3
    assert min(math.dist(a, lab(np.ones(3))) for a in seen) > 25  # from the white ground


# Texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["$x$", "$", "a_b^c", r"\$x\$", r"\frac{1}{2}", "$$", "a\n$b$"])
@pytest.mark.parametrize("shown", [style.plain, lambda n: style.wrapped(n, 20)])
def test_names_are_never_mathematics(name, shown):
    text = Text(text=shown(name))
    cleaned, math_text = text._preprocess_math(text.get_text())
    assert not math_text
    assert not is_math_text(shown(name))
    if "\\" not in name:
        assert cleaned.replace(" ", "") == name.replace("\n", "").replace(" ", "")


def test_wrapped_text_keeps_both_ends_within_its_room():
    text = style.wrapped("begin " + "very " * 40 + "end", 20, 3)
    lines = text.split("\n")
    assert len(lines) <= 3
    assert all(len(line) <= 20 for line in lines)
    assert text.startswith("begin")
    assert text.endswith("end")


# Scales ------------------------------------------------------------------------------------------

SAMPLES = {
    "usual": [0.01, 0.5, 3.0],
    "narrow": [1.0980, 1.0986],
    "one value": [0.7],
    "wide": [1e-30, 1e20],
    "widest": [TINY, HUGE],
    "with zero": [0.0, 1e-8, 1.0],
    "with infinity": [0.1, math.inf],
    "with NaN": [0.1, math.nan],
    "all": [0.0, 0.1, 2.0, math.inf],
    "only zero": [0.0],
    "only infinity": [math.inf],
    "none": [],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_log_scale_has_a_place_for_everything(name):
    values = np.array(SAMPLES[name])
    scale = log_scale(values)
    low, high = scale.limits
    places = scale.place(values)
    assert 0 < low < high < math.inf
    assert ((low <= places) & (places <= high)).all()
    inside = values[np.isfinite(values) & (values > 0)]
    assert scale.place(inside) == pytest.approx(inside)
    if (values == 0).any():
        assert scale.place(0.0) < min(inside, default=scale.low) * (1 - 1e-9)
    if not np.isfinite(values).all():
        assert scale.place(np.inf) == scale.place(np.nan) > max(inside, default=scale.high)
    ax = style.axes(None)
    scale.apply(ax)
    ticks = ax.yaxis.get_majorticklocs()
    assert len(ticks) >= (2 if inside.size else 0)
    assert ((low <= ticks) & (ticks <= high)).all()
    assert ("exactly 0" in texts(ax)) == bool((values == 0).any())
    assert ("diverged" in texts(ax)) == (not np.isfinite(values).all())


def test_values_above_the_highest_share_the_upper_edge_which_says_so():
    scale = log_scale([0.1, 1.0, 1e30], highest=100.0)
    assert list(scale.place([0.1, 1e2, 1e3, 1e30])) == [0.1, 100.0, 100.0, 100.0]
    ax = style.axes(None)
    scale.apply(ax)
    assert "≥ 100" in [t.get_text() for t in ax.get_yticklabels()]


def test_scores_below_the_lowest_share_the_lower_edge_which_says_so():
    scale = linear_scale([-np.inf, -50.0, 0.2, 0.9], lowest=-1.0, highest=1.0)
    assert list(scale.place([-np.inf, np.nan, -50.0, 0.2, 0.9])) == [-1, -1, -1, 0.2, 0.9]
    ax = style.axes(None)
    scale.apply(ax)
    assert "≤ −1" in [t.get_text() for t in ax.get_yticklabels()]


@pytest.mark.parametrize("low", [1e-9, 3e-4, 0.02, 0.97, 7.0])
@pytest.mark.parametrize("factor", [1.001, 1.3, 4.0, 30.0, 1e3, 1e12])
def test_log_ticks_lie_in_the_range_and_are_few(low, factor):
    major, minor = log_ticks(low, low * factor)
    assert 2 <= len(major) <= 10
    assert len(set(major)) == len(major)
    for tick in [*major, *minor]:
        assert low * (1 - 1e-6) <= tick <= low * factor * (1 + 1e-6)


# Curves ------------------------------------------------------------------------------------------


def curve_case(name: str, problem: str | None = None):
    frames = CASES[name]
    trials = one(best_trials(frames.trials), problem)
    return trials, frames.curves, curve_bands(trials, frames.curves)


@pytest.mark.parametrize("name", CASES)
def test_curves_are_medians_with_quartiles(name):
    trials, curves, frame = curve_case(name)
    looks = style.looks(trials)
    ax = panels.curves(frame, "train_loss", looks=looks)
    ran = trials[trials["status"] != "crashed"]
    for optimizer, part in ran.groupby("optimizer"):
        values = curves[curves["trial"].isin(part["trial"])]
        wide = values.pivot(index="epoch", columns="trial", values="train_loss").fillna(np.inf)
        low, median, high = (ordered(wide, q) for q in (0.25, 0.5, 0.75))
        drawn = line(ax, str(optimizer))
        x, y = (np.asarray(a, dtype=float) for a in drawn.get_data())
        usual = (median > 0) & (median <= ax.get_ylim()[1]) & (median >= TINY)
        kept = np.isfinite(y) & np.isin(x, median.index[usual])
        assert y[kept] == pytest.approx(median[usual].to_numpy().clip(max=y[kept].max(initial=0)))
        # Every record is drawn, infinite and zero ones in their strips.
        assert sorted(x[np.isfinite(y)]) == sorted(median.index)
        strip = y[np.isfinite(y)][~np.isfinite(median.to_numpy())]
        assert (strip > median[usual].max() if usual.any() else strip > 0).all()
        # A line is broken where it enters or leaves a strip, and nowhere else.
        zone = np.where(median <= 0, -1, np.where(np.isfinite(median), 0, 1))
        whole = np.insert(zone.astype(float), np.flatnonzero(np.diff(zone)) + 1, np.nan)
        assert np.array_equal(np.isnan(whole), np.isnan(y))
        assert drawn.get_color() == looks[str(optimizer)].color
        rows = frame[(frame["optimizer"] == optimizer) & (frame["metric"] == "train_loss")]
        assert rows["low"].to_numpy() == pytest.approx(low.to_numpy())
        assert rows["high"].to_numpy() == pytest.approx(high.to_numpy())
    filled = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    several = ran.groupby("optimizer").size() > 1
    assert len(filled) == several.sum()
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def ordered(wide: pd.DataFrame, q: float) -> pd.Series:
    """Linear quantiles in which an infinite neighbour wins, by sorting."""
    values = np.sort(wide.to_numpy(), axis=1)
    place = q * (values.shape[1] - 1)
    below, above = values[:, math.floor(place)], values[:, math.ceil(place)]
    share = place - math.floor(place)
    with np.errstate(invalid="ignore"):
        mixed = np.where(share == 0, below, (1 - share) * below + share * above)
    return pd.Series(np.where(np.isinf(above) & (share > 0), np.inf, mixed), wide.index)


@pytest.mark.parametrize("name", CASES)
def test_a_cross_per_diverged_run(name):
    trials, _, frame = curve_case(name)
    ax = panels.curves(frame, looks=style.looks(trials))
    lost = trials[trials["status"] == "diverged"]
    assert len(crosses(ax)) == len(lost)
    epochs = np.sort(frame["epoch"].unique())
    at = epochs[np.searchsorted(epochs, lost["diverged_epoch"].to_numpy(dtype=float))]
    assert sorted(crosses(ax)[:, 0]) == sorted(at)


def test_bands_do_not_slope_towards_zero():
    trials, _, frame = curve_case("zeros")
    ax = panels.curves(frame, looks=style.looks(trials))
    edge = ax.get_ylim()[0]
    zero = ax.lines[0].get_ydata()[-1]
    assert edge < zero
    for filled in ax.collections:
        for path in filled.get_paths():
            heights = set(np.round(path.vertices[:, 1] / zero, 6))
            assert heights == {1.0} or 1.0 not in heights


@pytest.mark.parametrize(
    ("metric", "problem", "top"),
    [
        ("train_accuracy", "spiral", 1),
        ("validation_loss", "spiral", None),
        ("train_r2", "log_linear", 1),
    ],
)
def test_every_metric_has_its_axis(metric, problem, top):
    trials, curves, frame = curve_case("normal", problem)
    ax = panels.curves(frame, metric, looks=style.looks(trials), loss="mean_squared_error")
    assert ax.get_yscale() == ("log" if metric.endswith("loss") else "linear")
    words = metric.split("_")[0].replace("train", "training")
    assert ax.get_ylabel().startswith(words)
    assert ("mean squared error" in ax.get_ylabel()) == metric.endswith("loss")
    if top:
        assert ax.get_ylim()[1] < 1.1 * top
    for optimizer, part in trials.groupby("optimizer"):
        values = curves[curves["trial"].isin(part["trial"])].groupby("epoch")[metric]
        y = line(ax, str(optimizer)).get_ydata()
        assert y[np.isfinite(y)] == pytest.approx(values.median().to_numpy().clip(min=-1))


def test_the_target_is_in_sight_and_in_the_legend():
    trials, _, frame = curve_case("normal")
    ax = panels.curves(frame, looks=style.looks(trials), target=1e-6)
    low, high = ax.get_ylim()
    assert low < 1e-6 < high
    assert list(line(ax, "target").get_ydata()) == [1e-6, 1e-6]
    assert "target: 1e-06" in [t.get_text() for t in ax.get_legend().get_texts()]


# Sensitivity -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_sensitivity_is_the_best_median_at_every_rate(name):
    frames = CASES[name]
    summary = one(intervals_or_ranges(frames.summary, frames.trials))
    ax = panels.sensitivity(summary)
    trials = one(frames.trials)
    own = [c for c in hyperparameters(trials) if c != "learning_rate"]
    marks = [d.get_xydata()[0] for d in ax.lines if d.get_marker() == "*" and len(d.get_xdata())]
    stars = []
    for optimizer, part in trials.groupby("optimizer"):
        losses = part.assign(value=final(part)).dropna(subset="value")
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
        lost = part[part["status"] == "diverged"].groupby("learning_rate").size()
        ran = part[part["status"] != "crashed"].groupby("learning_rate").size()
        shares = [f"{share:.0%}" for share in (lost / ran).dropna()]
        assert all(shares.count(s) <= texts(ax).count(s) for s in shares)
    # Optimizers stand side by side, so a mark may be a little off its rate.
    for place, meant in zip(
        *(sorted(s, key=lambda at: at[1]) for s in (marks, stars)), strict=True
    ):
        assert place[1] == pytest.approx(meant[1])
    rates = [sorted(at[0] for at in s) for s in (marks, stars)]
    assert rates[0] == pytest.approx(rates[1], rel=0.2)
    lost = trials[trials["status"] == "diverged"].groupby(["optimizer", "learning_rate"])
    assert len(crosses(ax)) == lost.ngroups
    assert {ax.get_xscale(), ax.get_yscale()} == {"log"}
    assert ax.get_xlabel() == "learning rate"
    assert "final training loss" in ax.get_ylabel()


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
    ends = frames.trials.assign(value=final(frames.trials)).groupby(keys, dropna=False)["value"]
    both = summary.merge(ends.agg(["min", "max"]).reset_index(), on=keys)
    assert len(both) == len(summary)
    assert (both[f"{LOSS}_low"] == both["min"]).all()
    assert (both[f"{LOSS}_high"] == both["max"]).all()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_share_is_never_rounded_to_none_or_all(lost):
    from bench.figures.panels.sensitivity import share

    assert share(lost, 1000) == ("<1%" if lost else "0%")
    assert share(1000 - lost, 1000) == (">99%" if lost else "100%")


# Heat maps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hyperparameter", ["decay", "momentum"])
@pytest.mark.parametrize("name", ["normal", "all diverged", "zeros", "crashed", "tiny", "NaN"])
def test_a_cell_per_pair(name, hyperparameter):
    frames = CASES[name]
    summary = one(frames.summary)
    summary = summary[summary["optimizer"] == "sgd + momentum"]
    ax = panels.heatmap(summary, hyperparameter)
    medians = summary.groupby(["learning_rate", hyperparameter])[f"{LOSS}_median"].min()
    cells = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill()]
    assert len(cells) == len(medians) == len(ax.texts)
    assert sum(bool(p.get_hatch()) for p in cells) == (~np.isfinite(medians)).sum()
    frames_drawn = [p for p in ax.patches if not p.get_fill()]
    assert len(frames_drawn) == bool(np.isfinite(medians).any())
    rates, values = (sorted(medians.index.get_level_values(i).unique()) for i in (0, 1))
    for (rate, value), median in medians.items():
        at = (rates.index(rate), values.index(value))
        told = [t.get_text() for t in ax.texts if t.get_position() == at]
        assert len(told) == 1
        if 1e-3 <= median < 1e3:
            assert float(told[0].split("\n")[0]) == pytest.approx(median, rel=6e-3)
        assert ("×" in told[0]) >= np.isinf(median)
        assert ("no result" in told[0]) == np.isnan(median)
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == [value_text(v) for v in values]


def test_a_shared_norm_gives_equal_losses_equal_colours():
    summary = one(CASES["normal"].summary)
    norm = colour_norm(summary[f"{LOSS}_median"])
    for optimizer in ("sgd", "adam"):
        rows = summary[summary["optimizer"] == optimizer]
        ax = panels.heatmap(rows, norm=norm)
        finite = rows.loc[np.isfinite(rows[f"{LOSS}_median"]), f"{LOSS}_median"]
        share = np.log(finite / norm.vmin) / np.log(norm.vmax / norm.vmin)
        expected = {tuple(np.round(c, 3)) for c in colormaps["viridis_r"](share)}
        cells = [p for p in ax.patches if p.get_fill() and not p.get_hatch()]
        assert {tuple(np.round(p.get_facecolor(), 3)) for p in cells} == expected


# Rows --------------------------------------------------------------------------------------------


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
    assert bold == [bool(np.isfinite(rows[f"{LOSS}_median"].iloc[0])), *[False] * (len(rows) - 1)]


def test_best_is_chosen_alike_from_trials_and_from_the_summary():
    for name, frames in CASES.items():
        columns = ["problem", "optimizer", *hyperparameters(frames.trials)]
        runs = best_trials(frames.trials)[columns].drop_duplicates().reset_index(drop=True)
        rows = best_rows(frames.summary)[columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(runs, rows, obj=name)
