"""Two optimizers on the same seeds: by how much, how often, how sure; `pairs.csv`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import combinations
from typing import Any

import pandas as pd
from scipy.stats import rankdata

from bench import stats
from bench.verdicts.samples import ALL, LEVEL, SAME, Array, Pacing, Sample, block, stacked, unpaced

# Optimizers of which every pair is compared: the number of pairs grows with the square.
MOST = 40
COLUMNS = ["problem", "a", "b", "seeds", "estimate", "low", "high", "scale", "margin"]
COLUMNS += ["answer", "better", "least", "a_lower", "ties", "b_lower"]
COLUMNS += ["share", "share_low", "share_high", "correlation", "wilcoxon_p"]
ADVICE = ["fewest_seeds", "advised_low", "advised_high"]
COLUMNS += ADVICE
WORDS = ["scale", "answer", "better"]


def pairs(
    found: Sequence[Sample],
    margin: stats.Margin | None = None,
    level: float = LEVEL,
    *,
    watched: bool = False,
    pace: Pacing = unpaced,
) -> pd.DataFrame:
    """A row per problem and pair of optimizers; rows of `ALL` put all problems together.

    `estimate` is the median over seeds of log(loss of a / loss of b), negative where `a` is better,
    or of the difference where losses may be negative (`scale`). All intervals of the experiment
    hold together with a chance of 1 - `level`: each is at 1 - `level` / m with m pairs over all
    problems with randomness. `answer` reads the interval with the `margin`; `better` names who
    is better for sure, `least` by how much at least: by what share the lower loss is below the
    other, or the difference. Shares of seeds and Wilcoxon's p describe single pairs and decide
    nothing; rows of `ALL` have no answer and stand outside the family. `watched` says that seeds
    were added until there was an answer: intervals then hold at all numbers of seeds together.
    Of more than `MOST` optimizers all pairs of the `leading` ones are there, and each other one
    with the best of these; the level is that of all pairs, for who leads is seen in the data.

    Fewer than `fewest_seeds` decide no pair, whatever its difference. Where the answer is unknown,
    `advised_low` to `advised_high` seeds would decide, if the data can say; none are advised where
    seeds are added anyway.
    """
    random, ahead = [sample.distinct() for sample in found if sample.random], leading(found)
    both = [(sample, i, j) for sample in random for i, j in _places(sample, ahead)]
    # While seeds are added, a pair may still get its first: the family is what it may become.
    asked = max(_all(random) if watched else family(random), 1)
    confidence = 1 - level / asked
    margin = margin or stats.Margin()
    rows = [
        _pair(sample, i, j, margin, confidence, watched) for sample, i, j in pace("pairs", both)
    ]
    fewest = stats.fewest_watched(asked, level) if watched else stats.fewest_seeds(asked, level)
    for row in rows:
        row["fewest_seeds"] = fewest
    rows += _across(block(found), ahead)
    blank = dict.fromkeys(WORDS, "")
    frame = pd.DataFrame([{**blank, **row} for row in rows], columns=COLUMNS)
    whole = ["seeds", "a_lower", "ties", "b_lower", *ADVICE]
    return frame.astype({**dict.fromkeys(whole, "Int64"), **dict.fromkeys(WORDS, str)})


def leading(found: Sequence[Sample]) -> frozenset[str]:
    """The `MOST` optimizers with the lowest mean ranks of their medians over all problems.

    With those that a row calls by one name with them; none where there are no more than that.
    """
    ranks: dict[str, list[float]] = {}
    for sample in found:
        medians = [_median(sample, i) for i in range(len(sample.optimizers))]
        for name, rank in zip(sample.optimizers, rankdata(medians), strict=True):
            ranks.setdefault(name, []).append(float(rank))
    if len(ranks) <= MOST:
        return frozenset()
    mean = {name: sum(mine) / len(mine) for name, mine in ranks.items()}
    ahead = set(sorted(mean, key=lambda name: mean[name])[:MOST])
    labels = {label for sample in found for label in sample.distinct().labels}
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


def _all(found: Sequence[Sample]) -> int:
    """How many pairs there are."""
    return sum(math.comb(len(sample.optimizers), 2) for sample in found)


def family(found: Sequence[Sample]) -> int:
    """How many pairs are asked about: those with seeds in common, over all random problems.

    `found` has optimizers of the same trials as one.
    """
    count = 0
    for sample in found:
        n = len(sample.optimizers)
        if not sample.random:
            continue
        if n > MOST:
            count += math.comb(n, 2)
        else:
            count += sum(len(sample.pair(i, j)[0]) > 0 for i, j in combinations(range(n), 2))
    return count


def asked(rows: pd.DataFrame) -> int:
    """How many of the `rows` of a table of pairs belong to the family."""
    return int(((rows["problem"] != ALL) & (rows["seeds"] > 0)).sum())


def _pair(
    sample: Sample, i: int, j: int, margin: stats.Margin, confidence: float, watched: bool
) -> dict[str, Any]:
    a, b = sample.pair(i, j)
    row = {
        "problem": sample.problem,
        "a": sample.label(i),
        "b": sample.label(j),
        "seeds": len(a),
    }
    if not len(a):
        return row
    scale = sample.scale
    gaps = stats.log_ratios(a, b) if scale is stats.Scale.RATIO else stats.differences(a, b)
    told = stats.compare(gaps, margin.size(scale), confidence, watched=watched)
    won, ranks = stats.superiority(a, b), stats.wilcoxon(gaps)
    if not (told.decided or watched):
        advised = stats.seeds_advised(gaps, told.margin, level=1 - confidence)
        row |= dict(zip(ADVICE[1:], advised or (), strict=False))
    return row | {
        "estimate": told.median,
        "low": told.low,
        "high": told.high,
        "scale": scale.value,
        "margin": told.margin,
        "answer": told.answer.value,
        "better": {-1: row["a"], 0: "", 1: row["b"]}[told.lead],
        "least": -math.expm1(-told.least) if scale is stats.Scale.RATIO else told.least,
        "a_lower": won.wins,
        "ties": won.ties,
        "b_lower": won.losses,
        "share": won.share,
        "share_low": won.low,
        "share_high": won.high,
        "correlation": ranks.correlation,
        "wilcoxon_p": ranks.p,
    }


def _across(side_by_side: Sequence[Sample], ahead: Collection[str]) -> list[dict[str, Any]]:
    """Rows of `ALL`: shares of problems and seeds, problems with equal weight; no answer."""
    losses: Array = stacked(side_by_side)
    if losses.shape[2] < 1:
        return []
    first = side_by_side[0]
    rows = []
    for i, j in _places(first, ahead):
        won = losses[i] < losses[j]
        low, high = stats.share_interval(won.sum(), won.size)
        rows.append(
            {
                "problem": ALL,
                "a": first.label(i),
                "b": first.label(j),
                "seeds": won.size,
                "a_lower": int(won.sum()),
                "ties": int((losses[i] == losses[j]).sum()),
                "b_lower": int((losses[i] > losses[j]).sum()),
                "share": float(won.mean()),
                "share_low": float(low),
                "share_high": float(high),
            }
        )
    return rows
