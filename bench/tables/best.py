"""The best configuration of each optimizer: the lowest median cost over seeds.

The cost of a diverged or crashed trial is the worst; of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.tables.headline import COST, MEDIAN
from bench.tables.words import NONE, Defaults, configuration_texts

Array = NDArray[np.float64]
Numbers = NDArray[np.integer[Any]]


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
    number = trials.groupby(["problem", "configuration"], sort=False).ngroup().to_numpy()
    medians = np.full(number.max() + 1, np.nan)
    for group, values in _groups(number, trials[COST].to_numpy(dtype=float)):
        values = values[~np.isnan(values)]
        if values.size:
            medians[group] = stats.median(values)
    first = trials.loc[~pd.Series(number).duplicated().to_numpy(), ["problem", "optimizer"]]
    chosen = lowest(first, medians)
    return trials[np.isin(number, chosen)]


def best_rows(summary: pd.DataFrame, defaults: Defaults = NONE) -> pd.DataFrame:
    """The rows of the best configurations in a summary, in its order.

    `configurations` says among how many each was chosen; `settings` is its text. After a tuning
    phase the rows are those of the evaluation, where there are any. `defaults` has those of rules
    that are not built in.
    """
    if "phase" in summary:
        return _judged_rows(summary, defaults)
    return _told(summary, defaults).iloc[lowest(summary, summary[MEDIAN].to_numpy(dtype=float))]


def _judged_rows(summary: pd.DataFrame, defaults: Defaults) -> pd.DataFrame:
    """`best_rows` of a summary with phases."""
    new = summary[summary["phase"] == "evaluation"].drop(columns="phase")
    tuned = summary[summary["phase"] == "tuning"].drop(columns="phase")
    # The winners' texts tell them apart from the others of their search.
    keys, own = ["problem", "configuration"], ["configurations", "settings"]
    found = new.join(_told(tuned, defaults).set_index(keys)[own], on=keys, validate="many_to_one")
    told = best_rows(tuned, defaults)
    where = ["problem", "optimizer"]
    there = pd.MultiIndex.from_frame(new[where])
    rest = told[~pd.MultiIndex.from_frame(told[where]).isin(there)]
    return pd.concat([found, rest]).sort_index()


def _told(summary: pd.DataFrame, defaults: Defaults) -> pd.DataFrame:
    """The summary of one phase with `configurations` and `settings` as `best_rows` has them."""
    groups = summary.groupby(["problem", "optimizer"], sort=False)
    texts = [configuration_texts(rows, defaults) for _, rows in groups]
    settings = pd.Series({i: text for each in texts for i, text in each.items()}, dtype=str)
    counts = groups["rule"].transform("size")
    return summary.assign(configurations=counts, settings=settings)


def lowest(frame: pd.DataFrame, medians: Array, where: list[str] | None = None) -> Numbers:
    """Positions of the row with the lowest median in every group, ascending; NaN comes last."""
    groups = frame.groupby(where or ["problem", "optimizer"], sort=False)
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
