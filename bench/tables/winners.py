"""Who wins a tuning phase: scores by the criterion, and each optimizer's best configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench import stats
from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.spec.judging import FINAL_LOSS, parts_of
from bench.store.store import Store
from bench.tables.records import arrivals, best_records, curve_chunks
from nncore.metrics import BUILT_IN_COLUMNS, Columns

Array = NDArray[np.float64]


def scores(
    store: Store,
    trials: Sequence[Trial],
    criterion: str,
    targets: Mapping[str, Mapping[str, float]],
    metrics: Columns = BUILT_IN_COLUMNS,
) -> Array:
    """What the criterion makes of each trial `(N,)`, lower is better.

    Diverged, crashed and absent trials are infinite; scores of which more is better are negative.
    A trial that reached its target and diverged later has reached it.
    """
    kind, metric = parts_of(criterion)
    quantity = metrics[metric]
    found = np.full(len(trials), np.inf)
    for chunk in curve_chunks(store, trials, metrics):
        if kind == "time_to":
            epochs = arrivals(chunk, Plan.of(trials), metric, targets)
            found[chunk.positions] = np.where(np.isnan(epochs), np.inf, epochs)
            continue
        if metric not in chunk.metrics:
            continue
        values = chunk.values[:, chunk.metrics.index(metric)]
        rows = np.arange(len(values))
        if kind == "final":
            found[chunk.positions] = quantity.cost(values[:, -1])
        else:
            found[chunk.positions] = quantity.cost(values[rows, best_records(chunk)])
    if kind != "time_to":
        statuses = store.statuses()
        ok = np.array([statuses.get(trial.key) == "ok" for trial in trials], dtype=bool)
        found[~ok] = np.inf
    return found


def winners(
    store: Store,
    trials: Sequence[Trial],
    criteria: Mapping[str, str],
    targets: Mapping[str, Mapping[str, float]],
    metrics: Columns = BUILT_IN_COLUMNS,
) -> dict[tuple[str, str], Trial]:
    """A trial of the best configuration of each (problem, optimizer) among `trials`.

    The lowest median score over seeds, by the criterion of the problem; of equal ones the lowest
    median final training loss, then the first. Where every trial crashed there is none.
    """
    groups: dict[tuple[str, int], list[int]] = {}
    for place, trial in enumerate(trials):
        groups.setdefault((trial.problem_name, trial.configuration_index), []).append(place)
    statuses = store.statuses()
    judged = np.empty(len(trials))
    for criterion in dict.fromkeys(criteria.values()):
        mine = [i for i, trial in enumerate(trials) if criteria[trial.problem_name] == criterion]
        judged[mine] = scores(store, [trials[i] for i in mine], criterion, targets, metrics)
    # The usual criterion breaks its own ties.
    usual = set(criteria.values()) == {FINAL_LOSS}
    losses = judged if usual else scores(store, trials, FINAL_LOSS, targets)
    best: dict[tuple[str, str], tuple[tuple[float, float], Trial]] = {}
    for places in groups.values():
        if all(statuses.get(trials[place].key) == "crashed" for place in places):
            continue
        score = float(stats.median(judged[places])), float(stats.median(losses[places]))
        first = trials[places[0]]
        where = first.problem_name, first.optimizer
        if where not in best or score < best[where][0]:
            best[where] = score, first
    return {where: trial for where, (_, trial) in best.items()}
