"""Small descents in the plane, trained without a store, and their contours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bench.figures.book import plan
from bench.figures.paths import Landscape, landscapes
from bench.plan.trials import trials as plan_trials
from bench.spec.experiment import load
from bench.tables.best import best_trials
from bench.tables.curves import LEADING
from bench.tables.headline import Headlines
from nncore.stack.training import train
from tests.figures.drawn import gather, laid_out
from tests.frames import costed

FLAT = {
    "rosenbrock": {"name": "rosenbrock"},
    "beale": {"name": "beale"},
    "himmelblau": {"name": "himmelblau"},
    "rastrigin": {"name": "rastrigin"},
    "styblinski_tang": {"name": "styblinski_tang"},
    "quadratic": {"name": "quadratic", "dimension": 2, "condition": 10.0},
    "noisy_quadratic": {"name": "noisy_quadratic", "dimension": 2, "samples": 8, "condition": 10.0},
}


def experiment(dataset, optimizers, *, epochs=50, seeds=1, **problem):
    tables_ = {"dataset": dataset, "epochs": epochs, "dtype": "float64", **problem}
    return load(
        {
            "name": "x",
            "seeds": seeds,
            "problem": [{"name": "f", **tables_}],
            "optimizer": optimizers,
        }
    )


def trained(described):
    """The planned trials and the frame of what they end with, without a store."""
    planned = plan_trials(described)
    rows = []
    for trial in planned:
        (outcome,) = train(trial.problem, [trial.configuration], [trial.seed])
        rows.append(
            {
                "trial": trial.index,
                "problem": trial.problem_name,
                "optimizer": trial.optimizer,
                "rule": trial.configuration.rule,
                "configuration": trial.configuration_index,
                "seed": trial.seed,
                **trial.configuration.hyperparameters,
                "status": outcome.status,
                "diverged_epoch": outcome.diverged_epoch,
                "above_constant": False,
                "final_train_loss": outcome.metrics["train_loss"][-1],
                "key": trial.key,
                "train_loss": outcome.metrics["train_loss"],
            }
        )
    frame = pd.DataFrame(rows).astype({"diverged_epoch": "Int64"})
    trials = Headlines().costed(frame.drop(columns="train_loss"))
    return planned, trials, frame["train_loss"]


def landscapes_of(planned, trials) -> dict[str, Landscape]:
    return landscapes(planned, best_trials(trials))


def landscape_of(described) -> Landscape:
    planned, trials, _ = trained(described)
    return landscapes_of(planned, trials)["f"]


def drawn(described, **changes):
    """The figure of an experiment, with `changes` to its landscape."""
    planned, trials, _ = trained(described)
    curves = pd.DataFrame(columns=[*LEADING, "epoch", "train_loss"])
    some = gather(costed(trials, curves), planned=planned, targets={})
    found = {name: replace(one, **changes) for name, one in some.landscapes.items()}
    some.__dict__["landscapes"] = found  # what has been computed is kept there
    return laid_out(dict(plan(some))["contour", "f"])


def line(figure, name):
    """The line of an optimizer, as drawn (points, 2)."""
    (found,) = [a for ax in figure.axes for a in ax.lines if a.get_label() == name]
    return np.array(found.get_data()).T
