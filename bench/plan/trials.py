"""The trials of an experiment: problems x configurations x seeds, each with its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncore.losses import losses
from nncore.metrics import LOSS, Metric, applicable
from nncore.trial import Configuration, Problem, is_random

if TYPE_CHECKING:
    from bench.spec.experiment import Experiment
from bench.plan.keys import begin, configuration_text, finish, problem_text


@dataclass(frozen=True, slots=True)
class Trial:
    """One problem, one configuration, one seed; `key` names its content, `index` its row.

    `metrics` has the identities of those to record beside the loss: what a trial records is no part
    of what it computes, so neither of its key.
    """

    index: int
    problem_name: str
    optimizer: str
    problem: Problem
    configuration: Configuration
    seed: int
    key: str
    metrics: tuple[str, ...] = ()


Stack = tuple[Trial, ...]


def trials(experiment: Experiment) -> tuple[Trial, ...]:
    """Every trial of an experiment, by problem, optimizer, configuration and seed.

    A problem without randomness has one trial per configuration, with the first seed. A trial that
    two optimizers share is there twice, with one key. Of an experiment with tuning, the trials that
    configurations are chosen by.
    """
    tuning = experiment.tuning
    return tuple(_trials(experiment, experiment.seeds if tuning is None else tuning.seeds))


def evaluation(
    experiment: Experiment, chosen: Mapping[tuple[str, str], Trial], first: int
) -> tuple[Trial, ...]:
    """The trials that judge the configurations of the `chosen` trials, by problem and optimizer.

    Numbered from `first`. Problems without randomness have been judged already.
    """
    kept = {where: id(trial.configuration) for where, trial in chosen.items()}
    return tuple(_trials(experiment, experiment.seeds, kept, first))


def identities(some: Sequence[Metric], loss: str) -> tuple[str, ...]:
    """Identities of those of `some` metrics that apply to a problem, beside the loss."""
    return tuple(m.quantity.identity for m in applicable(some, losses[loss]) if m.name != LOSS)


def _trials(
    experiment: Experiment,
    all_seeds: Sequence[int],
    kept: Mapping[tuple[str, str], int] | None = None,
    first: int = 0,
) -> list[Trial]:
    """The trials of all configurations, or of the `kept` ones alone, numbered from `first`."""
    found: list[Trial] = []
    spaces = [
        (
            optimizer,
            set(optimizer.problems),
            [configuration_text(c) for c in optimizer.configurations],
        )
        for optimizer in experiment.optimizers
    ]
    for named in experiment.problems:
        problem, text = named.problem, problem_text(named.problem)
        random = is_random(problem)
        metrics = identities(experiment.metrics, problem.loss)
        if kept is not None and not random:
            continue
        seeds = all_seeds if random else experiment.seeds[:1]
        for optimizer, names, texts in spaces:
            if named.name not in names:
                continue
            for configuration, its_text in zip(optimizer.configurations, texts, strict=True):
                if kept is not None and kept.get((named.name, optimizer.name)) != id(configuration):
                    continue
                begun = begin(its_text, text)
                for seed in seeds:
                    name = finish(begun, seed if random else None)
                    found.append(
                        Trial(
                            first + len(found),
                            named.name,
                            optimizer.name,
                            problem,
                            configuration,
                            seed,
                            name,
                            metrics,
                        )
                    )
    return found
