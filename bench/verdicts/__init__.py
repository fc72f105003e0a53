"""Frames -> frames and text: who is better, how sure that is, and what may mislead.

Everything here is pure: the statistics are those of `bench.stats`, and what needs randomness takes
a stream named after what it computes, so that the same frames give the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bench.tables.bundle import Tables
from bench.tables.phases import all_evaluated, searched
from bench.verdicts import (
    across,
    budget,
    costs,
    pairs,
    profile,
    ranking,
    rates,
    reversals,
    samples,
    separation,
    target,
    variance,
    words,
)
from bench.verdicts import audit as auditing
from bench.verdicts.samples import ALL, Terms
from nncore.metrics import TRAIN_LOSS

__all__ = ["ALL", "Terms", "Verdicts", "judge"]


@dataclass(frozen=True)
class Verdicts:
    """What the results say: the tables of a report, frames that figures need, and sentences.

    `names` has the optimizers of the ranking and the pairs: those that have chosen the same trials
    are called by all their names there; the value is the first of these. `leading` are those of
    which all pairs are compared, if there are others.
    """

    ranking: pd.DataFrame
    pairs: pd.DataFrame
    times: pd.DataFrame
    budget: pd.DataFrame
    profile: pd.DataFrame
    audit: pd.DataFrame
    stairs: pd.DataFrame
    lost: pd.DataFrame
    sentences: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    across: pd.DataFrame = field(default_factory=pd.DataFrame)
    leading: frozenset[str] = frozenset()
    variance: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=variance.COLUMNS))

    def lines(self, figure: str, problem: str = "") -> list[str]:
        """What the audit says about a figure."""
        return auditing.lines(self.audit, figure, problem)


def judge(
    tables: Tables,
    *,
    targets: Mapping[str, Mapping[str, float]],
    planned: Mapping[str, int],
    fixed: Collection[str] = (),
    terms: Mapping[str, Terms] | None = None,
    hosts: int = 1,
    remarks: Mapping[str, Sequence[str]] | None = None,
    watched: bool = False,
    pace: samples.Pacing = samples.unpaced,
) -> Verdicts:
    """Everything that can be said about an experiment.

    Optimizers are compared by one configuration per problem, the best. `planned` counts the trials
    planned by problem, in the order in which problems are told, on the `terms` of each. `watched`
    says that seeds were added until pairs were decided, as in `pairs`; `remarks` are what there is
    to say of the data of problems; `pace` goes through long steps.
    """
    judged, best = _in_order(tables.runs, planned), tables.best
    trials, summary = searched(tables.trials), tables.searched
    found = samples.samples(judged, fixed, tables.headlines, terms)
    whole = [sample.distinct() for sample in found]
    compared = pairs.pairs(found, watched=watched, pace=pace)
    reached = target.costs(judged, tables.bands, targets)
    columns = ["problem", "optimizer", "configuration", "settings"]
    chosen = {
        (str(problem), str(optimizer)): (int(number), str(text))
        for problem, optimizer, number, text in best[columns].itertuples(index=False)
    }
    losses = {p: t[TRAIN_LOSS] for p, t in targets.items() if TRAIN_LOSS in t}
    order = ranking.ranking(
        found, compared, _starts(tables.course.starts), losses, chosen, watched=watched, pace=pace
    )
    width = rates.widths(trials, summary, fixed, pace)
    label = {(s.problem, n): s.label(i) for s in whole for i, n in enumerate(s.optimizers)}
    order = order.merge(
        _labelled(width, label), on=["problem", "optimizer"], how="left", validate="many_to_one"
    )
    side, again = samples.block(found), samples.aside(found)
    over = across.across(side)
    turned = reversals.reversals(judged, whole, tables.metrics, fixed, terms)
    timed = costs.priced(target.times(reached, frozenset(fixed)), tables.costs, judged)
    audit = auditing.audit(
        tables.trials,
        summary,
        compared,
        best=best,
        planned=planned,
        apart=all_evaluated(tables.trials, fixed),
        fixed=fixed,
        targets=targets,
        hosts=hosts,
        again=again,
        remarks=remarks,
        alike=separation.unseparated(whole, reached, order),
        pace=pace,
    )
    return Verdicts(
        ranking=order,
        pairs=compared,
        times=timed,
        budget=budget.budget(summary, fixed, tables.headlines, pace),
        profile=profile.profile(reached, fixed, {s.problem: s.data for s in found}),
        audit=audit,
        stairs=target.staircases(reached),
        lost=rates.divergence(trials),
        sentences=(
            *words.verdicts(
                *(order, compared, _labelled(timed, label), whole, again, turned, over),
                columns=tables.metrics,
                pace=pace,
            ),
            *words.together(
                compared,
                watched=watched,
                same_seeds=bool((audit["check"] == auditing.SAME_SEEDS).any()),
            ),
        ),
        across=over,
        leading=pairs.leading(found),
        variance=variance.variance(tables.twins, tables.headlines, terms or {}),
        names={s.label(i): n for s in [*whole, *side] for i, n in enumerate(s.optimizers)},
    )


def _labelled(frame: pd.DataFrame, labels: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """`frame` with the optimizers of each problem called as in the ranking."""
    where = zip(frame["problem"], frame["optimizer"], strict=True)
    return frame.assign(optimizer=[labels.get((p, name), name) for p, name in where])


def _in_order(rows: pd.DataFrame, problems: Collection[str]) -> pd.DataFrame:
    """Rows problem by problem: trials of an evaluation are numbered after all of the search."""
    place = {problem: i for i, problem in enumerate(problems)}
    return rows.sort_values("problem", key=lambda names: names.map(place), kind="stable")


def _starts(known: pd.DataFrame) -> dict[str, dict[int, float]]:
    """The training loss before training, by problem and seed."""
    found: dict[str, dict[int, float]] = {}
    for problem, seed, loss in known.drop_duplicates(["problem", "seed"]).itertuples(index=False):
        if np.isfinite(loss):
            found.setdefault(str(problem), {})[int(seed)] = float(loss)
    return found
