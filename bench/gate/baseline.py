"""What training converged to, in a small file that can be committed: one line per configuration.

Of every seed the final loss, the times to the targets and a digest of the curve; of a few seeds the
early records, up to where float32 and float64 still agree: beyond, another processor's rounding
would look like another rule.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import stats
from bench.plan.manifest import Manifest
from bench.plan.trials import Trial
from bench.store.store import Result, Store
from bench.tables.records import curve_chunks
from nncore.metrics import BUILT_IN_COLUMNS, TRAIN_LOSS, Columns
from nncore.modifiers import modifiers
from nncore.streams import canonical
from nncore.trial import Configuration, Problem

Array = NDArray[np.float64]
FORMAT = 2
EARLY_SEEDS = 3
EARLY_RECORDS = 6
AGREE = 1e-5  # a tenth of what counts as another rule
DIGITS = 9  # enough for every float32


class BaselineError(Exception):
    """A file that is no baseline, or results that cannot be compared with it."""

    exit_code = 2


@dataclass(frozen=True)
class Curves:
    """The training losses `(n, R)` of one configuration at `epochs` `(R,)`, a row per seed.

    A crashed run is all infinite; `crashed` counts them. `targets` are the problem's, by metric,
    and `times` the epochs to them `(n,)`, infinite where a run does not get there.
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

    @property
    def content(self) -> str:
        """What names this configuration whatever the spec calls it and whatever its code does."""
        # These were named from the first format on, even where there are none.
        problem = {"batch_size": None, **self.problem.content}
        absent = dict.fromkeys(("schedule", "clip_norm", "clip_value"))
        configuration = {**absent, **self.configuration.content}
        fields = {"problem": problem, "configuration": configuration}
        return hashlib.sha256(canonical(fields).encode()).hexdigest()[:16]

    @property
    def finals(self) -> Array:
        """Final losses `(n,)`, infinite where diverged."""
        return np.where(self.diverged, np.inf, self.losses[:, -1])

    @property
    def digests(self) -> tuple[str, ...]:
        """Of every seed's curve."""
        return tuple(hashlib.sha256(row.tobytes()).hexdigest()[:12] for row in self.losses)


@dataclass(frozen=True)
class Line:
    """One configuration of a baseline; fields as in `Curves`, `early` `(few seeds, E)`."""

    problem: str
    optimizer: str
    settings: str
    content: str
    random: bool
    seeds: tuple[int, ...]
    digests: tuple[str, ...]
    final: tuple[float, ...]
    targets: Mapping[str, float]
    times: Mapping[str, tuple[float, ...]]
    early_epochs: tuple[int, ...]
    early: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Baseline:
    """What an experiment converged to, and what computed it."""

    name: str
    made_with: Mapping[str, str]
    lines: tuple[Line, ...]


def measured(store: Store, manifest: Manifest) -> Iterator[Curves]:
    """The curves of every configuration in a store; missing trials are left out."""
    groups: dict[tuple[str, int], list[Trial]] = {}
    for trial in manifest.trials:
        mine = trial.problem_name, trial.configuration_index
        groups.setdefault(mine, []).append(trial)
    statuses = store.statuses()
    for trials in groups.values():
        there = [t for t in trials if t.key in statuses]
        if not there:
            continue
        chunks = list(curve_chunks(store, there, manifest.columns))
        first = there[0]
        targets = manifest.targets.get(first.problem_name, {})
        records = chunks[0].epochs if chunks else np.array([0, first.problem.epochs])
        values = {
            metric: np.full((len(there), len(records)), manifest.columns[metric].worst)
            for metric in (TRAIN_LOSS, *targets)
        }
        for chunk in chunks:
            for metric in values.keys() & set(chunk.metrics):
                values[metric][chunk.positions] = chunk.values[:, chunk.metrics.index(metric)]
        yield Curves(
            problem_name=first.problem_name,
            optimizer=first.optimizer,
            problem=first.problem,
            configuration=first.configuration,
            configuration_index=first.configuration_index,
            random=first.problem_name not in manifest.fixed,
            seeds=tuple(t.seed for t in there),
            epochs=records,
            losses=values[TRAIN_LOSS],
            diverged=np.array([statuses[t.key] != "ok" for t in there]),
            targets=targets,
            times=times(records, values, targets, manifest.columns),
            crashed=sum(statuses[t.key] == "crashed" for t in there),
        )


def times(
    epochs: NDArray[np.int64],
    values: Mapping[str, Array],
    targets: Mapping[str, float],
    metrics: Columns = BUILT_IN_COLUMNS,
) -> dict[str, Array]:
    """Epochs `(n,)` at which curves `values` `(n, R)` reach each of the `targets`."""
    return {
        metric: stats.time_to_target(
            epochs, values[metric], target, at_least=not metrics[metric].lower
        )
        for metric, target in targets.items()
    }


def other_precision(
    found: Sequence[Curves], jobs: int | None = None, plugins: Sequence[str | Path] = ()
) -> dict[str, Array]:
    """The first seeds' losses of every configuration in the other precision, by content.

    Trains in worker processes. A trial that crashes there is infinite.
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
                )
            )
            owner.setdefault(key, []).append((curves.content, i))
    others = {
        c.content: np.full((len(c.seeds[:EARLY_SEEDS]), len(c.epochs)), np.inf) for c in found
    }

    def keep(result: Result) -> None:
        for key, record in zip(result.keys, result.records, strict=True):
            if record.metrics:
                rows = np.frombuffer(record.curve).reshape(len(record.metrics), -1)
                for content, i in owner[key]:
                    others[content][i] = rows[record.metrics.index(TRAIN_LOSS)]

    jobs = jobs or runner.cores()
    runner.run(
        stacking.stacks(trials, jobs=jobs),
        on_result=keep,
        jobs=jobs,
        estimate=stacking.seconds,
        plugins=plugins,
    )
    return others


def horizon(losses: Array, others: Array) -> int:
    """How many records `(n, R)` may be compared between machines, at least the first.

    All, if both precisions agree to the end for all seeds; else a third of those that agree:
    rounding grows exponentially, sooner with one processor than with another.

    >>> horizon(np.array([[1.0, 0.9, 0.8, 0.7, 0.3]]), np.array([[1.0, 0.9, 0.8, 0.7, 0.2]]))
    1
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(stats.log_ratios(np.abs(losses), np.abs(others)))
    apart = (gap > AGREE).any(axis=0)
    return max(1, int(apart.argmax()) // 3) if apart.any() else losses.shape[1]


def line(curves: Curves, agreeing: int) -> Line:
    """A baseline's line from curves of which the first `agreeing` records may be compared."""
    some = min(EARLY_RECORDS, agreeing)
    at = np.unique(np.rint(np.linspace(0, agreeing - 1, some)).astype(int))
    few = curves.losses[:EARLY_SEEDS, at]
    return Line(
        problem=curves.problem_name,
        optimizer=curves.optimizer,
        settings=settings(curves.configuration),
        content=curves.content,
        random=curves.random,
        seeds=curves.seeds,
        digests=curves.digests,
        final=_short(curves.finals),
        targets=dict(curves.targets),
        times={metric: _short(found) for metric, found in curves.times.items()},
        early_epochs=tuple(int(e) for e in curves.epochs[at]),
        early=tuple(_short(row) for row in few),
    )


def settings(configuration: Configuration) -> str:
    """A configuration in words: "learning_rate 0.1, decay 0.001"."""
    values = {name: v for name, v in configuration.hyperparameters.items() if v}
    told = [f"{name} {value:g}" for name, value in values.items()]
    told += [modifiers[name].words(value) for name, value in configuration.modifiers.items()]
    return ", ".join(told)


def of(
    found: Sequence[Curves],
    name: str,
    *,
    others: Mapping[str, Array],
    made_with: Mapping[str, str] | None = None,
) -> Baseline:
    """The baseline of measured curves and their runs in the other precision."""
    lines = [
        line(c, horizon(c.losses[:EARLY_SEEDS], others[c.content]))
        for c in found
        if np.isfinite(c.losses[:, 0]).any()
    ]
    return Baseline(name, dict(made_with or {}), tuple(lines))


def dumps(baseline: Baseline) -> str:
    """The file's text: JSON with a line per configuration, so that changes can be read."""
    head = {"format": FORMAT, "name": baseline.name, "made_with": dict(baseline.made_with)}
    rows = ",\n".join(_dump(asdict(one)) for one in baseline.lines)
    return f'{_dump(head)[:-1]}, "lines": [\n{rows}\n]}}\n'


def loads(text: str, where: str = "baseline") -> Baseline:
    """The baseline that `dumps` wrote. Raises BaselineError for anything else."""
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise BaselineError(
                f"{where}: format {values['format']}, this version reads {FORMAT}; "
                "write it again with `bench baseline`"
            )
        lines = tuple(Line(**{k: _load(k, v) for k, v in row.items()}) for row in values["lines"])
        for one in lines:
            _check(one)
        made_with = {str(k): str(v) for k, v in values["made_with"].items()}
        return Baseline(str(values["name"]), made_with, lines)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaselineError(f"{where}: is no baseline; write one with `bench baseline`") from error


def _check(one: Line) -> None:
    """Raise ValueError for a line that `dumps` does not write: others may have edited it."""
    n, few = len(one.seeds), min(EARLY_SEEDS, len(one.seeds))
    texts = (one.problem, one.optimizer, one.settings, one.content, *one.digests, *one.targets)
    reached = [v for found in one.times.values() for v in found]
    numbers = [*one.final, *reached, *(v for row in one.early for v in row)]
    whole = (*one.seeds, *one.early_epochs)
    fits = (
        n > 0
        and all(type(v) is int for v in whole)
        and len(set(one.seeds)) == n == len(one.digests) == len(one.final)
        and one.times.keys() == one.targets.keys()
        and all(len(found) == n for found in one.times.values())
        and [len(row) for row in one.early] == few * [len(one.early_epochs)]
        and all(isinstance(text, str) and text.isprintable() for text in texts)
        and not any(math.isnan(v) for v in numbers)
        and isinstance(one.random, bool)
        and all(isinstance(target, int | float) for target in one.targets.values())
    )
    if not fits:
        raise ValueError(f"a line of {one.problem!r} does not fit together")


def read(path: str | Path) -> Baseline:
    """The baseline in a file. Raises BaselineError for one that is missing or no baseline."""
    try:
        return loads(Path(path).read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise BaselineError(f"{path}: no such file; write one with `bench baseline`") from error
    except UnicodeDecodeError as error:
        raise BaselineError(f"{path}: is no baseline; write one with `bench baseline`") from error


def write(baseline: Baseline, path: str | Path) -> Path:
    """Write the file whole or not at all. Raises OSError when it cannot be written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(dumps(baseline), encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _short(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{v:.{DIGITS}g}") for v in values)


def _dump(values: Any) -> str:
    return json.dumps(_plain(values), allow_nan=False)


def _plain(value: Any) -> Any:
    """Infinity as text, which JSON can hold."""
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _load(key: str, value: Any) -> Any:
    if key == "final":
        return tuple(float(v) for v in value)
    if key == "times":
        return {str(metric): tuple(float(v) for v in found) for metric, found in value.items()}
    if key == "early":
        return tuple(tuple(float(v) for v in row) for row in value)
    return tuple(value) if isinstance(value, list) else value
