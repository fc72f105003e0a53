"""What claims are decided by: the values of trials by seed, of a metric or of a formula."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.manifest import Manifest
from bench.plan.spans import Plan
from bench.spec.claims import Claim, agrees, column_of, numbers_of
from bench.spec.formulas import Formula, formula
from bench.stats.decision import Scale
from bench.tables.best import best_trials
from bench.tables.headline import Headline, Headlines
from bench.tables.marks import EPOCH
from bench.tables.records import Targets
from bench.verdicts.samples import Terms, terms_of
from nncore.metrics import LOSS, Columns
from nncore.trial import Configuration, Problem

Array = NDArray[np.float64]
EVALUATION, SEARCH = "evaluation", "tuning"
Phases = Mapping[str, Mapping[int, Configuration]]  # configurations by their numbers, by phase


@dataclass(frozen=True)
class Evidence:
    """What claims are decided by.

    `trials` has a row per trial with its cost, `marks` by trial the metrics of single epochs
    (`epoch_10_train_loss`), `trained` defines the trials that rows number, `plan` has by problem
    and optimizer the configurations of its trials, whether they have been trained or not; the rest
    is by problem: its definition, its targets, the `fixed` ones without randomness, on what terms
    it is compared.
    """

    trials: pd.DataFrame
    columns: Columns
    headlines: Headlines
    problems: Mapping[str, Problem]
    targets: Targets
    fixed: Collection[str]
    terms: Mapping[str, Terms]
    plan: Mapping[tuple[str, str], Phases]
    marks: pd.DataFrame = field(default_factory=pd.DataFrame)
    trained: Plan = field(default_factory=Plan)

    def judged(
        self, claim: Claim, problem: str, optimizer: str
    ) -> tuple[str, Mapping[int, Configuration]]:
        """The phase whose trials judge an optimizer on a problem, and what takes part in a claim.

        That are the configurations by their numbers, as they are planned; in an evaluation the one
        that was chosen before, on other seeds. None as long as that is to be chosen.
        """
        phases = self.plan.get((problem, optimizer), {})
        if phases.get(EVALUATION) == {}:
            return EVALUATION, {}
        several = len({number for some in phases.values() for number in some}) > 1
        for phase in (EVALUATION, SEARCH):
            some = phases.get(phase, {})
            kept = {n: one for n, one in some.items() if not several or agrees(one, claim.at)}
            if kept:
                return phase, kept
        return SEARCH, {}

    def runs(self, claim: Claim, problem: str, optimizer: str) -> pd.DataFrame:
        """The trials of an optimizer on a problem that a claim is about, all configurations."""
        phase, some = self.judged(claim, problem, optimizer)
        rows = self.trials.iloc[self._met.get((problem, optimizer), [])]
        rows = rows[rows["configuration"].isin(list(some))]
        return rows[rows["phase"] == phase] if "phase" in rows else rows

    @cached_property
    def _met(self) -> Mapping[Any, Any]:
        """Where the trials of every optimizer on every problem stand."""
        return dict(self.trials.groupby(["problem", "optimizer"], sort=False).indices)

    def keys(self, rows: pd.DataFrame) -> set[str]:
        """The keys of some trials: those in their rows, or of the trials that they number."""
        return {*(rows["key"] if "key" in rows else self.trained.only(rows["trial"]).keys)}

    def best(self, claim: Claim, problem: str, optimizer: str) -> pd.DataFrame:
        """Those of the best configuration."""
        return best_trials(self.runs(claim, problem, optimizer))


@dataclass(frozen=True)
class Measure:
    """What is measured of trials: a metric, or a `formula` of several and of the spec's numbers."""

    text: str
    formula: Formula
    headline: Headline | None
    timed: bool = False

    @classmethod
    def of(cls, claim: Claim, problem: str, evidence: Evidence) -> Measure:
        """That of a claim on a problem."""
        if claim.metric is None:
            own = evidence.headlines.of_problem(problem)
            return cls(own.name, formula(own.name), own)
        read = formula(claim.metric)
        found = column_of(read.text.strip()) if read.is_name else None
        if found is None:
            return cls(claim.metric, read, None)
        kind, column = found
        headline = Headline(kind, column, evidence.columns[column])
        return cls(claim.metric, read, None if kind == "time_to" else headline, kind == "time_to")

    def values(self, rows: pd.DataFrame, problem: Problem, evidence: Evidence) -> pd.Series:
        """The values of trials by their seeds; NaN where nothing is known, never of a lost run.

        What a diverged run has lost has its worst value; a formula makes of that what it says.
        """
        given: dict[str, Any] = {}
        numbers = numbers_of(problem)
        for name in self.formula.names:
            found = column_of(name)
            if found is None:
                own = rows[name] if name in rows else pd.Series(np.nan, rows.index)
                own = pd.to_numeric(own, errors="coerce")
                column_values = own.fillna(numbers.get(name, np.nan))
                given[name] = column_values.to_numpy(dtype=float)
                continue
            kind, column = found
            if kind.startswith(EPOCH):
                marked = evidence.marks.get(f"{kind}_{column}", pd.Series(dtype=float))
                given[name] = rows["trial"].map(marked).to_numpy(dtype=float)
            elif kind == "time_to":
                given[name] = rows[name].to_numpy(dtype=float) if name in rows else np.nan
            else:
                quantity = evidence.columns[column]
                known = rows.get(f"{kind}_{column}", pd.Series(np.nan, rows.index))
                lost = (rows["status"] == "diverged").to_numpy()
                given[name] = np.where(lost, quantity.worst, known.to_numpy(dtype=float))
        out = np.broadcast_to(self.formula(given), (len(rows),)).astype(float)
        if self.headline is None and not self.timed:
            nothing = np.zeros(len(rows), dtype=bool)
            for value in given.values():
                nothing |= np.isnan(value)
            out = np.where(nothing, np.nan, np.where(np.isnan(out), np.inf, out))
        return pd.Series(out, rows["seed"].to_numpy())

    def ranked(self, rows: pd.DataFrame, problem: Problem, evidence: Evidence) -> pd.Series:
        """`values` where they are compared: a formula of what a diverged run has lost is infinite.

        Less of a formula is better, whatever it makes of worst values: 1 / infinity is no merit.
        """
        found = self.values(rows, problem, evidence)
        return found.mask(self._lost(rows), np.inf) if self.headline is None else found

    def _lost(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Which runs `(n,)` had diverged before something was measured that the formula names.

        Times are no such thing: a run that has arrived has.
        """
        diverged = (rows["status"] == "diverged").to_numpy()
        seen = rows["diverged_epoch"].to_numpy(dtype=float, na_value=np.inf)
        lost = np.zeros(len(rows), dtype=bool)
        for kind, _ in filter(None, map(column_of, self.formula.names)):
            if kind.startswith(EPOCH):
                lost |= diverged & (seen <= int(kind.removeprefix(EPOCH)))
            elif kind != "time_to":
                lost |= diverged
        return lost

    def costs(self, values: Array) -> Array:
        """Values so that less is better; of a formula less is."""
        return self.headline.quantity.cost(values) if self.headline else values

    def scale(self, *values: Array) -> Scale:
        """Ratios of losses and times; differences of scores, formulas and what is negative."""
        plain = self.headline.is_score if self.headline else not self.timed
        negative = any((v[~np.isnan(v)] < 0).any() for v in values)
        return Scale.DIFFERENCE if plain or negative else Scale.RATIO

    def floor(self, problem: str, evidence: Evidence) -> float:
        """The value at or below which there is only rounding."""
        is_loss = self.headline is not None and self.headline.quantity.name == LOSS
        return evidence.terms.get(problem, Terms()).floor if is_loss else -np.inf


def _plan(manifest: Manifest) -> dict[tuple[str, str], dict[str, dict[int, Configuration]]]:
    """The configurations that are planned; where some are to be chosen, an evaluation of them."""
    found: dict[tuple[str, str], dict[str, dict[int, Configuration]]] = {}
    for span in manifest.plan.spans:
        phases = found.setdefault((span.problem_name, span.optimizer), {})
        if manifest.tuning is not None and span.problem_name not in manifest.fixed:
            phases.setdefault(EVALUATION, {})
        for phase in manifest.phases(span):
            phases.setdefault(phase, {})[span.configuration_index] = span.configuration
    return found


def evidence_of(trials: pd.DataFrame, manifest: Manifest, marks: pd.DataFrame) -> Evidence:
    """That of an experiment, from its `trials` with their costs and its `marks`."""
    return Evidence(
        trials,
        manifest.columns,
        Headlines.of(manifest),
        manifest.problems,
        manifest.targets,
        manifest.fixed,
        terms_of(manifest),
        _plan(manifest),
        marks,
        manifest.plan,
    )
