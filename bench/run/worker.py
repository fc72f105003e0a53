"""What runs inside a worker process: one BLAS thread, quiet, gone when its parent is gone.

Stacks arrive as pickled bytes and leave as compact records. Whatever user code raises ends here, as
an outcome; only a process that dies leaves its fate to `bench.run.runner`.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import hashlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from bench.store.records import Record

# Set before NumPy is imported: its libraries read them when they are loaded. The last one is empty
# lest loky has crashes of the interpreter told on the user's terminal.
ENVIRONMENT = {
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "BLIS", "NUMEXPR")
} | {"VECLIB_MAXIMUM_THREADS": "1", "PYTHONFAULTHANDLER": ""}

REASON_LENGTH = 400
WATCH_SECONDS = 0.25

Stack = Sequence[Any]
Task = Callable[[Stack], Sequence["Outcome"]]


class Timing(NamedTuple):
    """When and where a stack was trained; the fields are those of `bench.store.records.Result`."""

    kernel_seconds: float
    wall_seconds: float
    started: float
    pid: int


class Outcome(Protocol):
    """What a task returns for each trial of its stack (`nncore.trial.Outcome` is one)."""

    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def diverged_epoch(self) -> int | None: ...  # noqa: D102
    @property
    def improved(self) -> bool | None: ...  # noqa: D102
    @property
    def epochs(self) -> Any: ...  # noqa: D102
    @property
    def metrics(self) -> Any: ...  # noqa: D102


def train_stack(stack: Stack) -> Sequence[Outcome]:
    """Train the trials of `stack` together (`bench.plan.trials.Trial`s of one problem and rule)."""
    from nncore.stack.training import train

    return train(
        stack[0].problem,
        [trial.configuration for trial in stack],
        [trial.seed for trial in stack],
        [identity.partition("@")[0] for identity in stack[0].metrics],
    )


class _State:
    """What `start` prepares and `work` uses."""

    task: Task
    plugins: frozenset[str] = frozenset()
    limits: Any = None
    dump: Any = None
    problem: str = ""


def start(parent: int, task: bytes, plugins: Sequence[tuple[str, str]], dump: str) -> None:
    """Initialize this process; a failure is kept for `ready` to report.

    `parent` is the process id to live and die with; `plugins` are paths with the SHA-256 their
    source must still have, since a worker may start long after the run did. `dump` is the file to
    say in where the interpreter crashed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(parent)
    np.seterr(all="ignore")
    with contextlib.suppress(OSError):
        _State.dump = open(dump, "ab")  # noqa: SIM115
        faulthandler.enable(_State.dump, all_threads=False)
    try:
        # The variables cover libraries loaded later, this the ones that something loaded before.
        from threadpoolctl import threadpool_limits

        _State.limits = threadpool_limits(1)
        for path, digest in plugins:
            if hashlib.sha256(Path(path).read_bytes()).hexdigest() != digest:
                raise RuntimeError(f"{path} changed while the run went on")
        if plugins:
            from nncore.registry import load_plugin

            for path, _ in plugins:
                load_plugin(path)
        _State.plugins = frozenset(str(Path(path).resolve()) for path, _ in plugins)
        _State.task = pickle.loads(task)
        if _State.task is train_stack:
            import nncore.stack.training  # noqa: F401  (now, so that no stack's time contains it)
    except BaseException as error:
        _State.problem = describe(error)


def ready() -> str:
    """Why this worker cannot work; empty when it can."""
    return _State.problem


def work(payload: bytes) -> tuple[list[Record], Timing]:
    """Train a pickled stack: a record per trial."""
    started, began = time.time(), time.perf_counter()
    records, kernel = attempt(_State.task, pickle.loads(payload))
    return records, Timing(kernel, time.perf_counter() - began, started, os.getpid())


def attempt(task: Task, stack: Stack) -> tuple[list[Record], float]:
    """Records of `stack` and the seconds inside `task`.

    When `task` raises, the halves are tried apart until the culprit stands alone: it is `crashed`,
    its neighbours are not.
    """
    began = time.perf_counter()
    try:
        outcomes = task(stack)
        seconds = time.perf_counter() - began
        if len(outcomes) != len(stack):
            raise RuntimeError(f"{len(outcomes)} outcomes for {len(stack)} trials")
        return [pack(outcome) for outcome in outcomes], seconds
    except BaseException as error:
        seconds = time.perf_counter() - began
        if len(stack) == 1:
            return [Record.crashed(describe(error))], seconds
    middle = len(stack) // 2
    records = []
    for half in (stack[:middle], stack[middle:]):
        some, more = attempt(task, half)
        records += some
        seconds += more
    return records, seconds


def pack(outcome: Outcome) -> Record:
    """`outcome` as plain values and raw bytes, which pickle in no time."""
    epochs = np.ascontiguousarray(outcome.epochs, np.int64)
    curve = np.empty((len(outcome.metrics), len(epochs)))
    for row, values in zip(curve, outcome.metrics.values(), strict=True):
        row[:] = values
    return Record(
        str(outcome.status),
        str(outcome.reason),
        None if outcome.diverged_epoch is None else int(outcome.diverged_epoch),
        None if outcome.improved is None else bool(outcome.improved),
        tuple(sys.intern(str(name)) for name in outcome.metrics),
        epochs.tobytes(),
        curve.tobytes(),
    )


def describe(error: BaseException) -> str:
    """`error` in one line: type, message, and the file and line of user code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if frame.filename in _State.plugins]
    message = " ".join(str(error).split())
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if len(text) > REASON_LENGTH:
        text = text[: REASON_LENGTH - 3] + "..."
    for frame in (users or frames)[-1:]:
        text += f" ({Path(frame.filename).name}:{frame.lineno})"
    return text


def _die_with(parent: int) -> None:
    """End this process as soon as `parent` is gone, however it went."""
    if sys.platform == "linux":
        # At once, and even from inside C code that never lets another thread run.
        with contextlib.suppress(OSError, AttributeError):
            set_parent_death_signal = 1
            ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
