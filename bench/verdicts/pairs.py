"""Two optimizers on the same seeds: by how much, how often, how sure; `pairs.csv`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from bench import stats
from bench.stats.arrays import midranks
from bench.verdicts.samples import ALL, LEVEL, SAME, Array, Pacing, Sample, block, stacked, unpaced

# Optimizers of which every pair is compared: the number of pairs grows with the square.
MOST = 40
Decision = tuple[Sample, int, int, stats.Comparison | None]
COLUMNS = [
    "problem",
    "metric",
    "a",
    "b",
    "seeds",
    "crashed",
    "estimate",
    "low",
    "high",
    "scale",
    "margin",
]
COLUMNS += ["answer", "better", "least", "a_better", "ties", "b_better"]
COLUMNS += ["share", "share_low", "share_high", "correlation", "wilcoxon_p"]
ADVICE = ["fewest_seeds", "advised_low", "advised_high"]
COLUMNS += ADVICE
WORDS = ["metric", "scale", "answer", "better"]
COUNTS = ["seeds", "crashed", "a_better", "ties", "b_better", *ADVICE]


def pairs(
    found: Sequence[Sample],
    level: float = LEVEL,
    *,
    watched: bool = False,
    pace: Pacing = unpaced,
) -> pd.DataFrame:
    """A row per problem and pair of optimizers; rows of `ALL` put all problems together.

    `estimate` is the median over seeds of log(a / b) of the headline's values, or of the difference
    a - b of scores and where a loss is negative (`scale`). All intervals of the experiment hold
    together with a chance of 1 - `level`: each is at 1 - `level` / m with m pairs over all problems
    with randomness. `answer` reads the interval with the problem's `margin`; `better` names who is
    better for sure, `least` by how much at least: by what share the lower loss is below the other,
    or the difference. `a_better` and `b_better` count seeds, of the `seeds` on which both came to
    an end; on `crashed` others one did not, and the interval encloses whatever these runs might
    have been: nobody wins by survivors, or by what a machine did. Shares of seeds and Wilcoxon's p
    describe single pairs and decide nothing; rows of `ALL` have no answer and stand outside the
    family. `watched` says that seeds were added until there was an answer: intervals then hold at
    all numbers of seeds together. Of more than `MOST` optimizers all pairs of the `leading` ones
    are there, and each other one with the best of these; the level is that of all pairs, for who
    leads is seen in the data.

    Fewer than `fewest_seeds` decide no pair, whatever its difference. Where the answer is unknown,
    `advised_low` to `advised_high` seeds would decide, if the data can say; none are advised where
    seeds are added anyway.
    """
    random = [sample.distinct() for sample in found if sample.random]
    asked = family(random, watched=watched)
    fewest = stats.fewest_watched(asked, level) if watched else stats.fewest_seeds(asked, level)
    rows = []
    for sample, i, j, told in decisions(random, level, watched=watched, pace=pace):
        row = _row(sample, i, j, told) | {"fewest_seeds": fewest}
        if told is not None and not (told.decided or watched or row["crashed"]):
            advised = stats.seeds_advised(sample.gaps(i, j), told.margin, level=level / asked)
            row |= dict(zip(ADVICE[1:], advised or (), strict=False))
        rows.append(row)
    rows += _across(block(found), leading(found))
    blank = dict.fromkeys(WORDS, "")
    frame = pd.DataFrame([{**blank, **row} for row in rows], columns=COLUMNS)
    return frame.astype({**dict.fromkeys(COUNTS, "Int64"), **dict.fromkeys(WORDS, str)})


def decisions(
    found: Sequence[Sample],
    level: float = LEVEL,
    *,
    watched: bool = False,
    pace: Pacing = unpaced,
) -> Iterator[Decision]:
    """The pairs of optimizers on every problem with randomness, and what they say.

    A sample, the places of two of its optimizers, and their comparison (None where no seed has
    both). All hold together with a chance of 1 - `level`.
    """
    random = [sample.distinct() for sample in found if sample.random]
    confidence = 1 - level / family(random, watched=watched)
    ahead = leading(found)
    both = [(sample, i, j) for sample in random for i, j in _places(sample, ahead)]
    for sample, i, j in pace("pairs", both):
        gaps = sample.gaps(i, j)
        margin = sample.margin.size(sample.scale)
        told = stats.compare(gaps, margin, confidence, watched=watched) if len(gaps) else None
        least, most = sample.extremes(i, j)
        if told is not None and len(least) > len(gaps):
            _, low, _ = stats.held(least, confidence, watched=watched)
            _, _, high = stats.held(most, confidence, watched=watched)
            told = stats.Comparison(told.median, low, high, margin)
        yield sample, i, j, told


def leading(found: Sequence[Sample]) -> frozenset[str]:
    """The `MOST` optimizers with the lowest mean ranks of their medians over all random problems.

    With those that a row calls by one name with them; none where there are no more than that.
    """
    ranks: dict[str, list[float]] = {}
    random = [sample.distinct() for sample in found if sample.random]
    for sample in random:
        medians = [_median(sample, i) for i in range(len(sample.optimizers))]
        for i, rank in enumerate(midranks(np.array(medians))):
            for name in sample.label(i).split(SAME):
                ranks.setdefault(name, []).append(float(rank))
    if len(ranks) <= MOST:
        return frozenset()
    mean = {name: sum(mine) / len(mine) for name, mine in ranks.items()}
    ahead = set(sorted(mean, key=lambda name: mean[name])[:MOST])
    labels = {label for sample in random for label in sample.labels}
    joint = [set(label.split(SAME)) & ranks.keys() for label in labels if SAME in label]
    while more := set().union(*(names for names in joint if names & ahead)) - ahead:
        ahead |= more
    return frozenset(ahead)


def is_leading(label: str, ahead: Collection[str]) -> bool:
    """Whether an optimizer, or one of those that a row is called by, is among those `ahead`."""
    return label in ahead or any(name in ahead for name in label.split(SAME))


def _places(sample: Sample, ahead: Collection[str]) -> Iterable[tuple[int, int]]:
    """The pairs to compare, as places in the sample."""
    everyone = range(len(sample.optimizers))
    first = [i for i in everyone if not ahead or is_leading(sample.label(i), ahead)]
    among = combinations(first, 2)
    if not first or len(first) == len(everyone):
        return among
    best = min(first, key=lambda i: _median(sample, i))
    others = set(everyone) - set(first)
    return [*among, *((min(best, i), max(best, i)) for i in sorted(others))]


def _median(sample: Sample, i: int) -> float:
    known = sample.known(i)
    return float(stats.median(known)) if len(known) else math.inf


def family(found: Sequence[Sample], *, watched: bool = False) -> int:
    """How many pairs are asked about over all random problems, at least 1: those with seeds.

    While seeds are added, a pair may still get its first: then all count. `found` has optimizers
    of the same trials as one.
    """
    asked = 0
    for sample in found:
        n = len(sample.optimizers)
        if sample.random and (watched or n > MOST):
            asked += math.comb(n, 2)
        elif sample.random:
            asked += sum(len(sample.pair(i, j)[0]) > 0 for i, j in combinations(range(n), 2))
    return max(asked, 1)


def asked(rows: pd.DataFrame) -> int:
    """How many of the `rows` of a table of pairs belong to the family."""
    return int(((rows["problem"] != ALL) & (rows["seeds"] > 0)).sum())


def _row(sample: Sample, i: int, j: int, told: stats.Comparison | None) -> dict[str, Any]:
    a, b = sample.pair(i, j)
    row = {
        "problem": sample.problem,
        "metric": sample.headline.name,
        "a": sample.label(i),
        "b": sample.label(j),
        "seeds": len(a),
        "crashed": int(sample.gone[[i, j]].any(axis=0).sum()),
    }
    if told is None:
        return row
    scale = sample.scale
    won, ranks = stats.superiority(a, b), stats.wilcoxon(sample.gaps(i, j))
    return row | {
        **dict(zip(("estimate", "low", "high"), sample.turned(*told.interval), strict=True)),
        "scale": scale.value,
        "margin": told.margin,
        "answer": told.answer.value,
        "better": {-1: row["a"], 0: "", 1: row["b"]}[told.lead],
        "least": -math.expm1(-told.least) if scale is stats.Scale.RATIO else told.least,
        "a_better": won.wins,
        "ties": won.ties,
        "b_better": won.losses,
        "share": won.share,
        "share_low": won.low,
        "share_high": won.high,
        "correlation": ranks.correlation,
        "wilcoxon_p": ranks.p,
    }


def _across(side_by_side: Sequence[Sample], ahead: Collection[str]) -> list[dict[str, Any]]:
    """Rows of `ALL`: shares of problems and seeds, problems with equal weight; no answer."""
    costs: Array = stacked(side_by_side)
    if costs.shape[2] < 1:
        return []
    first = side_by_side[0]
    rows = []
    for i, j in _places(first, ahead):
        won = costs[i] < costs[j]
        low, high = stats.share_interval(won.sum(), won.size)
        rows.append(
            {
                "problem": ALL,
                "a": first.label(i),
                "b": first.label(j),
                "seeds": won.size,
                "a_better": int(won.sum()),
                "ties": int((costs[i] == costs[j]).sum()),
                "b_better": int((costs[i] > costs[j]).sum()),
                "share": float(won.mean()),
                "share_low": float(low),
                "share_high": float(high),
            }
        )
    return rows
