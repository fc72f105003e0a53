"""Frames -> frames: the statistics that figures draw, apart from the drawing.

Losses of diverged trials count as infinite, crashed trials have none. The best configuration of an
optimizer has the lowest median final training loss over seeds (of equal ones the first).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.tables.frames import hyperparameters
from nncore.rules import rules

Array = NDArray[np.float64]
Numbers = NDArray[np.integer[Any]]
FINAL = "final_train_loss"
MEDIAN, LOW, HIGH = f"{FINAL}_median", f"{FINAL}_low", f"{FINAL}_high"
METRICS = [f"{p}_{s}" for s in ("loss", "accuracy", "r2") for p in ("train", "validation", "test")]
CURVE_BANDS = ["problem", "optimizer", "metric", "epoch", "seeds", "diverged"]
CURVE_BANDS += ["low", "median", "high"]
WORST = {"loss": np.inf, "accuracy": 0.0, "r2": -np.inf}


def final_losses(trials: pd.DataFrame) -> Array:
    """The final training loss of every trial `(N,)`: infinite if it diverged, NaN if none."""
    values = trials[FINAL].to_numpy(dtype=float, copy=True)
    values[trials["status"].to_numpy() == "diverged"] = np.inf
    return values


def sweep(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that configurations were chosen from: all, or those of the tuning phase."""
    return frame[frame["phase"] == "tuning"] if "phase" in frame else frame


def judged_apart(trials: pd.DataFrame, fixed: Collection[str] = ()) -> bool:
    """Whether every problem with randomness has been judged on seeds of its own."""
    if "phase" not in trials:
        return False
    random = set(trials["problem"]) - set(fixed)
    return random <= set(trials.loc[trials["phase"] == "evaluation", "problem"])


def best_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials of every optimizer's best configuration on every problem, in their order.

    After a tuning phase those of the evaluation, whose configurations it has chosen; problems that
    have none yet, or no randomness, are judged by what they were tuned with.
    """
    if trials.empty:
        return trials
    if "phase" in trials:
        new = trials[trials["phase"] == "evaluation"]
        where = ["problem", "optimizer"]
        there = pd.MultiIndex.from_frame(new[where])
        rest = trials[~pd.MultiIndex.from_frame(trials[where]).isin(there)]
        kept = {*new["trial"], *best_trials(rest.drop(columns="phase"))["trial"]}
        return trials[trials["trial"].isin(kept)]
    keys = ["problem", "optimizer", "rule", *hyperparameters(trials)]
    number = trials.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    medians = np.full(number.max() + 1, np.nan)
    for group, values in _groups(number, final_losses(trials)):
        values = values[~np.isnan(values)]
        if values.size:
            medians[group] = stats.median(values)
    first = trials.loc[~pd.Series(number).duplicated().to_numpy(), ["problem", "optimizer"]]
    chosen = _lowest(first, medians)
    return trials[np.isin(number, chosen)]


def best_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the best configurations in a summary, in its order.

    `configurations` says among how many each was chosen; `settings` is its text. After a tuning
    phase the rows are those of the evaluation, where there are any.
    """
    if "phase" in summary:
        return _judged_rows(summary)
    chosen = _lowest(summary, summary[MEDIAN].to_numpy(dtype=float))
    groups = summary.groupby(["problem", "optimizer"], sort=False)
    texts = pd.Series({i: text for _, g in groups for i, text in settings(g).items()}, dtype=str)
    counts = groups["rule"].transform("size")
    return summary.assign(configurations=counts, settings=texts).iloc[chosen]


def _judged_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """`best_rows` of a summary with phases."""
    new = summary[summary["phase"] == "evaluation"]
    tuned = summary[summary["phase"] == "tuning"].drop(columns="phase")
    told = best_rows(tuned)
    keys = ["problem", "optimizer"]
    groups = tuned.groupby(keys, sort=False)
    texts = {i: text for _, g in groups for i, text in settings(g).items()}
    names = hyperparameters(summary)
    # The winners' texts, told apart from the others of their search.
    place = tuned[[*keys, *names]].assign(text=pd.Series(texts))
    place = place.assign(configurations=groups["rule"].transform("size"))
    found = new.merge(place, on=[*keys, *names], how="left", validate="many_to_one")
    found.index = new.index
    found = found.rename(columns={"text": "settings"})
    there = pd.MultiIndex.from_frame(new[keys])
    rest = told[~pd.MultiIndex.from_frame(told[keys]).isin(there)]
    return pd.concat([found.drop(columns="phase"), rest]).sort_index()


def settings(rows: pd.DataFrame) -> dict[Any, str]:
    """A text for every configuration (row) of one optimizer, by index: "rate 0.05, decay 1e-3".

    It names the learning rate, and whatever varies among `rows` or is not the rule's default.
    """
    names = [n for n in hyperparameters(rows) if rows[n].notna().any()]
    rule = str(rows["rule"].iloc[0])
    defaults: dict[str, Any] = {"decay": 0.0}
    if rule in rules:
        defaults |= rules[rule].parameters
    told = [
        n
        for n in names
        if n == "learning_rate"
        or rows[n].nunique(dropna=False) > 1
        or (n not in defaults or rows[n].iloc[0] != defaults[n])
    ]
    return {
        index: ", ".join(
            f"{'rate' if name == 'learning_rate' else name} {show(value)}"
            for name, value in zip(told, values, strict=True)
            if not _missing(value)
        )
        for index, *values in rows[told].itertuples(name=None)
    }


def show(value: Any) -> str:
    """A hyperparameter as one would write it.

    >>> show(0.001), show(5e-7), show(0.9), show(10 ** -3.5), show("cosine")
    ('0.001', '5e-7', '0.9', '3.16e-4', 'cosine')
    """
    if isinstance(value, int | float | np.number):
        text = f"{value:.3g}"
        if 0 < abs(float(value)) < 1e-3:
            mantissa, exponent = f"{value:.2e}".split("e")
            text = f"{float(mantissa):g}e{exponent}"
        mantissa, e, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent)}" if e else text
    return str(value)


def with_ranges(summary: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The summary, the interval of the final training loss replaced where there cannot be one.

    Few seeds give no 95% interval (its ends are infinite): then the ends are the smallest and the
    largest loss. `interval` says which it is: "95%", "range", or "" for a single run.
    """
    names = hyperparameters(summary)
    keys = ["problem", "optimizer", "rule", *names]
    keys += ["phase"] if "phase" in summary else []
    losses = trials[keys].assign(value=final_losses(trials)).dropna(subset="value")
    ranges = losses.groupby(keys, sort=False, dropna=False)["value"].agg(["min", "max", "size"])
    out = summary.merge(ranges.reset_index(), on=keys, how="left", validate="one_to_one")
    out.index = summary.index
    too_few = np.isneginf(out[LOW]) | out[LOW].isna()
    out["interval"] = np.where(out["size"] > 1, np.where(too_few, "range", "95%"), "")
    out[LOW] = out[LOW].where(~too_few, out["min"])
    out[HIGH] = out[HIGH].where(~too_few, out["max"])
    return out.drop(columns=["min", "max", "size"])


def by_rate(summary: pd.DataFrame) -> pd.DataFrame:
    """The best configuration of every optimizer at every learning rate, by rate.

    `summary` is that of one problem. `runs` and `lost` count all runs of the optimizer at that rate
    and those of them that diverged, whatever the other hyperparameters. `best` marks one rate of
    each optimizer.
    """
    where = ["optimizer", "learning_rate"]
    chosen = _lowest(summary, summary[MEDIAN].to_numpy(dtype=float), where)
    groups = summary.groupby(where, sort=False)
    out = summary.assign(
        runs=groups["seeds"].transform("sum") - groups["crashed"].transform("sum"),
        lost=groups["diverged"].transform("sum"),
    ).iloc[chosen]
    best = _lowest(out, out[MEDIAN].to_numpy(dtype=float), ["optimizer"])
    out = out.assign(best=np.isin(np.arange(len(out)), best))
    return out.sort_values(where, kind="stable")


def grid(summary: pd.DataFrame, hyperparameter: str) -> pd.DataFrame:
    """The best configuration at every pair of learning rate and `hyperparameter`.

    `summary` is that of one problem and optimizer.
    """
    rows = summary[summary[hyperparameter].notna()]
    where = ["learning_rate", hyperparameter]
    return rows.iloc[_lowest(rows, rows[MEDIAN].to_numpy(dtype=float), where)]


def curve_bands(trials: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Quartiles over seeds of every metric, by problem, optimizer and epoch.

    `trials` has one configuration per problem and optimizer; `curves` may hold more trials. Columns
    `problem, optimizer, metric, epoch, seeds, diverged, low, median, high`; `diverged` counts the
    runs that had diverged by that epoch, and a loss that is not finite counts as infinite.
    """
    wanted = trials[trials["status"] != "crashed"]
    rows = curves[np.isin(curves["trial"].to_numpy(), wanted["trial"].to_numpy())]
    order = np.argsort(rows["trial"].to_numpy(), kind="stable")
    ids = rows["trial"].to_numpy()[order]
    names = [name for name in METRICS if name in rows]
    values = rows[names].to_numpy(dtype=float)[order]
    epochs = rows["epoch"].to_numpy()[order]
    parts = []
    for (problem, optimizer), group in wanted.groupby(["problem", "optimizer"], sort=False):
        starts = np.searchsorted(ids, group["trial"].to_numpy(), side="left")
        stops = np.searchsorted(ids, group["trial"].to_numpy(), side="right")
        kept = stops > starts
        if not kept.any():
            continue
        # All trials of a problem have the same records.
        block = np.stack([values[a:b] for a, b in zip(starts[kept], stops[kept], strict=True)])
        epoch = epochs[starts[kept][0] : stops[kept][0]]
        ended = group["diverged_epoch"][group["status"] == "diverged"].to_numpy(dtype=float)
        lost = (ended[:, None] <= epoch).sum(axis=0)
        lost[-1:] = len(ended)
        for name, samples in _applicable(names, block):
            low, median, high = (stats.quantile(samples, q) for q in (0.25, 0.5, 0.75))
            parts.append(
                pd.DataFrame(
                    {
                        "problem": problem,
                        "optimizer": optimizer,
                        "metric": name,
                        "epoch": epoch,
                        "seeds": len(samples.T),
                        "diverged": lost,
                        "low": low,
                        "median": median,
                        "high": high,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CURVE_BANDS)


def _applicable(names: list[str], block: Array) -> Iterator[tuple[str, Array]]:
    """Metrics that the problem has: name and values `(records, seeds)` without NaN.

    `block` is `(seeds, records, metrics)`.
    """
    for m, name in enumerate(names):
        samples = block[:, :, m].T
        if name == "train_loss" or not np.isnan(samples).all():
            yield name, np.where(np.isnan(samples), WORST[name.partition("_")[2]], samples)


def _lowest(frame: pd.DataFrame, medians: Array, where: list[str] | None = None) -> Numbers:
    """Positions of the row with the lowest median in every group, ascending; NaN comes last."""
    groups = frame.groupby(where or ["problem", "optimizer"], sort=False, dropna=False)
    number = groups.ngroup().to_numpy()
    order = np.lexsort((np.arange(len(frame)), np.isnan(medians), medians, number))
    first = np.diff(number[order], prepend=-1) > 0
    return np.sort(order[first])


def _groups(number: Numbers, values: Array) -> Iterator[tuple[int, Array]]:
    """Every group's number with its values."""
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    for part in np.split(order, starts[1:]):
        yield int(number[part[0]]), values[part]


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def counts(row: Mapping[str, Any] | pd.Series) -> str:
    """What went wrong in a configuration's runs: "3 of 10 diverged", or nothing.

    >>> counts({"seeds": 10, "diverged": 3, "crashed": 1})
    '3 of 10 diverged, 1 crashed'
    """
    words = []
    if row["diverged"]:
        words.append(f"{row['diverged']} of {row['seeds']} diverged")
    if row["crashed"]:
        words.append(f"{row['crashed']} crashed")
    return ", ".join(words)
