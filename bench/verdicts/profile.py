"""On what share of runs an optimizer is within a factor of the fastest; `profile.csv`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from bench import stats
from bench.tables.slices import by_problem
from bench.verdicts.samples import Array

COLUMNS = ["optimizer", "factor", "problems", "runs", "share", "share_low", "share_high"]
STEPS = 24


def profile(
    costs: pd.DataFrame, fixed: Collection[str] = (), data: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Dolan and More's performance profiles: a row per optimizer and factor.

    The cost is epochs to the target (the first one of a problem), a run is a seed of a problem, and
    `share` of all runs reached the target within `factor` times the epochs of the fastest optimizer
    on that seed; runs that nobody finished count. The interval is Clopper and Pearson's for all
    runs: what problems differ makes it wider than need be.
    Only optimizers and problems that have all seeds in common take part, and of problems on the
    same `data` the first; an empty frame where fewer than two optimizers are left.
    """
    table, names = _table(costs[~costs["problem"].isin(list(fixed))], data or {})
    if len(names) < 2 or not np.isfinite(table).any():
        return pd.DataFrame(columns=COLUMNS)
    k, p, n = table.shape
    ratios = stats.performance_ratios(table.reshape(k, p * n)).reshape(k, p, n)
    finite = ratios[np.isfinite(ratios)]
    factors = np.geomspace(1, max(2.0, float(finite.max())), STEPS)
    factors[0] = 1.0
    factors[-1] = max(2.0, float(finite.max()))
    within = (ratios[:, None] <= factors[:, None, None]).sum(axis=(-2, -1))
    low, high = stats.share_interval(within, p * n)
    return pd.DataFrame(
        {
            "optimizer": np.repeat(names, STEPS),
            "factor": np.tile(factors, k),
            "problems": p,
            "runs": p * n,
            "share": (within / (p * n)).ravel(),
            "share_low": low.ravel(),
            "share_high": high.ravel(),
        }
    )


def _table(costs: pd.DataFrame, data: Mapping[str, str]) -> tuple[Array, list[str]]:
    """Costs `(k, problems, n)` of the optimizers that meet on most problems, and their names."""
    first = costs.groupby("problem")["metric"].transform("first")
    costs = costs[costs["metric"] == first]
    on = {
        str(name): frozenset(map(str, where))
        for name, where in costs.groupby("optimizer", sort=False)["problem"]
    }
    order = [str(problem) for problem in costs["problem"].unique()]
    best: tuple[int, list[str], list[str]] = (0, [], [])
    for chosen in dict.fromkeys(on.values()):
        group = [name for name, where in on.items() if where >= chosen]
        apart = {data.get(p, p): p for p in reversed(order) if p in chosen}
        if len(group) > 1 and len(group) * len(apart) > best[0]:
            there = {*apart.values()}
            best = len(group) * len(apart), group, [p for p in order if p in there]
    _, group, problems = best
    tables, met = [], by_problem(costs[costs["optimizer"].isin(group)])
    for problem in problems:
        wide = met[problem].pivot(index="optimizer", columns="seed", values="cost").reindex(group)
        tables.append(wide.dropna(axis=1).to_numpy(dtype=float))
    n = min((t.shape[1] for t in tables), default=0)
    if not n:
        return np.empty((0, 0, 0)), []
    return np.stack([t[:, :n] for t in tables], axis=1), group
