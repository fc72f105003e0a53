"""An experiment's tables in one hand, each computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from bench.plan.manifest import Manifest
from bench.store.store import Store
from bench.tables.bands import EMPTY, Course, courses
from bench.tables.below import Below
from bench.tables.best import best_rows, best_trials
from bench.tables.costs import COLUMNS, costs_frame
from bench.tables.headline import COST, Headlines
from bench.tables.phases import searched
from bench.tables.ranges import intervals_or_ranges
from bench.tables.records import At, unwatched
from bench.tables.summary import summary_frame
from bench.tables.trials import See, TrialRows
from bench.tables.variance import Twins, twins_of
from bench.tables.words import Defaults
from nncore.metrics import BUILT_IN_COLUMNS, Columns

# What is looked at of every trial, beside `time_to_*`.
KEPT = (
    *("trial", "problem", "optimizer", "configuration", "seed", "learning_rate"),
    *("status", "above_constant", "phase", COST),
)


@dataclass(frozen=True)
class Tables:
    """What verdicts, figures and `best.toml` are made from.

    `summary` is that of the CSV file; `runs` are the rows of the best configurations' trials,
    `course` has what is shown of their curves. `trials` has a row for every trial, of which there
    may be millions, and so of its columns those that are looked at: `KEPT` and `time_to_*`; `whole`
    has all columns where no more than a piece of rows was made at once.
    `metrics` are the columns that trials were measured in, `costs` says what an epoch costs,
    `headlines` what trials are judged by: trials and summaries have its cost, files do not. `twins`
    are the runs that tell where variance comes from, if any; `defaults` are those of plugins'
    rules. What follows is computed when it is first asked for, and kept.
    """

    trials: pd.DataFrame
    summary: pd.DataFrame
    runs: pd.DataFrame
    course: Course = EMPTY
    whole: pd.DataFrame | None = None
    metrics: Columns = field(default_factory=lambda: BUILT_IN_COLUMNS)
    costs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    headlines: Headlines = field(default_factory=Headlines)
    twins: tuple[Twins, ...] = ()
    defaults: Defaults = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        store: Store,
        manifest: Manifest,
        at: Callable[[str], At] = lambda what: unwatched,
        *,
        keep: Callable[[pd.DataFrame], object] = lambda rows: None,
        see: See | None = None,
    ) -> Tables:
        """Those of what is stored; `at(what)` is told how many of what are done.

        `keep` is given the rows of all trials piece by piece, `see` the curves that they are of.
        """
        table, headlines = TrialRows(store, manifest), Headlines.of(manifest)
        trials, summaries = Below(len(manifest.plan)), []
        for rows in table.pieces(at("trials read"), see=see):
            keep(rows)
            costed = headlines.costed(rows, table.alive)
            summaries.append(summary_frame(costed, manifest.fixed))
            looked_at = [c for c in costed if c in KEPT or str(c).startswith("time_to_")]
            trials.add(costed[looked_at])
        whole = costed if len(summaries) == 1 else None
        best = best_trials(trials.whole())["trial"]
        chosen = manifest.plan.only(best)
        if whole is None:
            runs = headlines.costed(table.rows(chosen), table.alive)
        else:
            runs = whole[whole["trial"].isin(best)].reset_index(drop=True)
        shown = courses(store, chosen, runs, manifest.columns, at("curves of the best read"))
        return cls(
            trials.whole(),
            pd.concat(summaries, ignore_index=True),
            runs,
            shown,
            whole,
            manifest.columns,
            costs_frame(store, manifest),
            headlines,
            twins_of(store, manifest),
            manifest.defaults,
        )

    @property
    def bands(self) -> pd.DataFrame:
        """Quartiles of the best configurations' curves."""
        return self.course.bands

    @cached_property
    def _ranged(self) -> pd.DataFrame:
        """The summary with intervals, or ranges where seeds are too few for an interval."""
        return intervals_or_ranges(self.summary, self.trials)

    @cached_property
    def best(self) -> pd.DataFrame:
        """The summary's rows of the best configurations, with intervals or ranges."""
        return best_rows(self._ranged, self.defaults)

    @cached_property
    def searched(self) -> pd.DataFrame:
        """The summary's rows that the best were chosen from, with intervals or ranges."""
        return searched(self._ranged)
