"""What all figures of an experiment are drawn from, each part computed once."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from bench.figures import paths, style
from bench.figures.paths import Landscape
from bench.figures.style import Look
from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.tables.bundle import Tables
from bench.tables.headline import MEDIAN, Headline, best_median
from bench.verdicts import ALL, Verdicts
from bench.verdicts.claims import Claims
from bench.verdicts.samples import SAME, floor_of

LOST = "a diverged run counting as infinite"
LOST_SCORE = "a diverged run counting as the worst"


@dataclass(frozen=True)
class Material:
    """An experiment's tables and verdicts, and what several pages need of them.

    `planned` defines the trials that rows of tables number. `targets` gives each problem's metrics
    to reach, `losses` the name of its loss. `judged` says on which seeds configurations were chosen
    and judged, if not on the same, `given` the same where there is no choice, `swept` then on which
    all of them ran. `plugins` are the files whose pages are drawn too; `claims` are the spec's,
    decided. What is derived is computed when it is first asked for, and kept.
    """

    tables: Tables
    verdicts: Verdicts
    planned: Sequence[Trial] = ()
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    judged: str = ""
    given: str = ""
    swept: str = ""
    plugins: Collection[str] = ()
    claims: Claims = field(default_factory=Claims)

    @cached_property
    def looks(self) -> Mapping[str, Look]:
        """How each optimizer is drawn."""
        return style.looks(self.tables.summary)

    @cached_property
    def joint_looks(self) -> Mapping[str, Look]:
        """The looks, with those of the ranking's optimizers that stand for several."""
        labels = {label: self.looks[name] for label, name in self.verdicts.names.items()}
        return {**self.looks, **labels}

    def floor(self, problem: str) -> float:
        """The loss on a problem at or below which there is only rounding; 0 if nobody knows."""
        return self._floors.get(problem, 0.0)

    @cached_property
    def _floors(self) -> Mapping[str, float]:
        return {name: floor_of(problem) for name, problem in Plan.of(self.planned).problems.items()}

    def labels_of(self, optimizers: Collection[str]) -> set[str]:
        """What rankings and pairs call optimizers, of which one row may stand for several."""
        wanted = set(optimizers)
        labels = self.verdicts.names
        return wanted | {label for label in labels if wanted & {*label.split(SAME)}}

    @cached_property
    def landscapes(self) -> Mapping[str, Landscape]:
        """Paths over the problems that are functions of two parameters; trains them again."""
        return paths.landscapes(self.planned, self.tables.runs)

    @property
    def chosen(self) -> str:
        """How configurations were chosen, and on which seeds they are judged."""
        return self.judged or f"Best: {self.best_told(self.problems)}."

    def judged_on(self, problem: str) -> str:
        """On which seeds configurations were chosen, where there is a choice, and judged."""
        several = self.searched_on(problem)["optimizer"].duplicated().any()
        return self.judged if several else self.given

    def headline(self, problem: str) -> Headline:
        """What a problem is judged by."""
        return self.tables.headlines.of_problem(problem)

    def sought(self, problem: str) -> Headline:
        """What the configurations of a problem are sought by."""
        return self.tables.headlines.of_search(problem)

    def headlines(self, problems: Collection[str]) -> list[Headline]:
        """What problems are judged by."""
        return [self.headline(problem) for problem in problems]

    def best_told(self, problems: Collection[str]) -> str:
        """What makes a configuration the best on problems.

        "lowest median final training loss over seeds, a diverged run counting as infinite"
        """
        some = [self.sought(problem) for problem in problems]
        infinite = all(math.isinf(each.quantity.worst) for each in some)
        return f"{best_median(some)} over seeds, {LOST if infinite else LOST_SCORE}"

    @cached_property
    def problems(self) -> list[str]:
        """Names of the problems, in the order of the trials."""
        return list(self.tables.searched["problem"].unique())

    def best_on(self, problem: str) -> pd.DataFrame:
        """The rows of the best configurations on one problem, the best median first."""
        rows = self.tables.best[self.tables.best["problem"] == problem]
        return rows.sort_values([MEDIAN, "optimizer"], kind="stable", na_position="last")

    def searched_on(self, problem: str) -> pd.DataFrame:
        """The rows of one problem that its best were chosen from."""
        return self.tables.searched[self.tables.searched["problem"] == problem]

    def ranked(self, problem: str) -> pd.DataFrame:
        """Rows of the ranking of one problem, or of all together, best first."""
        rows = self.verdicts.ranking[self.verdicts.ranking["problem"] == problem]
        by = "mean_rank" if problem == ALL else "rank"
        return rows.sort_values([by, "optimizer"], kind="stable", na_position="last")

    def audited(self, page: str, problem: str = "") -> list[str]:
        """What the audit says about a page, of one problem or of all."""
        return self.verdicts.lines(page, problem)
