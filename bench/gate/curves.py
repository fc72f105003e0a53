"""What is compared: the curves of configurations, stored or trained in the other precision."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.plan.manifest import Manifest
from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.store.store import Result, Store
from bench.tables.headline import Headline, Headlines
from bench.tables.records import arrivals, curve_chunks
from nncore.metrics import LOSS, TRAIN_LOSS
from nncore.streams import canonical
from nncore.trial import Configuration, Problem, Target

Array = NDArray[np.float64]


EARLY_SEEDS = 3


@dataclass(frozen=True)
class Curves:
    """The training losses `(n, R)` of one configuration at `epochs` `(R,)`, a row per seed.

    A crashed run is all infinite; `crashed` counts them. `targets` are the problem's, by metric,
    and `times` the epochs to them `(n,)`, infinite where a run does not get there; both without
    those of which nobody has kept when runs arrived. `metrics` has
    every other column that was recorded, `(n, R)` too, its worst value where a run has none.
    `asked` are the metrics that a trial is told to record, `headline` is what it is judged by.
    Seeds in `optional` are never missing: those of further rounds, which there may be no need for.
    """

    problem_name: str
    optimizer: str
    problem: Problem
    configuration: Configuration
    configuration_index: int
    random: bool
    seeds: tuple[int, ...]
    epochs: NDArray[np.int64]
    losses: Array
    diverged: NDArray[np.bool_]
    targets: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, Array] = field(default_factory=dict)
    crashed: int = 0
    metrics: Mapping[str, Array] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    headline: Headline = field(default_factory=Headline)
    optional: range = range(0)

    @property
    def content(self) -> str:
        """What names this configuration whatever the spec calls it and whatever its code does."""
        # These were named from the first format on, even where there are none.
        problem = {"batch_size": None, **self.problem.content}
        absent = dict.fromkeys(("schedule", "clip_norm", "clip_value"))
        configuration = {**absent, **self.configuration.content}
        fields = {"problem": problem, "configuration": configuration}
        return hashlib.sha256(canonical(fields).encode()).hexdigest()[:16]

    def on(self, seeds: Sequence[int]) -> Curves:
        """The curves of some of its seeds, in the order given."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return replace(
            self,
            seeds=tuple(seeds),
            losses=self.losses[rows],
            diverged=self.diverged[rows],
            times={name: found[rows] for name, found in self.times.items()},
            metrics={name: found[rows] for name, found in self.metrics.items()},
            crashed=int(np.isinf(self.losses[rows]).all(axis=1).sum()),
            optional=range(0),
        )

    @property
    def finals(self) -> Array:
        """What runs are worth by the headline `(n,)`, less is better, infinite where diverged."""
        known = {TRAIN_LOSS: self.losses, **self.metrics}
        values, places = known[self.headline.column], np.full(len(self.losses), -1)
        if self.headline.kind == "best":
            places = known.get(f"validation_{LOSS}", self.losses).argmin(axis=1)
        found = values[np.arange(len(values)), places]
        return np.where(self.diverged, np.inf, self.headline.quantity.cost(found))

    @property
    def digests(self) -> tuple[str, ...]:
        """Of every seed's training losses."""
        return tuple(hashlib.sha256(row.tobytes()).hexdigest()[:12] for row in self.losses)

    def digest(self, name: str) -> str:
        """Of all seeds' values of another metric."""
        return hashlib.sha256(self.metrics[name].tobytes()).hexdigest()[:12]


def measured(store: Store, manifest: Manifest) -> Iterator[Curves]:
    """The curves of every configuration in a store.

    Missing trials are left out, and those that have not recorded all that they are asked for.
    """
    groups: dict[tuple[str, int], list[Trial]] = {}
    for trial in manifest.trials:
        mine = trial.problem_name, trial.configuration_index
        groups.setdefault(mine, []).append(trial)
    statuses, headlines, until = store.statuses(), Headlines.of(manifest), manifest.until
    for trials in groups.values():
        there = [t for t in trials if t.key in statuses and {*t.asked} <= {*store.asked(t.key)}]
        if not there:
            continue
        chunks = list(curve_chunks(store, there, manifest.columns))
        first = there[0]
        aims = manifest.targets.get(first.problem_name, {})
        targets = {name: aim for name, aim in aims.items() if Target(name, aim) in first.targets}
        times = {name: np.full(len(there), np.inf) for name in targets}
        records = chunks[0].epochs if chunks else np.array([0, first.problem.epochs])
        seen = {name for chunk in chunks for name in chunk.metrics} | {TRAIN_LOSS, *targets}
        values = {
            name: np.full((len(there), len(records)), column.worst)
            for name, column in manifest.columns.items()
            if name in seen
        }
        for chunk in chunks:
            for place, name in enumerate(chunk.metrics):
                values[name][chunk.positions] = chunk.values[:, place]
            for name, found in times.items():
                epochs = arrivals(chunk, Plan.of(there), name, manifest.targets)
                found[chunk.positions] = np.where(np.isnan(epochs), np.inf, epochs)
        losses = values.pop(TRAIN_LOSS)
        yield Curves(
            problem_name=first.problem_name,
            optimizer=first.optimizer,
            problem=first.problem,
            configuration=first.configuration,
            configuration_index=first.configuration_index,
            random=first.problem_name not in manifest.fixed,
            seeds=tuple(t.seed for t in there),
            epochs=records,
            losses=losses,
            diverged=np.array([statuses[t.key] != "ok" for t in there]),
            targets=targets,
            times=times,
            crashed=sum(statuses[t.key] == "crashed" for t in there),
            metrics=values,
            asked=first.metrics,
            headline=headlines.of_problem(first.problem_name),
            optional=range(until.least, until.most) if until and there == trials else range(0),
        )


def other_precision(
    found: Sequence[Curves], jobs: int | None = None, plugins: Sequence[str | Path] = ()
) -> dict[str, dict[str, Array]]:
    """The first seeds' curves of every configuration in the other precision, by content.

    Each by its metric, `(few, R)`. Trains in worker processes. The loss of a trial that crashes
    there is infinite, its other metrics are NaN.
    """
    from bench.plan import keys
    from bench.plan import stacks as stacking
    from bench.run import runner

    trials: list[Trial] = []
    owner: dict[str, list[tuple[str, int]]] = {}
    for curves in found:
        dtype = "float64" if curves.problem.dtype == "float32" else "float32"
        problem = replace(curves.problem, dtype=dtype)
        for i, seed in enumerate(curves.seeds[:EARLY_SEEDS]):
            key = keys.key(problem, curves.configuration, seed)
            trials.append(
                Trial(
                    index=len(trials),
                    problem_name=curves.problem_name,
                    optimizer=curves.optimizer,
                    problem=problem,
                    configuration=curves.configuration,
                    configuration_index=curves.configuration_index,
                    seed=seed,
                    key=key,
                    metrics=curves.asked,
                )
            )
            owner.setdefault(key, []).append((curves.content, i))
    others = {
        c.content: {
            name: np.full((len(c.seeds[:EARLY_SEEDS]), len(c.epochs)), empty)
            for name, empty in {TRAIN_LOSS: np.inf, **dict.fromkeys(c.metrics, np.nan)}.items()
        }
        for c in found
    }

    def keep(result: Result) -> None:
        for key, record in zip(result.keys, result.records, strict=True):
            if record.metrics:
                rows = np.frombuffer(record.curve).reshape(len(record.metrics), -1)
                for content, i in owner[key]:
                    for name, values in zip(record.metrics, rows, strict=True):
                        if name in others[content]:
                            others[content][name][i] = values

    jobs = jobs or runner.cores()
    runner.run(
        stacking.stacks(trials, jobs=jobs),
        on_result=keep,
        jobs=jobs,
        estimate=stacking.seconds,
        plugins=plugins,
    )
    return others


def gap(before: float, now: float) -> float:
    """Relative difference, infinite beside an infinity or NaN that only one of them has."""
    if before == now or (math.isnan(before) and math.isnan(now)):
        return 0.0
    if not (math.isfinite(before) and math.isfinite(now)):
        return math.inf
    return abs(now - before) / max(abs(before), abs(now))
