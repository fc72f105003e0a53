"""Verdicts in plain language, hedged by what the intervals allow."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench import stats
from bench.verdicts.samples import ALL

MOST = 6
Rival = tuple[str, int, pd.Series]  # its name, on how many seeds it is beaten, the pair


def verdicts(ranking: pd.DataFrame, pairs: pd.DataFrame, times: pd.DataFrame) -> list[str]:
    """A verdict per problem, in the order of `ranking`, and one across problems if there is one."""
    found = []
    for problem, rows in ranking.groupby("problem", sort=False):
        if problem == ALL:
            found.append(f"{ALL}: {_across(rows)}")
            continue
        mine = pairs[pairs["problem"] == problem]
        found.append(f"{problem}: {_verdict(rows, mine, times[times['problem'] == problem])}")
    return found


def _verdict(rows: pd.DataFrame, pairs: pd.DataFrame, times: pd.DataFrame) -> str:
    known = rows[np.isfinite(rows["median"].to_numpy(dtype=float))]
    if known.empty:
        return (
            "every optimizer diverged on half of its seeds or more: no finite loss, or one above "
            "twice the constant predictor's and no lower than it began."
        )
    # Of equal ones the first by name, as in the figures.
    known = known.sort_values(["median", "optimizer"], kind="stable")
    best = known.iloc[0]
    name, seeds = str(best["optimizer"]), int(best["seeds"])
    loss = f"median final training loss {_number(best['median'])}"
    if pd.isna(best["beaten_by"]):
        others = f"{name} ends lowest" if len(rows) > 1 else name
        return f"{others}, {loss}; without randomness, one run says it all."
    loss += _interval(best["median_low"], best["median_high"], _seeds(seeds))
    if len(rows) == 1:
        return f"{name} alone: {loss}.{_reached(name, times)}"
    level = known.loc[known["median"] == best["median"], "optimizer"].astype(str).tolist()
    verb = "has" if len(level) == 1 else "share"
    told = [f"{_names(level)} {verb} the lowest {loss}."]
    mine = pairs[(pairs["a"] == name) | (pairs["b"] == name)]
    beaten: list[Rival] = []
    open_: list[Rival] = []
    worse: list[Rival] = []
    for _, pair in mine[mine["seeds"] > 0].iterrows():
        other = pair["b"] if pair["a"] == name else pair["a"]
        wins = pair["a_lower"] if pair["a"] == name else pair["b_lower"]
        group = open_ if not pair["better"] else beaten if pair["better"] == name else worse
        group.append((str(other), wins, pair))
    if beaten:
        shares = [int(wins) / int(pair["seeds"]) for _, wins, pair in beaten]
        who = "It" if len(level) == 1 else name
        told.append(f"{who} reaches a lower loss than {_each(beaten, shares)}.")
    if open_:
        told.append(_undecided(name, open_, len(pairs)))
    if worse:
        # A median and a paired test may disagree: the test compares seed by seed.
        who = _names([other for other, *_ in worse])
        told.append(f"Seed by seed, though, {who} {_verb(len(worse))} lower more often.")
    if absent := rows.loc[rows["seeds"] == 0, "optimizer"].astype(str).tolist():
        told.append(f"{_names(absent)} {_verb(len(absent))} without a result on every seed.")
    return " ".join(told) + _reached(name, times, alone=len(level) == 1)


def _each(beaten: Sequence[Rival], shares: Sequence[float]) -> str:
    if len(beaten) == 1:
        return f"{beaten[0][0]} on {_share(shares[0])} of seeds"
    who = _names([other for other, *_ in beaten])
    if min(shares) == max(shares):
        return f"{who} on {_share(shares[0])} of seeds each"
    return f"{who} on {_share(min(shares))} to {_share(max(shares))} of seeds"


def _undecided(name: str, open_: Sequence[Rival], count: int) -> str:
    """What cannot be told, and how many seeds would tell it."""
    seeds = min(int(pair["seeds"]) for *_, pair in open_)
    if seeds < (least := stats.fewest_seeds(count)):
        of = "the pair" if count == 1 else f"any of {count} pairs"
        return f"{_seeds(seeds)} can never tell {of} apart; {least} could."
    who = _names([other for other, *_ in open_])
    told = f"{name} and {who} cannot be told apart with {_seeds(seeds)}"
    if len(open_) > 1:
        told = f"{name} cannot be told apart from {who} with {_seeds(seeds)}"
    needed = [int(p["seeds_needed"]) for *_, p in open_ if not pd.isna(p["seeds_needed"])]
    needed = [n for n in needed if n > seeds]
    if not needed:
        return told + "."
    low, high = min(needed), max(needed)
    return f"{told}; {_about(low, high)} might do."


def _about(low: int, high: int) -> str:
    return f"about {low}" if low == high else f"about {low} to {high}"


def _reached(name: str, times: pd.DataFrame, *, alone: bool = True) -> str:
    rows = times[times["optimizer"] == name]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    reached, seeds = int(row["reached"]), int(row["seeds"])
    what = str(row["metric"]).replace("_", " ").replace("train", "training")
    target, who = f"{what} {row['target']:g}", "It" if alone else name
    if not reached:
        return f" {who} never reaches its target, {target}, within {row['budget']:,.0f} epochs."
    told = f" {who} reaches its target, {target}, on {reached} of {seeds} seeds"
    if math.isfinite(row["median"]):
        return f"{told}; the median over all is epoch {row['median']:,.0f}."
    return told + "."


def _across(rows: pd.DataFrame) -> str:
    order = rows.sort_values(["mean_rank", "optimizer"], kind="stable")
    first, second = order.iloc[0], order.iloc[1]
    told = (
        f"{first['optimizer']} has the best mean rank, {first['mean_rank']:.2f}"
        f"{_interval(first['mean_rank_low'], first['mean_rank_high'], '')}"
    )
    apart = first["mean_rank_high"] < second["mean_rank_low"]
    verb = "before" if apart else "not clearly before"
    told += (
        f", {verb} {second['optimizer']}, {second['mean_rank']:.2f}"
        f"{_interval(second['mean_rank_low'], second['mean_rank_high'], '')}"
    )
    return f"{told}; with other problems it may be another."


def _names(names: Sequence[str]) -> str:
    if len(names) > MOST:
        return f"{', '.join(names[: MOST - 1])} and {len(names) - MOST + 1} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _interval(low: float, high: float, seeds: str) -> str:
    if not (math.isfinite(low) or math.isfinite(high)):
        return f" ({seeds}, too few for an interval)" if seeds else ""
    ends = f"95% interval {_number(low)} to {_number(high)}"
    return f" ({ends}, {seeds})" if seeds else f" ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "infinity"


def _seeds(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def _share(share: float) -> str:
    return f"{share:.0%}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
