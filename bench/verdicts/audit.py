"""What may mislead in these results, said before anyone asks; `audit.csv`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.tables.headline import MEDIAN
from bench.tables.slices import by_problem
from bench.tables.words import names_told, value_text
from bench.verdicts.pairs import MOST, asked
from bench.verdicts.samples import LEVEL, Pacing, unpaced

FEW = 4  # names in a sentence

SAME_SEEDS = "same seeds"
COLUMNS = ["check", "problem", "optimizer", "figures", "message"]
PAIRS_LEFT_OUT = (
    f"all pairs of the {MOST} optimizers with the lowest mean ranks are compared, the others with "
    "the best of these alone"
)


def audit(
    trials: pd.DataFrame,
    summary: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    best: pd.DataFrame,
    planned: Mapping[str, int],
    apart: bool,
    fixed: Collection[str] = (),
    targets: Mapping[str, Mapping[str, float]] | None = None,
    hosts: int = 1,
    again: Mapping[str, str] | None = None,
    alike: Mapping[str, Sequence[str]] | None = None,
    remarks: Mapping[str, Sequence[str]] | None = None,
    pace: Pacing = unpaced,
) -> pd.DataFrame:
    """A row per finding; `figures` names the figures it touches, `message` says it in words.

    `trials` are all, `summary` is that of the sweep; `best` are the rows of the configurations
    chosen from it (`bench.tables.best.best_rows`), and `pairs` compares them.
    `planned` is the number of trials planned by problem, `apart` whether configurations were chosen
    and judged on different seeds, `hosts` the number of machines that trained, `again` the problems
    that do not count across problems with the one that is on the same data, `alike` in what
    problems tell nobody apart, `remarks` what data files of theirs gave reason to say; `pace` goes
    through the problems.
    """
    rows: list[dict[str, Any]] = []
    rows += _unfinished(trials, planned)
    if not apart:
        rows += _same_seeds(summary, fixed)
    timed = [name for name in trials if str(name).startswith("time_to_")]
    chosen, met = by_problem(best), by_problem(pairs)
    ran = by_problem(trials[["problem", "status", *timed]])
    count = asked(pairs)
    for problem, part in pace("problems audited", list(by_problem(summary).items())):
        said = (remarks or {}).get(problem, ())
        rows += [_row("data", "", remark, problem) for remark in said]
        rows += _budgets(problem, part)
        rows += _edges(problem, part, chosen[problem])
        rows += _lost(problem, part, chosen[problem], apart)
        if len(chosen[problem]) > MOST:
            rows.append(_row("pairs left out", "pairs", PAIRS_LEFT_OUT, problem))
        where = "ranking pairs across critical target profile"
        for why in (alike or {}).get(problem, ()):
            rows.append(_row("nobody apart", where, why, problem))
        if first := (again or {}).get(problem):
            text = f"is on the data of {first} and does not count beside it (same_data_counts)"
            rows.append(_row("same data", "across critical profile", text, problem))
        if problem not in fixed:
            rows += _few_seeds(problem, met[problem], count)
        if problem not in fixed and targets is not None:
            rows += _untimed(problem, ran[problem], targets.get(problem, {}))
    if hosts > 1:
        text = f"trained on {hosts} machines: losses are comparable, times are not"
        rows.append(_row("machines", "", text))
    return pd.DataFrame(rows, columns=COLUMNS)


def told(found: pd.DataFrame) -> list[str]:
    """The audit in lines for a terminal."""
    return lines(found.assign(figures="all", problem=found["problem"].fillna("")), "all")


def _row(
    check: str, figures: str, message: str, problem: str = "", optimizer: str = ""
) -> dict[str, Any]:
    return {
        "check": check,
        "problem": problem,
        "optimizer": optimizer,
        "figures": figures,
        "message": message,
    }


def _unfinished(trials: pd.DataFrame, planned: Mapping[str, int]) -> list[dict[str, Any]]:
    rows = []
    there = trials.groupby("problem", sort=False).size()
    for name, count in planned.items():
        missing = count - int(there.get(name, 0))
        if missing > 0:
            text = f"{missing:,} of {count:,} trials have no result yet"
            rows.append(_row("missing", "all", text, name))
    crashed = trials.loc[trials["status"] == "crashed", ["problem", "optimizer"]]
    for (problem, optimizer), part in crashed.groupby(["problem", "optimizer"], sort=False):
        text = (
            f"{len(part):,} trials of {optimizer} crashed: they count as the worst in choices and "
            "ranks, and in pairs as anything that they might have been"
        )
        rows.append(_row("crashed", "all", text, str(problem), str(optimizer)))
    return rows


def _same_seeds(summary: pd.DataFrame, fixed: Collection[str]) -> list[dict[str, Any]]:
    some = summary[~summary["problem"].isin(list(fixed))]
    sizes = some.groupby(["problem", "optimizer"], sort=False).size()
    text = (
        "configurations were chosen and judged on the same seeds, which flatters the larger "
        "search; [[claim]] tables that compare them get no answer"
    )
    where = "ranking spread curves pairs across target profile claim"
    return [
        _row(SAME_SEEDS, where, text, str(problem))
        for problem, most in sizes.groupby(level="problem", sort=False).max().items()
        if most > 1
    ]


def _budgets(problem: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    counts = rows.groupby("optimizer", sort=False).size().sort_values(kind="stable")
    if len(counts) < 2 or counts.iloc[0] == counts.iloc[-1]:
        return []
    sizes = [
        f"{size} ({names_told(map(str, part.index), FEW)})"
        for size, part in counts.groupby(counts, sort=True)
    ]
    text = f"unequal search, configurations tried: {', '.join(sizes)}"
    return [_row("unequal budgets", "ranking spread curves pairs across target", text, problem)]


def _untimed(
    problem: str, trials: pd.DataFrame, targets: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Whether there is no target, or nobody has kept when some trials reached it."""
    if not targets:
        text = "no target is set, so there is no time to it"
        return [_row("no target", "target profile", text, problem)]
    ran = trials[trials["status"] != "crashed"]
    columns = [f"time_to_{metric}" for metric in targets]
    if all(name in ran and ran[name].notna().all() for name in columns):
        return []
    text = (
        "when trials reached the target is not known of all of them, so nothing is told of these: "
        "they were stored before it was kept or asked for, and `bench run` trains them again"
    )
    return [_row("no times", "target profile", text, problem)]


def _edges(problem: str, rows: pd.DataFrame, chosen: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if len(rows) == len(chosen):  # nothing was searched
        return found
    for _, best in chosen.iterrows():
        name = str(best["optimizer"])
        mine = rows[rows["optimizer"] == name]
        rates = np.unique(mine["learning_rate"].to_numpy(float))
        if len(rates) < 2 or not np.isfinite(best[MEDIAN]):
            continue
        rate = float(best["learning_rate"])
        inside = mine.loc[~mine["learning_rate"].isin([rates[0], rates[-1]]), MEDIAN]
        if rate in (rates[0], rates[-1]) and not (inside <= mine[MEDIAN].min()).any():
            side, way = ("lowest", "lower") if rate == rates[0] else ("highest", "higher")
            text = (
                f"{name}'s best rate, {value_text(rate)}, is the {side} tried: "
                f"a {way} one may do more"
            )
            found.append(_row("edge", "ranking sensitivity budget", text, problem, name))
    return found


def _lost(
    problem: str, rows: pd.DataFrame, chosen: pd.DataFrame, apart: bool
) -> list[dict[str, Any]]:
    """Best configurations that lost runs, when they were chosen or when they were judged."""
    found = []
    then = rows.set_index("configuration").loc[chosen["configuration"]]
    for place in np.flatnonzero(_lost_counts(then) + _lost_counts(chosen)):
        best, before = chosen.iloc[place], then.iloc[place]
        name, when = str(best["optimizer"]), _lost_of(before)
        told = f"{name}'s best configuration lost {when}"
        if apart:
            told = f"{name}'s choice lost {when} when chosen, {_lost_of(best)} when judged"
        found.append(_row("lost runs", "ranking spread curves pairs", told, problem, name))
    return found


def _lost_counts(rows: pd.DataFrame) -> np.ndarray:
    return rows["diverged"].to_numpy(dtype=int) + rows["crashed"].to_numpy(dtype=int)


def _lost_of(row: pd.Series) -> str:
    return f"{int(row['diverged']) + int(row['crashed'])} of {row['seeds']} runs"


def _few_seeds(problem: str, pairs: pd.DataFrame, count: int) -> list[dict[str, Any]]:
    """Where no difference however large could be told, among `count` pairs of the experiment."""
    pairs = pairs[pairs["seeds"] > 0]  # whoever crashed on every seed is told apart
    if pairs.empty:
        return []
    seeds, least = int(pairs["seeds"].min()), int(pairs["fewest_seeds"].max())
    if seeds >= least:
        return []
    text = (
        f"{seeds} {'seed' if seeds == 1 else 'seeds'} can never tell any of {count} "
        f"{'pair' if count == 1 else 'pairs'} apart at {LEVEL:.0%} over the experiment; "
        f"{least} could"
    )
    return [_row("few seeds", "ranking pairs", text, problem)]


def lines(found: pd.DataFrame, figure: str, problem: str = "") -> list[str]:
    """What the audit says about a figure: of one problem, or of all when `problem` is empty.

    Messages that several problems share become one line.
    """
    touched = [figure in f.split() or f == "all" for f in found["figures"]]
    here = found["problem"].isin(["", problem]) if problem else np.ones(len(found), dtype=bool)
    rows = found[np.array(touched, dtype=bool) & np.asarray(here)]
    named = {
        m
        for m, o in rows[["message", "optimizer"]].itertuples(index=False)
        if o and m[: len(o)] == o
    }
    told: dict[str, list[str]] = {}
    for where, message in rows[["problem", "message"]].itertuples(index=False):
        told.setdefault(message, []).append(where)
    if problem:
        return [_sentence(message, named) for message in told]
    edges = rows[rows["check"] == "edge"]
    searches = rows[rows["check"] == "unequal budgets"]
    lost = rows[rows["check"] == "lost runs"]
    condensed = {*edges["message"], *searches["message"], *lost["message"]}
    told = {m: where for m, where in told.items() if m not in condensed}
    found_lines = [
        _sentence(message, named) if where == [""] else f"{names_told(where, FEW)}: {message}."
        for message, where in told.items()
    ]
    if len(searches):
        where = names_told(searches["problem"], 3)
        found_lines.append(f"Unequal search on {where}: audit.csv has the numbers tried.")
    if len(edges):
        found_lines.append(f"Best rates at an edge of what was tried: {_where(edges)}.")
    if len(lost):
        found_lines.append(f"Best configurations that lost runs (audit.csv): {_where(lost)}.")
    return found_lines


def _where(rows: pd.DataFrame) -> str:
    """Optimizers, each with the problems that something was found on."""
    by_name = rows.groupby("optimizer", sort=False)["problem"]
    return ", ".join(f"{name} ({names_told(where, 3)})" for name, where in by_name)


def _sentence(message: str, named: Collection[str]) -> str:
    """`message` as a sentence, its first letter as it is where it begins with a name."""
    return (message if message in named else message[0].upper() + message[1:]) + "."
