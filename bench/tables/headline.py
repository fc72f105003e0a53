"""The metric that an experiment is judged by, as a cost: the less the better, infinity the worst.

Everything that chooses, ranks or compares works on costs. Words, tables and figures turn back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plan.manifest import Manifest
from bench.spec.judging import parts_of
from nncore.metrics import BUILT_IN_COLUMNS, LOSS, TRAIN_LOSS, Columns, Quantity
from nncore.metrics import words as column_words

Array = NDArray[np.float64]
# No metric or hyperparameter is called so: those are identifiers.
COST = "headline cost"
MEDIAN, LOW, HIGH = (f"{COST}_{end}" for end in ("median", "low", "high"))


@dataclass(frozen=True)
class Headline:
    """A metric of the last record (`kind` "final") or of the best one ("best").

    `column` is the metric on a part, `quantity` what there is to know of it.
    """

    kind: str = "final"
    column: str = TRAIN_LOSS
    quantity: Quantity = BUILT_IN_COLUMNS[TRAIN_LOSS]

    @property
    def name(self) -> str:
        """Its column in `trials.csv`."""
        return f"{self.kind}_{self.column}"

    @property
    def words(self) -> str:
        """It in a sentence.

        >>> Headline().words
        'final training loss'
        """
        return f"{self.kind} {column_words(self.column, {self.column: self.quantity})}"

    @property
    def way(self) -> str:
        """What the best value is among others."""
        return "lowest" if self.quantity.lower else "highest"

    @property
    def than(self) -> str:
        """How a better value is called beside another."""
        return "lower" if self.quantity.lower else "higher"

    @property
    def plural(self) -> str:
        """Its values in a sentence.

        >>> Headline().plural
        'final training losses'
        """
        return f"{self.words}es" if self.is_loss else f"values of {self.words}"

    @property
    def is_loss(self) -> bool:
        """Whether it is the problem's loss, of whatever part."""
        return self.quantity.name == LOSS

    @property
    def is_score(self) -> bool:
        """Whether differences are compared and not ratios: it has an end, or more is better."""
        return self.quantity.is_score

    def values(self, costs: Any) -> Any:
        """Values from costs, of any shape; infinity is the worst."""
        return self.quantity.cost(costs)

    @property
    def worst(self) -> float:
        """The cost of a diverged trial."""
        return float(self.quantity.cost(self.quantity.worst))

    def costs(self, trials: pd.DataFrame) -> Array:
        """What every trial is worth `(N,)`: the worst if it diverged, NaN if nothing is known."""
        if self.name not in trials:
            return np.full(len(trials), np.nan)
        values = trials[self.name].to_numpy(dtype=float, copy=True)
        values[trials["status"].to_numpy() == "diverged"] = self.quantity.worst
        return np.asarray(self.quantity.cost(values))


@dataclass(frozen=True)
class Headlines:
    """What each problem is judged by, and what its search is shown by.

    The two differ where a test metric judges: what is sought is then what configurations were
    chosen by. Problems that are not named have the final training loss.
    """

    judged: Mapping[str, Headline] = field(default_factory=dict)
    sought: Mapping[str, Headline] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest) -> Headlines:
        """Those of an experiment."""
        known = manifest.columns
        judged = {p: headline(manifest.judge_of(p).metric, known) for p in manifest.problems}
        sought = {}
        for problem, own in judged.items():
            kind, column = parts_of(manifest.criterion_of(problem))
            if own.column.startswith("test_") and not column.startswith("test_"):
                kind = "final" if kind == "time_to" else kind
                sought[problem] = Headline(kind, column, known[column])
        return cls(judged, sought)

    def of_problem(self, problem: str) -> Headline:
        """What a problem is judged by."""
        return self.judged.get(problem, Headline())

    def of_search(self, problem: str) -> Headline:
        """What its configurations are sought by."""
        return self.sought.get(problem, self.of_problem(problem))

    def costed(
        self, trials: pd.DataFrame, alive: Collection[tuple[str, int]] | None = None
    ) -> pd.DataFrame:
        """`trials` with a column `COST`; in a tuning phase it is that of the search.

        A crashed trial has the worst, so that nobody is chosen by its survivors, unless there is
        no outcome of its configuration at all: those problems and configurations that have one are
        `alive`, by default as these trials say.
        """
        found = np.full(len(trials), np.nan)
        known = (Headline(), *self.judged.values(), *self.sought.values())
        looked_at = {each.name for each in known} | {"status", "phase", "configuration"}
        some = trials[[name for name in trials if name in looked_at]]
        for problem, rows in trials.groupby("problem", sort=False).indices.items():
            mine = some.iloc[rows]
            found[rows] = self.of_problem(str(problem)).costs(mine)
            if "phase" in trials and str(problem) in self.sought:
                tuned = (mine["phase"] == "tuning").to_numpy()
                found[rows[tuned]] = self.of_search(str(problem)).costs(mine[tuned])
            crashed = (mine["status"] == "crashed").to_numpy()
            if crashed.any():
                numbers = mine["configuration"].to_numpy()
                ran = numbers[~crashed].tolist()
                if alive is not None:
                    ran = [number for name, number in alive if name == problem]
                lost = rows[crashed & np.isin(numbers, ran)]
                found[lost] = self.of_problem(str(problem)).worst
        return trials.assign(**{COST: found})


def headline(name: str, metrics: Columns) -> Headline:
    """The headline `name`, such as "final_validation_accuracy"; `metrics` has its column."""
    kind, column = parts_of(name)
    return Headline(kind, column, metrics[column])


def common(some: Collection[Headline]) -> Headline | None:
    """The one that all are, if they are one."""
    distinct = dict.fromkeys(each.name for each in some)
    return next(iter(some)) if len(distinct) == 1 else None


def comparative(some: Collection[Headline]) -> str:
    """How better values of headlines are called beside others."""
    one = common(some)
    return one.than if one else "better"


def best_median(some: Collection[Headline]) -> str:
    """What the best median is of problems with these headlines.

    >>> best_median([Headline()])
    'lowest median final training loss'
    """
    one = common(some)
    return f"{one.way} median {one.words}" if one else "best median of the problem's own metric"


def criterion_words(manifest: Manifest) -> str:
    """What configurations are chosen by, in a sentence."""
    known = manifest.columns
    # Without randomness nothing is chosen by tuning, unless there is nothing else.
    asked = [name for name in manifest.problems if name not in manifest.fixed]
    criteria = {manifest.criterion_of(name) for name in asked or manifest.problems}
    one = criteria.pop() if len(criteria) == 1 else ""
    if one.startswith("time_to_"):
        told = column_words(parts_of(one)[1], known)
        return f"shortest median time to the target of the {told}"
    return best_median([headline(one, known)]) if one else best_median([])


def without_costs(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of trials or a summary as files have it."""
    return frame.drop(columns=[c for c in (COST, MEDIAN, LOW, HIGH) if c in frame])
