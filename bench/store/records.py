"""What trials leave, in plain values: what workers send, the store keeps and tables read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LINES = 10
# The row of a curve beside the metrics: how often a batch had been evaluated up to each record.
EVALUATIONS = "gradient_evaluations"
# A trial's number beside the epochs of its arrivals: the training loss of the constant predictor.
CONSTANT = "constant_loss"


class Layout(NamedTuple):
    """What a trial's bytes mean: its curve's, `(M, R)`, then those of its `numbers`, all float64.

    A curve has the metrics' names and the recorded epochs (int64 bytes). `asked` has the identities
    of the metrics and targets that were asked for, those that say nothing about the trial and those
    of crashed trials among them: what need not be asked again.
    """

    metrics: tuple[str, ...]
    epochs: bytes
    asked: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        """The names as the store keeps them, JSON."""
        names = {"metrics": self.metrics, "asked": self.asked, "numbers": self.numbers}
        return json.dumps(names)

    @property
    def curve_size(self) -> int:
        """Bytes of a curve."""
        return len(self.metrics) * len(self.epochs)

    @property
    def size(self) -> int:
        """Bytes of a trial."""
        return self.curve_size + len(self.numbers) * np.dtype(np.float64).itemsize

    def record(self, data: bytes, **scalars: Any) -> Record:
        """The outcome with these `scalars` and the trial's bytes `data`."""
        numbers = np.frombuffer(data[self.curve_size :]).tolist()
        return Record(
            **scalars,
            metrics=self.metrics,
            epochs=self.epochs,
            curve=data[: self.curve_size],
            asked=self.asked,
            numbers=tuple(zip(self.numbers, numbers, strict=True)),
        )


class Record(NamedTuple):
    """The outcome of a trial in plain values and raw bytes.

    `epochs` holds int64 `(R,)`; `curve` float64 `(M, R)`, a row per name in `metrics`. `improved`
    and the curve are empty when the trial crashed. `asked` is that of its layout; `numbers` are
    those of the trial alone, by name.
    """

    status: str
    reason: str
    diverged_epoch: int | None
    improved: bool | None
    metrics: tuple[str, ...]
    epochs: bytes
    curve: bytes
    asked: tuple[str, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()

    @classmethod
    def crashed(cls, reason: str) -> Record:
        """The outcome of a trial whose code failed."""
        return cls(
            status="crashed",
            reason=reason,
            diverged_epoch=None,
            improved=None,
            metrics=(),
            epochs=b"",
            curve=b"",
        )

    @property
    def layout(self) -> Layout:
        """What the bytes of `data` mean."""
        names = tuple(name for name, _ in self.numbers)
        return Layout(self.metrics, self.epochs, self.asked, names)

    @property
    def data(self) -> bytes:
        """The curve and the numbers."""
        return self.curve + np.array([value for _, value in self.numbers]).tobytes()


class Result(NamedTuple):
    """A finished stack: a record per key, and how it was trained.

    `kernel_seconds` were spent inside the training function, `wall_seconds` in the worker;
    `started` is the worker's start of it in seconds since 1970; `attempts` counts how often workers
    had to try.
    """

    keys: tuple[str, ...]
    records: Sequence[Record]
    kernel_seconds: float
    wall_seconds: float
    started: float
    pid: int
    host: str
    attempts: int


class Training(NamedTuple):
    """How a stack was trained, as stored."""

    size: int
    kernel_seconds: float
    wall_seconds: float
    started: float
    pid: int
    host: str
    attempts: int

    @classmethod
    def unknown(cls, size: int) -> Training:
        """That of a stack of which nothing else is left."""
        return cls(
            size=size,
            kernel_seconds=0.0,
            wall_seconds=0.0,
            started=0.0,
            pid=0,
            host="",
            attempts=0,
        )


class Row(NamedTuple):
    """The scalar part of an outcome as stored, with the numbers of the rows it belongs to."""

    id: int
    stack: int
    layout: int
    status: str
    reason: str
    diverged_epoch: int | None
    improved: bool | None


class Trials(NamedTuple):
    """The scalar part of outcomes, a column each, in the order asked for; absent trials left out.

    `positions` index the keys that were asked for; `train_seconds` is the trial's share of the
    seconds its stack spent training.
    """

    positions: NDArray[np.int64]
    status: list[str]
    reason: list[str]
    diverged_epoch: list[int | None]
    improved: list[bool | None]
    train_seconds: NDArray[np.float64]


class CurveChunk(NamedTuple):
    """Curves of trials that recorded the same metrics at the same epochs.

    `positions` `(n,)` index the keys that were asked for; `values` is `(n, M, R)` for the `M` names
    in `metrics` and the `R` recorded `epochs`. `asked` is that of their layout; `numbers` are
    those of the trials, `(n,)` by name.
    """

    positions: NDArray[np.int64]
    metrics: tuple[str, ...]
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]
    asked: tuple[str, ...]
    numbers: Mapping[str, NDArray[np.float64]]


class Damage(NamedTuple):
    """One damaged thing: `what` (a file, layout, stack, trial...), how, and the trials it hit."""

    what: str
    problem: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        trials = f" (trial {self.keys[0][:12]})" if len(self.keys) == 1 else ""
        trials = f" ({len(self.keys)} trials)" if len(self.keys) > 1 else trials
        return f"{self.what} {self.problem}{trials}"


class StoreError(Exception):
    """Results cannot be read or written; the message says which file and what to do."""

    exit_code = 74


class FolderError(StoreError):
    """The folder is none, or cannot be written at all."""

    exit_code = 2


class LockedError(StoreError):
    """Another process writes to the folder."""

    exit_code = 2


class DamagedError(StoreError):
    """The file does not hold what was written to it; `damage` names what."""

    def __init__(self, path: Path, damage: Sequence[Damage]) -> None:
        super().__init__(path, damage)
        self.path = path
        self.damage = list(damage)

    def __str__(self) -> str:
        lines = [f"{self.path}: {item}" for item in self.damage]
        if len(lines) > LINES:
            lines[LINES:] = [f"{self.path}: and {len(lines) - LINES:,} more"]
        remedy = "nothing was changed; --repair sets the damage aside and trains those trials again"
        return "\n".join([*lines, remedy])
