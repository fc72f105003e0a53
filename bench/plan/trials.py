"""The trials of an experiment: problems x configurations x seeds, each with its key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bench.plan.keys import configuration_text, problem_text
from bench.plan.spans import Following, Plan, Span, compact
from bench.plan.trial import Trial
from nncore.losses import losses
from nncore.metrics import LOSS, Metric, applicable
from nncore.trial import Target, is_random

if TYPE_CHECKING:
    from bench.spec.experiment import Experiment
    from bench.spec.optimizers import Optimizer


def trials(experiment: Experiment) -> Plan:
    """Every trial of an experiment, by problem, optimizer, configuration and seed.

    A problem without randomness has one trial per configuration, with the first seed. A trial that
    two optimizers share is there twice, with one key. Of an experiment with tuning, the trials that
    configurations are chosen by; of one with seeds in rounds, those of the first round.
    """
    tuning = experiment.tuning
    return Plan(_spans(experiment, first_seeds(experiment) if tuning is None else tuning.seeds))


def first_seeds(experiment: Experiment) -> tuple[int, ...]:
    """The seeds that every problem is judged on: all, or those of the first round."""
    until = experiment.until
    return experiment.seeds if until is None else experiment.seeds[: until.least]


def evaluation(
    experiment: Experiment, chosen: Iterable[Trial], seeds: Sequence[int], first: int
) -> Plan:
    """The trials that judge the configurations of the `chosen` trials on `seeds`.

    Each on the problem of its trial, numbered from `first`. Problems without randomness have been
    judged already.
    """
    kept = {(trial.problem_name, trial.configuration_index) for trial in chosen}
    return Plan(_spans(experiment, seeds, kept, first))


def identities(some: Sequence[Metric], loss: str) -> tuple[str, ...]:
    """Identities of those of `some` metrics that apply to a problem, beside the loss."""
    return tuple(m.quantity.identity for m in applicable(some, losses[loss]) if m.name != LOSS)


def _spans(
    experiment: Experiment,
    all_seeds: Sequence[int],
    kept: Collection[tuple[str, int]] | None = None,
    first: int = 0,
) -> Iterator[Span]:
    """The trials of all configurations, or of the `kept` ones alone, numbered from `first`.

    `kept` has names of problems and numbers of configurations.
    """
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
        seeds = compact(all_seeds if random else experiment.seeds[:1])
        aimed = tuple(sorted(targets[text]))
        for optimizer, numbered in spaces:
            for place in optimizer.on.get(named.name, ()):
                number, its_text = numbered[place]
                if kept is not None and (named.name, number) not in kept:
                    continue
                yield Span(
                    problem_name=named.name,
                    optimizer=optimizer.name,
                    problem=problem,
                    configuration=optimizer.configurations[place],
                    configuration_index=number,
                    indexes=range(first, first + len(seeds)),
                    seeds=seeds,
                    keys=Following((its_text, text), seeds, fixed=not random),
                    metrics=metrics,
                    targets=aimed,
                )
                first += len(seeds)


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
