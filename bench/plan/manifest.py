"""What a results folder holds, as plain data: enough to report on it without its spec or plugins.

Reading a folder that someone sent must not run code in it, so nothing is taken from its `spec.toml`
or looked up in a registry that a plugin would have to fill.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.plan.rows import Texts
from bench.plan.spans import Plan, Span, joined
from bench.plan.trial import Trial
from bench.plan.trials import texts
from bench.spec import judging
from bench.spec.claims import Claim
from bench.spec.experiment import Experiment
from bench.spec.judging import Judged
from bench.spec.seeds import UntilDecided, until_of
from bench.spec.tuning import Tuning
from nncore.datasets import remarks
from nncore.metrics import Columns, Quantity, columns, recorded
from nncore.registry import BUILT_IN
from nncore.rules import rules
from nncore.text import shown
from nncore.trial import Problem, is_random


def built_in() -> tuple[Quantity, ...]:
    """What there is to know of the built-in metrics."""
    return tuple(metric.quantity for metric in recorded())


@dataclass(frozen=True)
class Manifest:
    """An experiment's trials with their keys, the targets of its problems, and its spec as run.

    `fixed` names the problems without randomness, `tuning` says on which seeds configurations were
    chosen and by what, if on seeds of their own. `metrics` has what there is to know of those that
    are recorded, where they apply. `judged` says what problems are judged by, `remarks` what the
    data of a problem gave reason to say, `defaults` the hyperparameters of plugins' rules where a
    spec does not name them, `claims` what the spec says of the results beforehand. `texts` are what
    keys are made of, of problems by name and of configurations by number, where that is known.
    """

    name: str
    trials: Sequence[Trial]
    targets: Mapping[str, Mapping[str, float]]
    fixed: frozenset[str]
    spec: Mapping[str, Any]
    tuning: Tuning | None = None
    metrics: tuple[Quantity, ...] = field(default_factory=built_in)
    judged: Mapping[str, Judged] = field(default_factory=dict)
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    texts: Texts = field(default_factory=lambda: ({}, {}), compare=False)

    @property
    def columns(self) -> Columns:
        """The columns of metrics that tables may have, in their order."""
        return columns(self.metrics)

    @cached_property
    def _choosing(self) -> frozenset[int]:
        """The seeds that configurations are chosen on."""
        return frozenset(self.tuning.seeds if self.tuning else ())

    @cached_property
    def plan(self) -> Plan:
        """The trials in spans."""
        return Plan.of(self.trials)

    @property
    def evaluation(self) -> Plan:
        """The trials that judge, of problems with randomness: all where nothing is tuned."""
        random = (span for span in self.plan.spans if span.problem_name not in self.fixed)
        return Plan(span.without(self._choosing) for span in random)

    @property
    def evaluation_seeds(self) -> dict[str, int]:
        """On how many seeds each problem with randomness is judged."""
        found: dict[str, set[int]] = {}
        for span in self.evaluation.spans:
            found.setdefault(span.problem_name, set()).update(span.seeds)
        return {problem: len(seeds) for problem, seeds in found.items()}

    @property
    def until(self) -> UntilDecided | None:
        """The rounds in which seeds are added; None where seeds are fixed."""
        return until_of(self.spec)

    @property
    def problems(self) -> Mapping[str, Problem]:
        """The problems by name, in the order of the trials."""
        return self.plan.problems

    def judge_of(self, problem: str) -> Judged:
        """What a problem is judged by."""
        return self.judged.get(problem, Judged())

    @property
    def claimed(self) -> tuple[str, ...]:
        """The digests of the claims with their margins, in their order."""
        judged = {name: self.judge_of(name) for name in self.problems}
        return tuple(claim.digest(judged) for claim in self.claims)

    def criterion_of(self, problem: str) -> str:
        """What a problem's configurations are chosen by."""
        own = self.tuning.criterion if self.tuning else None
        return own or self.judge_of(problem).metric

    @property
    def data(self) -> Mapping[str, str]:
        """What problems are told apart by where they are put together: equal texts count as one."""
        if judging.same_data_counts(self.spec):
            return {name: name for name in self.problems}
        definitions = {name: problem.dataset for name, problem in self.problems.items()}
        return {name: json.dumps(data, sort_keys=True) for name, data in definitions.items()}

    @property
    def tuned(self) -> bool:
        """Whether all these trials are for choosing configurations, none for judging them."""
        random = [span for span in self.plan.spans if span.problem_name not in self.fixed]
        return bool(random) and not any(len(span.without(self._choosing)) for span in random)

    def phase(self, trial: Trial) -> str:
        """What a trial is for: "tuning" or "evaluation"."""
        if self.tuning is None or trial.problem_name in self.fixed:
            return "tuning"
        return "tuning" if trial.seed in self._choosing else "evaluation"

    def phase_of_all(self, plan: Plan | None = None) -> NDArray[np.object_]:
        """What each trial is for `(N,)`, of all or of a `plan` of some."""
        plan = self.plan if plan is None else plan
        if self.tuning is None:
            return np.full(len(plan), "tuning", dtype=object)
        tuned = plan.column(lambda span: span.problem_name in self.fixed, dtype=bool)
        tuned |= np.isin(plan.seeds, self.tuning.seeds)
        return np.where(tuned, "tuning", "evaluation").astype(object)

    def phases(self, span: Span) -> tuple[str, ...]:
        """What the trials of a span are for."""
        if self.tuning is None or span.problem_name in self.fixed:
            return ("tuning",)
        judge = len(span.without(self._choosing))
        return ("tuning",) * (judge < len(span)) + ("evaluation",) * (judge > 0)


def of(experiment: Experiment, trials: Sequence[Trial]) -> Manifest:
    """The manifest of an experiment and its planned trials."""
    return Manifest(
        experiment.name,
        trials,
        {p.name: p.target for p in experiment.problems},
        frozenset(p.name for p in experiment.problems if not is_random(p.problem)),
        experiment.raw,
        experiment.tuning,
        tuple(m.quantity for m in experiment.metrics),
        {p.name: p.judged for p in experiment.problems},
        {
            p.name: list(map(shown, said))
            for p in experiment.problems
            if (said := remarks(p.problem.dataset))
        },
        _defaults(experiment),
        experiment.claims,
        texts(experiment),
    )


def _defaults(experiment: Experiment) -> dict[str, dict[str, float]]:
    used = (rules[optimizer.rule] for optimizer in experiment.optimizers)
    return {rule.name: dict(rule.hyperparameters) for rule in used if rule.origin != BUILT_IN}


def united(parts: Sequence[Manifest]) -> Manifest:
    """The manifest of one experiment from those of its shards, in the order of the spec.

    All have the whole plan, but for the trials that judge what was chosen.
    """
    return dataclasses.replace(
        parts[-1],
        trials=joined([part.plan for part in parts]),
        targets={name: target for part in parts for name, target in part.targets.items()},
        remarks={name: said for part in parts for name, said in part.remarks.items()},
        defaults={name: values for part in parts for name, values in part.defaults.items()},
        fixed=frozenset().union(*(part.fixed for part in parts)),
        judged={name: judged for part in parts for name, judged in part.judged.items()},
        texts=(
            {name: text for part in parts for name, text in part.texts[0].items()},
            {number: text for part in parts for number, text in part.texts[1].items()},
        ),
    )
