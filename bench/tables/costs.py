"""What an epoch costs, in seconds, a row per problem and rule: `seconds.csv`.

Wall-clock differs between two runs, so it stands here and in columns that end in `_seconds`, and
decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import stats
from bench.plan.manifest import Manifest
from bench.store.store import Store
from nncore.streams import canonical
from nncore.trial import JOINED, Problem
from nncore.values import NUMBER, many, table_of

if TYPE_CHECKING:  # whoever trains needs no tables
    import pandas as pd

COSTS = "costs"  # where the store keeps them
FORM = table_of(table_of(many(NUMBER)))
SECONDS = ["epoch_seconds", "epoch_low_seconds", "epoch_high_seconds"]
COLUMNS = ["problem", "rule", *SECONDS]
TOLD = 1.5  # a rule's epoch that takes surely so many times another's is worth a sentence

Costs = Mapping[str, Mapping[str, Sequence[float]]]
"""Seconds of every round, by problem (`name_of`) and rule; none where the rule failed."""


def name_of(problem: Problem) -> str:
    """What the store calls a problem: by its definition, never by its name in a spec."""
    return hashlib.sha256(canonical(problem.content).encode()).hexdigest()


def costs_of(store: Store) -> Costs:
    """What was measured; what does not look like it was not measured."""
    found: Any = store.meta.get(COSTS, {})
    return found if found in FORM else {}


def costs_frame(store: Store, manifest: Manifest) -> pd.DataFrame:
    """`seconds.csv`: of every problem and rule (`adam + lookahead`), what an epoch costs.

    `epoch_seconds` is the median over rounds, between the second lowest and the second highest: 96%
    intervals for nine.
    """
    found, rows = costs_of(store), []
    problems, spans = manifest.problems, manifest.plan.spans
    pairs = dict.fromkeys((s.problem_name, s.configuration.name) for s in spans)
    names = {name: name_of(problem) for name, problem in problems.items()}
    for problem, rule in pairs:
        rounds = found.get(names[problem], {}).get(rule, ())
        ends = map(float, stats.median_interval(rounds)) if rounds else [np.nan] * 3
        rows.append([problem, rule, *ends])
    import pandas as pd

    return pd.DataFrame(rows, columns=COLUMNS)


def with_prices(rows: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """`rows` of optimizers on problems, with what an epoch costs by their rule: `SECONDS`.

    A rule inside wrappers has its own price; NaN where it was not measured.
    """
    names = rows["rule"].astype(str)
    if "wrap" in rows:
        names = names.where(rows["wrap"].isna(), names + JOINED + rows["wrap"].astype(str))
    priced = costs.rename(columns={"rule": "priced"})
    found = rows.assign(priced=names).merge(priced, on=["problem", "priced"], how="left")
    return found.drop(columns="priced")


def told(costs: pd.DataFrame) -> list[str]:
    """What is worth saying of the seconds, a line a problem: nothing where spreads overlap."""
    lines = []
    for problem, part in costs[costs["epoch_low_seconds"] > 0].groupby("problem", sort=False):
        order = part.sort_values("epoch_seconds", kind="stable")
        cheap, dear = order.iloc[0], order.iloc[-1]
        least = dear["epoch_low_seconds"] / cheap["epoch_high_seconds"]
        most = dear["epoch_high_seconds"] / cheap["epoch_low_seconds"]
        if least >= TOLD:
            lines.append(
                f"{problem}: an epoch of {dear['rule']} takes {least:.1f} to {most:.1f} times as "
                f"long as one of {cheap['rule']}: comparisons by epochs favour it."
            )
    return lines
