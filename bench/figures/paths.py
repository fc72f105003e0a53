"""Where the best configurations go on test functions of two parameters, computed again for figures.

Results keep losses, not parameters; a few trials are quickly trained again. Only what is registered
already runs: a trial whose key the code at hand does not give again, because its rule came with a
plugin, is named as missing, so a folder that someone sent runs no code of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.keys import key
from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.tables.headline import COST
from nncore.datasets import datasets, minima
from nncore.rules.bridges import is_found
from nncore.stack.paths import path
from nncore.trial import Problem

Array = NDArray[np.float64]
# Of all paths of a problem: about a quarter of a minute. Whatever a folder asks for ends here.
MOST_UPDATES = 300_000
MOST_SAMPLES = 10_000
MOST_SEEDS = 5  # whose paths are computed to choose one


@dataclass(frozen=True)
class Landscape:
    """Paths over the test function that `dataset` defines, all from the start that `seed` gives.

    `paths` maps optimizers to points `(E + 1, 2)`, after each of the first E of the problem's
    `epochs`, infinite from where a run is not finite. `middling` says among how many of the
    `seeds` that ran `seed` was chosen, `missing` why optimizers have no path.
    """

    dataset: Mapping[str, Any]
    seed: int
    seeds: int
    middling: int
    epochs: int
    paths: Mapping[str, Array]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> int:
        """The number of epochs that paths cover."""
        return max(len(points) for points in self.paths.values()) - 1


def landscapes(planned: Sequence[Trial], best: pd.DataFrame) -> dict[str, Landscape]:
    """A landscape for every problem whose function has two parameters, by problem.

    `planned` defines the trials that rows of `best` number; `best` has one configuration per
    problem and optimizer, that whose path is drawn.
    """
    plan = Plan.of(planned)
    flat = {name for name, problem in plan.problems.items() if is_flat(problem)}
    drawn = best[best["problem"].isin(flat)]
    by_index = {t.index: t for t in plan.only(drawn["trial"])}
    found = {}
    for problem, runs in drawn.groupby("problem", sort=False):
        landscape = _landscape(runs, by_index)
        if landscape is not None and landscape.paths:
            found[str(problem)] = landscape
    return found


def is_flat(problem: Problem) -> bool:
    """Whether `problem` is a registered test function of two parameters."""
    name = str(problem.dataset.get("name"))
    return (
        name in datasets
        and datasets[name].kind == "function"
        and problem.loss == "objective"
        and tuple(problem.layers) == ("dense 2",)
        and problem.dataset.get("dimension", 2) == 2
        and problem.dataset.get("samples", 1) <= MOST_SAMPLES
    )


def middling_seeds(runs: pd.DataFrame) -> list[int]:
    """The half of the seeds whose final losses rank nearest to the middle, the nearest first.

    Ranks are within an optimizer, distances from its middle rank means over optimizers. Of one
    optimizer, the first is the seed of the median. `runs` has one configuration per optimizer; only
    seeds that most optimizers have run count, of equal ones the lowest comes first.
    """
    losses = runs[["optimizer", "seed"]].assign(loss=runs[COST]).dropna()
    if losses.empty:
        return []
    table = losses.pivot_table(index="seed", columns="optimizer", values="loss", aggfunc="first")
    middle = (table.notna().sum() + 1) / 2
    away = (table.rank() - middle).abs().mean(axis=1)
    present = table.notna().sum(axis=1)
    away = away[present == present.max()].sort_values(kind="stable")
    return [int(seed) for seed in away.index[: (len(away) + 1) // 2]]


def telling(paths: Mapping[str, Array]) -> tuple[int, float]:
    """How much `paths` show, to be compared: how many stay finite, then how far they lead.

    How far is the median over paths of the greatest distance from the start. The length of a path
    would not do: one that jumps to and fro is long and shows little.
    """
    finite = [points[np.isfinite(points).all(axis=1)] for points in paths.values()]
    whole = sum(
        len(kept) == len(points) for kept, points in zip(finite, paths.values(), strict=True)
    )
    with np.errstate(over="ignore"):
        reach = [np.hypot(*(kept - kept[0]).T).max() for kept in finite]
    return whole, float(np.median(reach))


def _landscape(runs: pd.DataFrame, by_index: Mapping[int, Trial]) -> Landscape | None:
    """The landscape of one problem, with the most telling of its middling seeds."""
    trials = [by_index[i] for i in runs["trial"]]
    foreign = {
        t.optimizer: "from another package" if ":" in t.configuration.rule else "from a plugin"
        for t in trials
        if not _registered(t)
    }
    known = [t for t in trials if t.optimizer not in foreign]
    ended = runs["status"] != "crashed"
    seeds = middling_seeds(runs[ended & ~runs["optimizer"].isin(foreign)])
    if not seeds:
        return None
    problem = known[0].problem
    samples = problem.dataset.get("samples", 1)
    updates = -(-samples // min(problem.batch_size or samples, samples))
    number = len({t.optimizer for t in known})
    epochs = min(problem.epochs, MOST_UPDATES // (updates * number))
    if not epochs:
        return None
    # As many seeds as leave room for all epochs, at least one.
    seeds = seeds[: min(max(MOST_UPDATES // (updates * number * epochs), 1), MOST_SEEDS)]
    found = {seed: _paths(problem, known, seed, epochs) for seed in seeds}
    seed = max(seeds, key=lambda each: telling(found[each]))
    absent = dict.fromkeys(
        sorted(set(runs["optimizer"]) - set(found[seed])), "not run with this seed"
    )
    return Landscape(
        dataset=problem.dataset,
        seed=seed,
        seeds=runs["seed"].nunique(),
        middling=len(seeds),
        epochs=problem.epochs,
        paths=found[seed],
        missing=absent | dict(sorted(foreign.items())),
    )


def _paths(problem: Problem, trials: Sequence[Trial], seed: int, epochs: int) -> dict[str, Array]:
    """The paths `(epochs + 1, 2)` of those of `trials` that have this seed, by optimizer."""
    return {
        t.optimizer: path(problem, t.configuration, seed, epochs=epochs).astype(np.float64)
        for t in trials
        if t.seed == seed
    }


def _registered(trial: Trial) -> bool:
    """Whether the registered code is what the trial's key says, so that its path is the trial's."""
    if not is_found(trial.configuration.rule):
        return False
    try:
        known = key(trial.problem, trial.configuration, trial.seed) == trial.key
        return known and minima(trial.problem.dataset).shape[1] == 2
    except (KeyError, TypeError, ValueError):
        return False
