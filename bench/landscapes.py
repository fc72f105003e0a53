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

from bench import bands
from bench.plan import Trial, key
from nncore.datasets import datasets, minima
from nncore.paths import path
from nncore.training import Problem

Array = NDArray[np.float64]
# Of all paths of a problem: about a quarter of a minute. Whatever a folder asks for ends here.
MOST_UPDATES = 300_000
MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class Landscape:
    """Paths over the test function that `dataset` defines, all from the start that `seed` gives.

    `paths` maps optimizers to points `(E + 1, 2)`, after each of the first E of the problem's
    `epochs`, infinite from where a run is not finite. `seeds` says among how many `seed` was
    chosen, `missing` why optimizers have no path.
    """

    dataset: Mapping[str, Any]
    seed: int
    seeds: int
    epochs: int
    paths: Mapping[str, Array]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> int:
        """The number of epochs that paths cover."""
        return max(len(points) for points in self.paths.values()) - 1


def landscapes(planned: Sequence[Trial], trials: pd.DataFrame) -> dict[str, Landscape]:
    """A landscape for every problem of `trials` whose function has two parameters, by problem.

    `planned` defines the trials that rows of `trials` number. An optimizer's path is that of its
    best configuration.
    """
    flat = {t.problem_name for t in planned if is_flat(t.problem)}
    if not flat or trials.empty:
        return {}
    best = bands.best_trials(trials)
    by_index = {t.index: t for t in planned}
    found = {}
    for problem, runs in best[best["problem"].isin(flat)].groupby("problem", sort=False):
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


def typical_seed(runs: pd.DataFrame) -> int | None:
    """The seed whose final losses rank nearest to the middle, on average over optimizers.

    Of one optimizer, the seed of the median. `runs` has one configuration per optimizer; seeds that
    most optimizers have run come first, of equal ones the lowest.
    """
    losses = runs[["optimizer", "seed"]].assign(loss=bands.final_losses(runs)).dropna()
    if losses.empty:
        return None
    table = losses.pivot_table(index="seed", columns="optimizer", values="loss", aggfunc="first")
    middle = (table.notna().sum() + 1) / 2
    away = (table.rank() - middle).abs().mean(axis=1)
    present = table.notna().sum(axis=1)
    return int(away[present == present.max()].idxmin())


def _landscape(runs: pd.DataFrame, by_index: Mapping[int, Trial]) -> Landscape | None:
    seed = typical_seed(runs)
    if seed is None:
        return None
    chosen = {t.optimizer: t for t in (by_index[i] for i in runs["trial"]) if t.seed == seed}
    missing = dict.fromkeys(sorted(set(runs["optimizer"]) - set(chosen)), "not run with this seed")
    for name, trial in list(chosen.items()):
        if not _registered(trial):
            missing[name] = "from a plugin"
            del chosen[name]
    if not chosen:
        return None
    problem = next(iter(chosen.values())).problem
    samples = problem.dataset.get("samples", 1)
    updates = -(-samples // min(problem.batch_size or samples, samples))
    epochs = min(problem.epochs, MOST_UPDATES // (updates * len(chosen)))
    paths = {
        name: path(problem, trial.configuration, seed, epochs=epochs).astype(np.float64)
        for name, trial in chosen.items()
        if epochs
    }
    return Landscape(problem.dataset, seed, runs["seed"].nunique(), problem.epochs, paths, missing)


def _registered(trial: Trial) -> bool:
    """Whether the registered code is what the trial's key says, so that its path is the trial's."""
    try:
        known = key(trial.problem, trial.configuration, trial.seed) == trial.key
        return known and minima(trial.problem.dataset).shape[1] == 2
    except (KeyError, TypeError, ValueError):
        return False
