"""An experiment's tables in one hand, each computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from bench.plan.manifest import Manifest
from bench.store.store import Store
from bench.tables.bands import curve_bands
from bench.tables.best import best_rows, best_trials
from bench.tables.costs import COLUMNS, costs_frame
from bench.tables.curves import curves_frame
from bench.tables.headline import Headlines
from bench.tables.phases import searched
from bench.tables.ranges import intervals_or_ranges
from bench.tables.records import At, unwatched
from bench.tables.summary import summary_frame
from bench.tables.trials import trials_frame, with_keys
from bench.tables.variance import Twins, twins_of
from bench.tables.words import Defaults
from nncore.metrics import BUILT_IN_COLUMNS, Columns


@dataclass(frozen=True)
class Tables:
    """What verdicts, figures and `best.toml` are made from.

    `trials` and `summary` are those of the CSV files, trials without their keys, which are long;
    `runs` are the trials of the best configurations; `curves` needs no others than theirs;
    `metrics` are the columns that trials were measured in, `costs` says what an epoch costs,
    `headlines` what trials are judged by: trials and summaries have its cost, files do not. `twins`
    are the runs that tell where variance comes from, if any; `defaults` are those of plugins'
    rules. What follows is computed when it is first asked for, and kept.
    """

    trials: pd.DataFrame
    summary: pd.DataFrame
    runs: pd.DataFrame
    curves: pd.DataFrame
    metrics: Columns = field(default_factory=lambda: BUILT_IN_COLUMNS)
    costs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    headlines: Headlines = field(default_factory=Headlines)
    twins: tuple[Twins, ...] = ()
    defaults: Defaults = field(default_factory=dict)

    @classmethod
    def of(
        cls, store: Store, manifest: Manifest, at: Callable[[str], At] = lambda what: unwatched
    ) -> Tables:
        """Those of what is stored; `at(what)` is told how many of what are done."""
        metrics, headlines = manifest.columns, Headlines.of(manifest)
        trials = headlines.costed(trials_frame(store, manifest, at("trials read"), keys=False))
        runs = with_keys(best_trials(trials), manifest.plan)
        chosen = manifest.plan.only(runs["trial"])
        curves = curves_frame(store, chosen, metrics, at("curves of the best read"))
        summary, costs = summary_frame(trials, manifest.fixed), costs_frame(store, manifest)
        twins, known = twins_of(store, manifest), manifest.defaults
        return cls(trials, summary, runs, curves, metrics, costs, headlines, twins, known)

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

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Quartiles of the best configurations' curves."""
        return curve_bands(self.runs, self.curves, self.metrics)
