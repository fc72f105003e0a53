"""Verdicts in plain language, hedged by what the intervals allow."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence

import numpy as np
import pandas as pd

from bench.stats.decision import Answer, Scale
from bench.tables.headline import Headline
from bench.tables.slices import by_problem
from bench.verdicts.pairs import asked
from bench.verdicts.samples import ALL, Pacing, Sample, unpaced
from nncore.metrics import BUILT_IN_COLUMNS, Columns
from nncore.metrics import words as column_words

MOST = 6
Reversals = Mapping[str, tuple[str, Sequence[Headline]]]
FACTORS = "a factor of "
FACTOR = 0.9  # a loss lower by a larger share is told as a factor


def verdicts(
    ranking: pd.DataFrame,
    pairs: pd.DataFrame,
    times: pd.DataFrame,
    samples: Sequence[Sample] = (),
    again: Mapping[str, str] | None = None,
    reversals: Reversals | None = None,
    over: pd.DataFrame | None = None,
    columns: Columns = BUILT_IN_COLUMNS,
    pace: Pacing = unpaced,
) -> list[str]:
    """A verdict per problem, in the order of `ranking`, and one across problems if there is one.

    `samples` are what was compared, `again` has the problems that do not count across problems,
    with the one that is on the same data, `reversals` who is ahead in which other metrics, and
    `over` what holds for problems like these, `columns` the metrics that there are; `pace` goes
    through the problems.
    """
    compared = {sample.problem: sample for sample in samples}
    found = []
    count = asked(pairs)
    times = times.assign(words=[column_words(str(name), columns) for name in times["metric"]])
    met, due = by_problem(pairs), by_problem(times)
    for problem, rows in pace("verdicts", list(ranking.groupby("problem", sort=False))):
        if problem == ALL:
            found.append(f"{ALL}: {_across(rows)}{_alike(over)}{_again(again or {})}")
            continue
        name = str(problem)
        told = _verdict(rows, met[name], due[name], compared[name], count)
        found.append(f"{name}: {told}{_reversed((reversals or {}).get(name))}")
    return found


def subject(sentence: str, problems: Container[str]) -> str:
    """Which of the `problems` a verdict is about, empty for none: names may begin alike.

    >>> subject("a: b: adam is better", {"a", "a: b"}), subject("all problems: x", {"a"})
    ('a: b', '')
    """
    parts = sentence.split(": ")
    begins = (": ".join(parts[:n]) for n in range(len(parts) - 1, 0, -1))
    return next((begin for begin in begins if begin in problems), "")


def together(pairs: pd.DataFrame, *, watched: bool = False, same_seeds: bool = False) -> list[str]:
    """What the comparisons promise together, where there are any; `watched` as in `pairs`.

    They promise it of configurations that are chosen beforehand: with `same_seeds` some were chosen
    by what judges them.
    """
    count = asked(pairs)
    if not count:
        return []
    told = "1 pair" if count == 1 else f"all {count} pairs of this experiment together"
    when = ", after whichever round they are said" if watched else ""
    promise = f'"Better" and "the same" hold for {told}, with a chance of at least 95%{when}'
    if same_seeds:
        promise += (
            ", where configurations are chosen beforehand; here the same seeds chose them, which "
            "flatters medians and their intervals, too"
        )
    return [f"{promise}."]


def _verdict(
    rows: pd.DataFrame, pairs: pd.DataFrame, times: pd.DataFrame, sample: Sample, count: int
) -> str:
    headline, floor = sample.headline, sample.floor
    finite = np.isfinite(rows["median"].to_numpy(dtype=float))
    known = rows[finite & (2 * rows["diverged"] < rows["seeds"]).to_numpy(dtype=bool)]
    if known.empty and rows["crashed"].any():
        return "every optimizer diverged or crashed on half of its seeds or more."
    if known.empty:
        return (
            "every optimizer diverged on half of its seeds or more: no finite loss, or one above "
            "twice the constant predictor's and no lower than it began."
        )
    known = known.sort_values("optimizer", kind="stable")
    known = known.sort_values("median", kind="stable", ascending=headline.quantity.lower)
    best = known.iloc[0]
    name, seeds = str(best["optimizer"]), int(best["seeds"])
    loss = f"median {headline.words} {_number(best['median'])}"
    if pd.isna(best["beaten_by"]):
        others = f"{name} ends {headline.way}" if len(rows) > 1 else name
        return f"{others}, {loss}; without randomness, one run says it all."
    loss += _interval(best["median_low"], best["median_high"], _seeds(seeds), len(rows))
    if len(rows) == 1:
        return f"{name} alone: {loss}.{_reached(name, times)}"
    level = known["median"] == best["median"]
    if on_floor := headline.is_loss and 0 <= best["median"] <= floor:
        level = known["median"] <= floor
    # In the order of the spec: among equals there is no first.
    leaders = known.loc[level, "optimizer"].sort_index().astype(str).tolist()
    told = [f"{_names(leaders)} {_verb(len(leaders), 'has', 'share')} the {headline.way} {loss}."]
    if len(leaders) == 1 and best["diverged"]:
        told.append(f"It diverged on {best['diverged']} of {_seeds(seeds)}.")
    if len(leaders) == 1 and best["crashed"]:
        told.append(f"It crashed on {best['crashed']} of {_seeds(seeds)}.")
    if len(leaders) > 1:
        told.append(_level(leaders, pairs, on_floor))
    told += _against(leaders, pairs, count)
    if absent := rows.loc[rows["seeds"] == 0, "optimizer"].astype(str).tolist():
        told.append(f"{_names(absent)} {_verb(len(absent))} without a result on every seed.")
    reached = _reached(name, times) if len(leaders) == 1 else ""
    return " ".join(filter(None, told)) + reached


def _level(leaders: Sequence[str], pairs: pd.DataFrame, on_floor: bool) -> str:
    """What is known between optimizers that share the lowest median: nobody of them wins."""
    if on_floor:
        return "That is the floor of the loss: what differs there is rounding."
    mine = pairs[pairs["a"].isin(leaders) & pairs["b"].isin(leaders)]
    if (mine["ties"] == mine["seeds"]).all():
        return "They end equal on every seed."
    return ""


def _against(leaders: Sequence[str], pairs: pd.DataFrame, count: int) -> list[str]:
    """Sentences on the others, grouped by what holds for every one of the leaders."""
    mine = pairs[(pairs["seeds"] > 0) & (pairs["a"].isin(leaders) != pairs["b"].isin(leaders))]
    if mine.empty:
        return []
    mine = mine.assign(other=mine["a"].where(~mine["a"].isin(leaders), mine["b"]))
    groups: dict[str, list[str]] = {}
    for other, rows in mine.groupby("other", sort=False):
        groups.setdefault(_answer(str(other), rows), []).append(str(other))
    margin = _margin(mine.iloc[0])
    who, one = _names(leaders), len(leaders)
    told = []
    subject = "It is" if one == 1 else "They are"
    if others := groups.get(Answer.BETTER):
        least = mine[mine["other"].isin(others)].groupby("other", sort=False)["least"].min()
        no_end = 1.0 if mine["scale"].iloc[0] == Scale.RATIO else math.inf
        lost, finite = least.index[least == no_end].tolist(), least[least < no_end]
        if len(finite):
            sizes = _size(finite.min(), mine), _size(finite.max(), mine)
            # "a factor of 2 to 9", once.
            last = sizes[1].removeprefix(FACTORS) if FACTORS in sizes[0] else sizes[1]
            by = sizes[0] if sizes[0] == sizes[1] else f"{sizes[0]} to {last}"
            told.append(f"{subject} better than {_names(list(finite.index))}, by at least {by}.")
        if lost:
            diverge = _verb(len(lost), "diverges", "diverge")
            told.append(f"{subject} better than {_names(lost)}, which {diverge} on most seeds.")
    if others := groups.get(Answer.SLIGHTLY):
        told.append(f"{who} {_verb(one)} better than {_names(others)}, but by less than {margin}.")
    if others := groups.get(Answer.SAME):
        told.append(f"{who} and {_names(others)} are the same within {margin}.")
    if others := groups.get(Answer.UNKNOWN):
        told.append(_undecided(who, others, mine[mine["other"].isin(others)], count))
    if others := groups.get(""):
        # A median and a paired comparison may disagree: the latter goes seed by seed.
        told.append(f"Seed by seed, though, {_names(others)} {_verb(len(others))} better.")
    return told


def _answer(other: str, rows: pd.DataFrame) -> str:
    """What holds for all pairs of the leaders with `other`; empty where it beats one of them."""
    answers = set(rows["answer"])
    if (rows["better"] == other).any():
        return ""
    if Answer.UNKNOWN in answers or answers == {Answer.BETTER, Answer.SAME}:
        return Answer.UNKNOWN
    for answer in (Answer.SAME, Answer.SLIGHTLY, Answer.BETTER):
        if answer in answers:
            return answer
    return Answer.UNKNOWN


def _size(least: float, pairs: pd.DataFrame) -> str:
    """By how much, as a percentage, a factor, or a difference."""
    if pairs["scale"].iloc[0] == Scale.DIFFERENCE:
        return f"{least:.3g}"
    return f"{100 * least:.2g}%" if least < FACTOR else f"{FACTORS}{1 / (1 - least):,.3g}"


def _margin(pair: pd.Series) -> str:
    """The margin of practical equivalence in words."""
    if pair["scale"] == Scale.DIFFERENCE:
        return f"{pair['margin']:.3g}"
    return f"{-100 * math.expm1(-pair['margin']):.3g}%"


def _undecided(who: str, others: Sequence[str], pairs: pd.DataFrame, count: int) -> str:
    """What cannot be told by these `pairs`, and between how many seeds would, where that is known.

    Where no number of seeds so small could tell, it is that which is said.
    """
    seeds, least = int(pairs["seeds"].min()), int(pairs["fewest_seeds"].max())
    if seeds < least:
        of = "the pair" if count == 1 else f"any of {count} pairs"
        return f"{_seeds(seeds)} can never tell {of} apart; {least} could."
    told = f"{who} cannot be told apart from {_names(others)} with {_seeds(seeds)}"
    if len(others) == 1:
        told = f"{who} and {others[0]} cannot be told apart with {_seeds(seeds)}"
    unknown = pairs[pairs["answer"] == Answer.UNKNOWN]
    if unknown["advised_high"].isna().any():
        return f"{told}."
    low, high = int(unknown["advised_low"].min()), int(unknown["advised_high"].max())
    between = f"up to {_about(high)}" if low <= seeds else f"{low:,} to {_about(high)}"
    return f"{told}; {between} might decide."


def _about(seeds: int) -> str:
    """A number of seeds, upwards to two digits: it is known no better.

    >>> _about(986), _about(37)
    ('990', '37')
    """
    step = 10 ** max(0, len(str(seeds)) - 2)
    return f"{-(-seeds // step) * step:,}"


def _reached(name: str, times: pd.DataFrame) -> str:
    rows = times[times["optimizer"] == name]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    reached, seeds = int(row["reached"]), int(row["seeds"])
    target = f"{row['words']} {row['target']:g}"
    if not reached:
        return f" It never reaches its target, {target}, within {row['budget']:,.0f} epochs."
    told = f" It reaches its target, {target}, on {reached} of {seeds} seeds"
    if math.isfinite(row["median"]):
        return f"{told}; the median over all is epoch {row['median']:,.0f}."
    return told + "."


def _across(rows: pd.DataFrame) -> str:
    order = rows.sort_values(["mean_rank", "optimizer"], kind="stable")
    first, second = order.iloc[0], order.iloc[1]
    level = order[order["mean_rank"] == first["mean_rank"]]
    if len(level) > 1:
        names = _names(level["optimizer"].sort_index().astype(str).tolist())
        return f"{names} share the best mean rank, {first['mean_rank']:.2f}."
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
    return f"{told} (outside the count of errors)."


def _alike(over: pd.DataFrame | None) -> str:
    """What holds for other problems like these: who may be the best there, and what one decides."""
    if over is None or over.empty:
        return ""
    chances = over["best_next"].round(2)  # as they are told
    level, rest = over[chances == chances.max()], over[chances < chances.max()]
    best, names = level.iloc[0], sorted(level["optimizer"].astype(str))
    # Nobody is the most likely where another one's chance may be as high.
    apart = len(names) == 1 and bool((rest["best_next_high"] < best["best_next_low"]).all())
    likely = "is the most likely to" if apart else "may" if len(names) == 1 else "may each"
    told = (
        f" On a new problem like these {int(best['problems'])}, {_names(names)} {likely} be the "
        f"best, with a probability of {best['best_next']:.0%}"
    )
    if len(names) == 1:
        told += f" ({best['best_next_low']:.0%} to {best['best_next_high']:.0%})"
    told += "."
    first = over["mean_rank"] == over["mean_rank"].min()
    # Where somebody merely draws level, the best stays the best.
    stays = {p for without in over.loc[first, "first_without"] for p in without.split("; ")}
    left = []
    for name, without in over.loc[~first, ["optimizer", "first_without"]].itertuples(index=False):
        if problems := [p for p in without.split("; ") if p and p not in stays]:
            left.append(f"without {' or without '.join(problems)} it is {name}")
    if not left:
        return f"{told} The best mean rank stays where it is whichever problem is left out."
    return f"{told} The best mean rank hangs on single problems: {'; '.join(left)}."


def _reversed(ahead: tuple[str, Sequence[Headline]] | None) -> str:
    """Who is ahead in other metrics, and in which."""
    if ahead is None:
        return ""
    name, metrics = ahead
    by = _names([each.words for each in metrics])
    return f" By {by}, though, {name} is ahead (outside the count of errors)."


def _again(again: Mapping[str, str]) -> str:
    """Which problems count once for all that are on the same data."""
    told = [
        f" {other} does not count beside {first}, on the same data."
        for other, first in again.items()
    ]
    return "".join(told)


def _names(names: Sequence[str]) -> str:
    if len(names) > MOST:
        return f"{', '.join(names[: MOST - 1])} and {len(names) - MOST + 1} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _interval(low: float, high: float, seeds: str, among: int = 1) -> str:
    if not (math.isfinite(low) or math.isfinite(high)):
        return f" ({seeds}, too few for an interval)" if seeds else ""
    kind = "95% interval" if among == 1 else "simultaneous 95% interval"
    ends = f"{kind} {_number(low)} to {_number(high)}"
    return f" ({ends}, {seeds})" if seeds else f" ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "infinity"


def _seeds(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def _verb(count: int, one: str = "is", more: str = "are") -> str:
    return one if count == 1 else more
