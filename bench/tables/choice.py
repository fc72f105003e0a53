"""What optimizers are compared by: chosen from an experiment's tables once, for whoever asks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.tables.best import best_rows, best_trials
from bench.tables.phases import all_evaluated, searched
from bench.tables.ranges import intervals_or_ranges


@dataclass(frozen=True)
class Choice:
    """The best configuration of every optimizer on every problem: its trials, and its row.

    `trials` and `summary` are the tables that a report writes; problems in `fixed` have no
    randomness. What is derived is computed when it is first asked for, and kept.
    """

    trials: pd.DataFrame
    summary: pd.DataFrame
    fixed: Collection[str] = ()

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The trials of the best configurations."""
        return best_trials(self.trials)

    @cached_property
    def best(self) -> pd.DataFrame:
        """The rows of the best configurations, with intervals or ranges, `settings` in words."""
        return best_rows(self._ranged)

    @cached_property
    def searched(self) -> pd.DataFrame:
        """The rows that the best were chosen from, with intervals or ranges."""
        return searched(self._ranged)

    @cached_property
    def apart(self) -> bool:
        """Whether all that is random was judged on seeds that the choice has not seen."""
        return all_evaluated(self.trials, self.fixed)

    @cached_property
    def _ranged(self) -> pd.DataFrame:
        return intervals_or_ranges(self.summary, self.trials)
