"""A trial of an experiment, and what is trained together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nncore.trial import Configuration, Problem, Seeds, Target


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


Stack = Sequence[Trial]
