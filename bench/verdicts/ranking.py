"""Who is how good on which problem, and across problems; `ranking.csv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench import stats
from bench.spec.judging import FINAL_LOSS
from bench.verdicts.samples import (
    ALL,
    LEVEL,
    RESAMPLES,
    Array,
    Pacing,
    Sample,
    block,
    stacked,
    stream,
    unpaced,
)

COLUMNS = [
    "problem",
    "metric",
    "optimizer",
    "configuration",
    "settings",
    "seeds",
    "diverged",
    "crashed",
    "rank",
]
COLUMNS += [f"{name}{end}" for name in ("median", "iqm") for end in ("", "_low", "_high")]
COLUMNS += [f"{name}{end}" for name in ("mean_rank", "score") for end in ("", "_low", "_high")]
COLUMNS += ["first_share", "beaten_by"]
Starts = Mapping[str, Mapping[int, float]]


def ranking(
    found: Sequence[Sample],
    pairs: pd.DataFrame,
    starts: Starts,
    targets: Mapping[str, float],
    chosen: Mapping[tuple[str, str], tuple[int, str]],
    *,
    watched: bool = False,
    pace: Pacing = unpaced,
) -> pd.DataFrame:
    """A row per problem and optimizer; rows of `ALL` put the problems side by side.

    `rank` is that of the `median` of the headline `metric` (at the floor all are equal), the
    intervals of which hold for all optimizers of the problem together at 95%, the winner's included
    (each at 1 - 0.05 / k), and at all numbers of seeds together where seeds are added while they
    are `watched`. Optimizers that have chosen the same trials are one, called by all their names. A
    crashed run counts as the worst; `seeds` are none where all crashed. `iqm` is the interquartile
    mean with a 95% interval of its own. `mean_rank` is the mean over seeds of the rank among the
    optimizers on the same seed (over problems, its interval is hierarchical: of problems like
    these), `first_share` the share of seeds on which none is better. `score`, where the final
    training loss is the headline, is the interquartile mean of log(initial / loss) / log(initial /
    target), clipped to [0, 1]: 0 is the untrained network, 1 the target. `beaten_by` counts the
    optimizers that `pairs` finds better.

    `starts` gives initial training losses by problem and seed, `targets` the training loss to reach
    by problem, `chosen` the configuration of each (problem, optimizer): its number and its text;
    `pace` goes through the problems.
    """
    beaten = _beaten(pairs)
    rows: list[dict[str, Any]] = []
    for sample in pace("problems ranked", [sample.distinct() for sample in found]):
        start, target = starts.get(sample.problem, {}), targets.get(sample.problem)
        own = _of_problem(sample, start, target, watched)
        for row, name in zip(own, sample.optimizers, strict=True):
            configuration = chosen.get((sample.problem, name), (None, ""))
            rows.append(row | dict(zip(("configuration", "settings"), configuration, strict=True)))
    rows += _across(block(found), starts, targets)
    for row in rows:
        row["beaten_by"] = beaten.get((row["problem"], row["optimizer"]), 0)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    fixed = [s.problem for s in found if not s.random]
    frame.loc[frame["problem"].isin([*fixed, ALL]), "beaten_by"] = np.nan
    whole = ("configuration", "seeds", "diverged", "crashed", "beaten_by")
    return frame.astype(dict.fromkeys(whole, "Int64"))


def together(k: int) -> float:
    """The confidence of each of `k` intervals that hold together at 1 - `LEVEL`.

    Whoever wins is picked after looking, so that its interval alone is not enough.
    """
    return 1 - LEVEL / k


def _beaten(pairs: pd.DataFrame) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    some = pairs[pairs["better"] != ""]
    for problem, a, b, better in some[["problem", "a", "b", "better"]].itertuples(index=False):
        worse = problem, b if better == a else a
        counts[worse] = counts.get(worse, 0) + 1
    return counts


def _of_problem(
    sample: Sample, start: Mapping[int, float], target: float | None, watched: bool
) -> list[dict[str, Any]]:
    medians = np.full(len(sample.optimizers), np.inf)
    confidence = together(len(sample.optimizers))
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(sample.optimizers):
        costs = sample.known(i)
        row: dict[str, Any] = {
            "problem": sample.problem,
            "metric": sample.headline.name,
            "optimizer": sample.label(i),
            "seeds": len(costs),
            "diverged": int(sample.diverged[i].sum()),
            "crashed": int(sample.gone[i].sum()),
        }
        if len(costs):
            median = [float(x) for x in stats.held(costs, confidence, watched=watched)]
            row |= _three("median", sample.turned(*median), sample.random)
            medians[i] = sample.level(median[0])
            iqm = stats.interquartile_mean_interval(
                costs, stream("iqm", sample.problem, name), resamples=RESAMPLES
            )
            row |= _three("iqm", sample.turned(*(float(x) for x in iqm)), sample.random)
        rows.append(row)
    whole = sample.complete()
    ranks = stats.ranks(medians[:, None])[:, 0]
    for row, rank in zip(rows, ranks, strict=True):
        row["rank"] = float(rank)
    if not whole.costs.size or not sample.random:
        return rows
    by_seed = stats.ranks(whole.told)
    mean = _mean_ranks(by_seed, sample.problem)
    first = (whole.told == whole.told.min(axis=0)).mean(axis=1)
    for i, row in enumerate(rows):
        row |= _three("mean_rank", [x[i] for x in mean])
        row["first_share"] = float(first[i])
    scores = _scores(whole, start, target)
    if scores is not None:
        spread = stats.interquartile_mean_interval(
            scores, stream("score", sample.problem), resamples=RESAMPLES
        )
        for i, row in enumerate(rows):
            row |= _three("score", [x[i] for x in spread])
    return rows


def _across(
    side_by_side: Sequence[Sample], starts: Starts, targets: Mapping[str, float]
) -> list[dict[str, Any]]:
    costs = stacked(side_by_side)
    if costs.shape[2] < 1:
        return []
    k = len(costs)
    by_seed = stats.ranks(costs)
    mean = stats.hierarchical_interval(
        by_seed, (1.0, float(k)), stream("ranks", ALL), resamples=RESAMPLES
    )
    first = (costs == costs.min(axis=0)).mean(axis=(1, 2))
    n = costs.shape[2]
    scored = [
        _scores(sample.complete(), starts.get(sample.problem, {}), targets.get(sample.problem))
        for sample in side_by_side
    ]
    kept = [scores[:, :n] for scores in scored if scores is not None]
    score = None
    if len(kept) > 1:
        score = stats.stratified_interval(
            np.stack(kept, axis=1), stream("score", ALL), resamples=RESAMPLES
        )
    rows = []
    order = stats.ranks(np.asarray(mean[0])[:, None])[:, 0]
    for i in range(k):
        row: dict[str, Any] = {
            "problem": ALL,
            "optimizer": side_by_side[0].label(i),
            "seeds": int(costs[i].size),
            "diverged": int(sum(s.complete().diverged[i, :n].sum() for s in side_by_side)),
            "crashed": int(sum(s.complete().gone[i, :n].sum() for s in side_by_side)),
            "rank": float(order[i]),
            "first_share": float(first[i]),
        }
        row |= _three("mean_rank", [x[i] for x in mean])
        if score is not None:
            row |= _three("score", [x[i] for x in score])
        rows.append(row)
    return rows


def _mean_ranks(by_seed: Array, problem: str) -> tuple[Array, Array, Array]:
    """Mean ranks of k optimizers with interval ends, each `(k,)`, from ranks `(k, runs)`."""
    limits = 1.0, float(len(by_seed))
    return stats.bounded_mean_interval(
        by_seed, limits, stream("ranks", problem), resamples=RESAMPLES
    )


def _scores(sample: Sample, start: Mapping[int, float], target: float | None) -> Array | None:
    """Normalised scores `(k, n)`; None where the problem has no target to normalise by."""
    initial = np.array([start.get(seed, np.nan) for seed in sample.seeds])
    if sample.headline.name != FINAL_LOSS:
        return None
    if target is None or not len(initial) or not (initial > target).all() or target <= 0:
        return None
    if not np.isfinite(initial).all() or (sample.costs < 0).any():
        return None
    return stats.normalised_scores(sample.costs, initial, np.array([target]))


def _three(name: str, values: Sequence[Any], interval: bool = True) -> dict[str, float]:
    estimate, low, high = (float(x) for x in values)
    found = {name: estimate}
    return found | {f"{name}_low": low, f"{name}_high": high} if interval else found
