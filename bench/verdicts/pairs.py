"""Two optimizers on the same seeds: how much, how often, how sure; `pairs.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from bench import stats
from bench.verdicts.samples import ALL, LEVEL, Array, Sample, block, stacked

COLUMNS = ["problem", "a", "b", "seeds", "a_lower", "ties", "b_lower"]
COLUMNS += ["share", "share_low", "share_high", "log_ratio", "log_ratio_low", "log_ratio_high"]
COLUMNS += ["correlation", "sign_p", "sign_p_holm", "wilcoxon_p", "wilcoxon_p_holm"]
COLUMNS += ["better", "seeds_needed"]


def pairs(found: Sequence[Sample], level: float = LEVEL) -> pd.DataFrame:
    """A row per problem and pair of optimizers; rows of `ALL` put all problems together.

    `share` of the seeds have a lower loss with `a`; `log_ratio` is the median of log(loss of a /
    loss of b), so negative where `a` is better, with its 95% interval. Both tests are two-sided,
    Holm's correction is over the pairs of the problem. `better` names the optimizer that Wilcoxon's
    test finds better at `level` after correction, if it is also lower on more seeds; else it is
    empty, and `seeds_needed` estimates how many seeds would show a difference like this one.
    """
    rows: list[dict[str, Any]] = []
    for sample in found:
        if sample.random:
            rows += _of_problem(sample, level)
    rows += _across(block(found))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    whole = ["seeds", "a_lower", "ties", "b_lower", "seeds_needed"]
    return frame.astype({**dict.fromkeys(whole, "Int64"), "better": str})


def ratios(a: Array, b: Array) -> Array:
    """log(a / b) seed by seed; plain differences where a loss is negative and has no ratio."""
    if (a < 0).any() or (b < 0).any():
        return stats.differences(a, b)
    return stats.log_ratios(a, b)


def _of_problem(sample: Sample, level: float) -> list[dict[str, Any]]:
    both = list(combinations(range(len(sample.optimizers)), 2))
    rows, gaps = [], []
    for i, j in both:
        a, b = sample.pair(i, j)
        row: dict[str, Any] = {
            "problem": sample.problem,
            "a": sample.optimizers[i],
            "b": sample.optimizers[j],
            "seeds": len(a),
            "better": "",
            "sign_p": 1.0,
            "wilcoxon_p": 1.0,
        }
        gap = ratios(a, b) if len(a) else np.zeros(0)
        if len(a):
            won = stats.superiority(a, b)
            ranks = stats.wilcoxon(gap)
            middle, low, high = (float(x) for x in stats.median_interval(gap))
            row |= {
                "a_lower": won.wins,
                "ties": won.ties,
                "b_lower": won.losses,
                "share": won.share,
                "share_low": won.low,
                "share_high": won.high,
                "log_ratio": middle,
                "log_ratio_low": low,
                "log_ratio_high": high,
                "correlation": ranks.correlation,
                "sign_p": stats.sign_test(gap).p,
                "wilcoxon_p": ranks.p,
            }
        rows.append(row)
        gaps.append(gap)
    # Nothing is asked about an optimizer without a result, so nothing needs correction for it.
    asked = [row for row in rows if row["seeds"]]
    for test in ("sign_p", "wilcoxon_p"):
        for row in rows:
            row[f"{test}_holm"] = 1.0
        corrected: Any = stats.holm([row[test] for row in asked]) if asked else []
        for row, p in zip(asked, corrected, strict=True):
            row[f"{test}_holm"] = float(p)
    for row, gap in zip(rows, gaps, strict=True):
        ahead = (row.get("a_lower", 0) > row.get("b_lower", 0)) - (
            row.get("a_lower", 0) < row.get("b_lower", 0)
        )
        if row["wilcoxon_p_holm"] <= level and ahead * row["correlation"] < 0:
            row["better"] = row["a"] if ahead > 0 else row["b"]
        elif len(gap):
            row["seeds_needed"] = _more(gap, len(asked), level)
    return rows


def _more(gap: Array, comparisons: int, level: float) -> int | None:
    """Seeds that would show the difference; None where none is seen or the guess is wild."""
    needed = stats.seeds_needed(gap, comparisons, level)
    return needed if needed is not None and needed <= 10_000 else None


def _across(side_by_side: Sequence[Sample]) -> list[dict[str, Any]]:
    """Rows of `ALL`: shares of problems and seeds, problems with equal weight; no test."""
    losses = stacked(side_by_side)
    if losses.shape[2] < 1:
        return []
    names = side_by_side[0].optimizers
    rows = []
    for i, j in combinations(range(len(names)), 2):
        won = losses[i] < losses[j]
        low, high = stats.share_interval(won.sum(), won.size)
        rows.append(
            {
                "problem": ALL,
                "a": names[i],
                "b": names[j],
                "seeds": won.size,
                "a_lower": int(won.sum()),
                "ties": int((losses[i] == losses[j]).sum()),
                "b_lower": int((losses[i] > losses[j]).sum()),
                "share": float(won.mean()),
                "share_low": float(low),
                "share_high": float(high),
                "better": "",
            }
        )
    return rows
