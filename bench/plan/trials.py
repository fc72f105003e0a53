"""The trials of an experiment: problems x configurations x seeds, each with its key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncore.losses import losses
from nncore.metrics import LOSS, Metric, applicable
from nncore.trial import Configuration, Problem, Seeds, Target, is_random

if TYPE_CHECKING:
    from bench.spec.experiment import Experiment
    from bench.spec.optimizers import Optimizer
from bench.plan.keys import begin, configuration_text, finish, problem_text


@dataclass(frozen=True, slots=True)
class Trial:
    """One problem, one configuration, one seed.

    `key` names its content and `index` its row. `configuration_index` tells configurations apart:
    from 0 in the spec's order over all optimizers, the same on every problem and in every phase.
    `metrics` has the identities of those to record beside the loss, `targets` what is looked for
    after every epoch: what a trial records is no part of what it computes, so neither of its key.
    `streams` has a seed for each stream, where they are not all the trial's.
    """

    index: int
    problem_name: str
    optimizer: str
    problem: Problem
    configuration: Configuration
    configuration_index: int
    seed: int
    key: str
    metrics: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    streams: Seeds | None = None

    @property
    def seeds(self) -> Seeds:
        """The seeds of what it draws."""
        return self.streams or Seeds.of(self.seed)

    @property
    def asked(self) -> tuple[str, ...]:
        """The identities of all that it is to record."""
        return (*self.metrics, *(target.identity for target in self.targets))


Stack = tuple[Trial, ...]


def trials(experiment: Experiment) -> tuple[Trial, ...]:
    """Every trial of an experiment, by problem, optimizer, configuration and seed.

    A problem without randomness has one trial per configuration, with the first seed. A trial that
    two optimizers share is there twice, with one key. Of an experiment with tuning, the trials that
    configurations are chosen by; of one with seeds in rounds, those of the first round.
    """
    tuning = experiment.tuning
    return tuple(_trials(experiment, first_seeds(experiment) if tuning is None else tuning.seeds))


def first_seeds(experiment: Experiment) -> tuple[int, ...]:
    """The seeds that every problem is judged on: all, or those of the first round."""
    until = experiment.until
    return experiment.seeds if until is None else experiment.seeds[: until.least]


def evaluation(
    experiment: Experiment, chosen: Iterable[Trial], seeds: Sequence[int], first: int
) -> tuple[Trial, ...]:
    """The trials that judge the configurations of the `chosen` trials on `seeds`.

    Each on the problem of its trial, numbered from `first`. Problems without randomness have been
    judged already.
    """
    kept = {(trial.problem_name, trial.configuration_index) for trial in chosen}
    return tuple(_trials(experiment, seeds, kept, first))


def identities(some: Sequence[Metric], loss: str) -> tuple[str, ...]:
    """Identities of those of `some` metrics that apply to a problem, beside the loss."""
    return tuple(m.quantity.identity for m in applicable(some, losses[loss]) if m.name != LOSS)


def _trials(
    experiment: Experiment,
    all_seeds: Sequence[int],
    kept: Collection[tuple[str, int]] | None = None,
    first: int = 0,
) -> list[Trial]:
    """The trials of all configurations, or of the `kept` ones alone, numbered from `first`.

    `kept` has names of problems and numbers of configurations.
    """
    found: list[Trial] = []
    spaces, texts = _numbered(experiment), [problem_text(p.problem) for p in experiment.problems]
    # Problems that are the same but for their targets have the same trials.
    targets: dict[str, set[Target]] = {text: set() for text in texts}
    for named, text in zip(experiment.problems, texts, strict=True):
        targets[text] |= {Target(column, value) for column, value in named.target.items()}
    for named, text in zip(experiment.problems, texts, strict=True):
        problem = named.problem
        random = is_random(problem)
        metrics = identities(experiment.metrics, problem.loss)
        if kept is not None and not random:
            continue
        seeds = all_seeds if random else experiment.seeds[:1]
        aimed = tuple(sorted(targets[text]))
        for optimizer, numbered in spaces:
            for place in optimizer.on.get(named.name, ()):
                number, its_text = numbered[place]
                if kept is not None and (named.name, number) not in kept:
                    continue
                begun = begin(its_text, text)
                for seed in seeds:
                    found.append(
                        Trial(
                            index=first + len(found),
                            problem_name=named.name,
                            optimizer=optimizer.name,
                            problem=problem,
                            configuration=optimizer.configurations[place],
                            configuration_index=number,
                            seed=seed,
                            key=finish(begun, seed if random else None),
                            metrics=metrics,
                            targets=aimed,
                        )
                    )
    return found


def texts(experiment: Experiment) -> tuple[dict[str, str], dict[int, str]]:
    """What keys are made of: canonical JSON of problems by name, of configurations by number."""
    problems = {named.name: problem_text(named.problem) for named in experiment.problems}
    return problems, {number: text for _, some in _numbered(experiment) for number, text in some}


def _numbered(experiment: Experiment) -> list[tuple[Optimizer, list[tuple[int, str]]]]:
    """Each optimizer with the numbers and texts of its configurations; equal ones share one."""
    found, count = [], 0
    for optimizer in experiment.optimizers:
        texts = [configuration_text(configuration) for configuration in optimizer.configurations]
        numbers = {text: count + i for i, text in enumerate(dict.fromkeys(texts))}
        found.append((optimizer, [(numbers[text], text) for text in texts]))
        count += len(numbers)
    return found
