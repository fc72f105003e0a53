"""What training converged to, in a small file that can be committed: one line per configuration.

Of every seed the final loss, the times to the targets and a digest of the curve; of a few seeds the
early records of every metric, up to where float32 and float64 still agree: beyond, another
processor's rounding would look like another rule.
"""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import stats
from bench.gate.curves import EARLY_SEEDS, Array, Curves, gap
from bench.spec.judging import FINAL_LOSS
from nncore.files import read_plain, write_plain
from nncore.metrics import TRAIN_LOSS
from nncore.modifiers import modifiers
from nncore.trial import Configuration

FORMAT = 4
EARLY_RECORDS = 6
AGREE = 1e-5  # a tenth of what counts as another rule
DIGITS = 9  # enough for every float32


class BaselineError(Exception):
    """A file that is no baseline, or results that cannot be compared with it."""

    exit_code = 2


@dataclass(frozen=True)
class Metric:
    """Another metric than the training loss: of all seeds a digest, of a few the early records.

    `early` is `(few seeds, E)`; `rounding` is by how much float32 and float64 differ there at most.
    """

    digest: str
    early: tuple[tuple[float, ...], ...]
    rounding: float


@dataclass(frozen=True)
class Line:
    """One configuration of a baseline; fields as in `Curves`, `early` `(few seeds, E)`.

    `final` is what runs were worth by the headline `metric`, less is better.
    """

    problem: str
    optimizer: str
    rule: str
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
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    metric: str = FINAL_LOSS


@dataclass(frozen=True)
class Baseline:
    """What an experiment converged to, and what computed it."""

    name: str
    made_with: Mapping[str, str]
    lines: tuple[Line, ...]


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


def line(curves: Curves, agreeing: int, others: Mapping[str, Array] | None = None) -> Line:
    """A baseline's line from curves of which the first `agreeing` records may be compared.

    `others` are the first seeds' curves in the other precision, by metric.
    """
    some = min(EARLY_RECORDS, agreeing)
    at = np.unique(np.rint(np.linspace(0, agreeing - 1, some)).astype(int))
    few = curves.losses[:EARLY_SEEDS, at]
    return Line(
        problem=curves.problem_name,
        optimizer=curves.optimizer,
        rule=curves.configuration.rule,
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
        metrics={
            name: _metric(curves, name, at, (others or curves.metrics)[name])
            for name in curves.metrics
        },
        metric=curves.headline.name,
    )


def _metric(curves: Curves, name: str, at: NDArray[np.int64], others: Array) -> Metric:
    """A metric at the records `at`; `others` are its first seeds in the other precision."""
    values = curves.metrics[name][:EARLY_SEEDS, at]
    return Metric(
        digest=curves.digest(name),
        early=tuple(_short(row) for row in values),
        rounding=_rounding(values, others[:EARLY_SEEDS, at]),
    )


def _rounding(values: Array, others: Array) -> float:
    """By how much the two precisions differ at most."""
    return max((gap(a, b) for a, b in zip(values.flat, others.flat, strict=True)), default=0.0)


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
    others: Mapping[str, Mapping[str, Array]],
    made_with: Mapping[str, str] | None = None,
) -> Baseline:
    """The baseline of measured curves and their runs in the other precision."""
    lines = [
        line(c, horizon(c.losses[:EARLY_SEEDS], others[c.content][TRAIN_LOSS]), others[c.content])
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BaselineError(f"{where}: is no baseline; write one with `bench baseline`") from error


def _check(one: Line) -> None:
    """Raise ValueError for a line that `dumps` does not write: others may have edited it."""
    n, few = len(one.seeds), min(EARLY_SEEDS, len(one.seeds))
    metrics = one.metrics.values()
    texts = (
        one.problem,
        one.optimizer,
        one.rule,
        one.settings,
        one.content,
        one.metric,
        *one.digests,
    )
    texts += (*one.metrics, *(metric.digest for metric in metrics), *one.targets)
    reached = [v for found in one.times.values() for v in found]
    numbers = [*one.final, *reached, *(v for row in one.early for v in row)]
    numbers += [metric.rounding for metric in metrics]
    whole = (*one.seeds, *one.early_epochs)
    fits = (
        n > 0
        and all(type(v) is int for v in whole)
        and len(set(one.seeds)) == n == len(one.digests) == len(one.final)
        and one.times.keys() == one.targets.keys()
        and all(len(found) == n for found in one.times.values())
        and all(
            [len(row) for row in early] == few * [len(one.early_epochs)]
            for early in (one.early, *(metric.early for metric in metrics))
        )
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
        return loads(read_plain(path).decode(), str(path))
    except FileNotFoundError as error:
        raise BaselineError(f"{path}: no such file; write one with `bench baseline`") from error
    except OSError as error:
        raise BaselineError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BaselineError(f"{path}: is no baseline; write one with `bench baseline`") from error


def write(baseline: Baseline, path: str | Path) -> Path:
    """Write the file whole or not at all. Raises OSError when it cannot be written.

    Raises BaselineError where there is something else than a plain file.
    """
    path = Path(path)
    try:
        write_plain(path, dumps(baseline).encode())
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise BaselineError(f"{path}: {error.strerror}") from error
        raise
    return path


def _short(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{v:.{DIGITS}g}") for v in values)


def _dump(values: Any) -> str:
    return json.dumps(_plain(values), allow_nan=False)


def _plain(value: Any) -> Any:
    """What is not finite as text, which JSON can hold."""
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
    if key == "metrics":
        return {
            str(name): Metric(
                digest=fields["digest"],
                early=_load("early", fields["early"]),
                rounding=float(fields["rounding"]),
            )
            for name, fields in value.items()
        }
    return tuple(value) if isinstance(value, list) else value
