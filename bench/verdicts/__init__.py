"""Frames -> frames and text: who is better, how sure that is, and what may mislead.

Everything here is pure: the statistics are those of `bench.stats`, and what needs randomness takes
a stream named after what it computes, so that the same frames give the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.tables.bundle import Tables
from bench.tables.phases import all_evaluated, searched
from bench.verdicts import audit as auditing
from bench.verdicts import budget, costs, pairs, profile, ranking, rates, samples, target, words
from bench.verdicts.samples import ALL
from nncore.metrics import TRAIN_LOSS

__all__ = ["ALL", "Verdicts", "judge"]


@dataclass(frozen=True)
class Verdicts:
    """What the results say: the tables of a report, frames that figures need, and sentences."""

    ranking: pd.DataFrame
    pairs: pd.DataFrame
    times: pd.DataFrame
    budget: pd.DataFrame
    profile: pd.DataFrame
    audit: pd.DataFrame
    stairs: pd.DataFrame
    lost: pd.DataFrame
    sentences: tuple[str, ...]

    def lines(self, figure: str, problem: str = "") -> list[str]:
        """What the audit says about a figure."""
        return auditing.lines(self.audit, figure, problem)


def judge(
    tables: Tables,
    *,
    targets: Mapping[str, Mapping[str, float]],
    planned: Mapping[str, int],
    fixed: Collection[str] = (),
    hosts: int = 1,
) -> Verdicts:
    """Everything that can be said about an experiment.

    Optimizers are compared by one configuration per problem, the best. `planned` counts the trials
    planned by problem, in the order in which problems are told.
    """
    judged, best, curves = _in_order(tables.runs, planned), tables.best, tables.curves
    trials, summary = searched(tables.trials), tables.searched
    found = samples.samples(judged, fixed)
    compared = pairs.pairs(found)
    reached = target.costs(judged, curves, targets, tables.metrics)
    columns = ["problem", "optimizer", "configuration", "settings"]
    chosen = {
        (str(problem), str(optimizer)): (int(number), str(text))
        for problem, optimizer, number, text in best[columns].itertuples(index=False)
    }
    losses = {p: t[TRAIN_LOSS] for p, t in targets.items() if TRAIN_LOSS in t}
    order = ranking.ranking(found, compared, _starts(judged, curves), losses, chosen)
    width = rates.widths(trials, summary, fixed)
    order = order.merge(width, on=["problem", "optimizer"], how="left", validate="many_to_one")
    timed = costs.priced(target.times(reached, frozenset(fixed)), tables.costs, judged)
    return Verdicts(
        ranking=order,
        pairs=compared,
        times=timed,
        budget=budget.budget(summary, fixed),
        profile=profile.profile(reached, fixed),
        audit=auditing.audit(
            tables.trials,
            summary,
            compared,
            best=best,
            planned=planned,
            apart=all_evaluated(tables.trials, fixed),
            fixed=fixed,
            targets=targets,
            hosts=hosts,
        ),
        stairs=target.staircases(reached),
        lost=rates.divergence(trials),
        sentences=tuple(words.verdicts(order, compared, timed)),
    )


def _in_order(rows: pd.DataFrame, problems: Collection[str]) -> pd.DataFrame:
    """Rows problem by problem: trials of an evaluation are numbered after all of the search."""
    place = {problem: i for i, problem in enumerate(problems)}
    return rows.sort_values("problem", key=lambda names: names.map(place), kind="stable")


def _starts(judged: pd.DataFrame, curves: pd.DataFrame) -> dict[str, dict[int, float]]:
    """The training loss before training, by problem and seed."""
    where = ["problem", "seed"]
    first = curves[(curves["epoch"] == 0) & curves["trial"].isin(judged["trial"])]
    first = first.drop_duplicates(where)
    found: dict[str, dict[int, float]] = {}
    for problem, seed, loss in first[[*where, TRAIN_LOSS]].itertuples(index=False):
        if np.isfinite(loss):
            found.setdefault(str(problem), {})[int(seed)] = float(loss)
    return found
