"""What runs inside a worker process: one BLAS thread, quiet, gone when its parent is gone.

Stacks arrive as pickled bytes and leave as compact records. Whatever user code raises ends here, as
an outcome; only a process that dies leaves its fate to `bench.run.runner`. A thread tells how far
the training is, four times a second: whoever makes progress is left alone, however long it takes.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from bench.run.scratch import DUMP, REPLY, SIGN, SIGNS
from bench.store.records import CONSTANT, EVALUATIONS, Record
from nncore.text import shown

if TYPE_CHECKING:
    from bench.plan.trial import Stack

# Set before NumPy is imported: its libraries read them when they are loaded. (joblib sets its own.)
ENVIRONMENT = {
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "BLIS", "NUMEXPR")
} | {"VECLIB_MAXIMUM_THREADS": "1"}

REASON_LENGTH = 400
WATCH_SECONDS = 0.25


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
    @property
    def constant(self) -> float | None: ...  # noqa: D102
    @property
    def arrivals(self) -> Any: ...  # noqa: D102
    @property
    def evaluations(self) -> Any: ...  # noqa: D102


Task = Callable[["Stack"], Sequence[Outcome]]


@dataclass(frozen=True)
class Setup:
    """What a worker needs to know before its first stack.

    `parent` is the process id to live and die with; `task` the pickled function that trains;
    `plugins` are paths with the SHA-256 their sources must still have: a worker may start long
    after the run did; `folder` is a `bench.run.scratch.Scratch`'s.
    """

    parent: int
    task: bytes
    plugins: tuple[tuple[str, str], ...]
    folder: str


class _State:
    """What `start` prepares, and what this process is at."""

    setup: Setup | None = None
    problem: str = ""
    task: Task
    plugins: frozenset[str] = frozenset()
    limits: Any = None
    dump: Any = None
    signs: int = -1
    number: int = 0
    steps: int = 0


def train_stack(stack: Stack) -> Sequence[Outcome]:
    """Train the trials of `stack`, all of one problem and rule, as many together as is fastest."""
    from bench.run import sizes
    from nncore.stack.fitting import train_all

    outcomes = train_all(
        stack[0].problem,
        [trial.configuration for trial in stack],
        [trial.seeds for trial in stack],
        [identity.partition("@")[0] for identity in stack[0].metrics],
        targets=stack[0].targets,
        progress=progress,
    )
    if _State.setup is not None:
        sizes.leave(Path(_State.setup.folder))
    return outcomes


def progress() -> None:
    """Note that the training has come a step further; costs next to nothing."""
    _State.steps += 1


def start(setup: Setup) -> None:
    """Initialize this process; a failure is kept, and told in the place of results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if _State.setup is None:
        die_with(setup.parent)
    _State.setup, _State.problem = setup, ""
    np.seterr(all="ignore")
    # Lest loky has crashes of the interpreter told on the user's terminal.
    os.environ["PYTHONFAULTHANDLER"] = ""
    try:
        folder = Path(setup.folder)
        _State.dump = open(folder / f"{os.getpid()}{DUMP}", "ab")  # noqa: SIM115
        _State.signs = os.open(folder / SIGNS, os.O_WRONLY)
        faulthandler.enable(_State.dump, all_threads=False)
        # The variables cover libraries loaded later, this the ones that something loaded before.
        from threadpoolctl import threadpool_limits

        _State.limits = threadpool_limits(1)
        for path, digest in setup.plugins:
            from nncore.registry import load_plugin

            if load_plugin(path) != digest:
                raise RuntimeError(f"{path} changed while the run went on, or what it imports")
        from nncore.datasets.tables import adopt

        adopt(folder)
        _State.plugins = frozenset(str(Path(path).resolve()) for path, _ in setup.plugins)
        _State.task = pickle.loads(setup.task)
        if _State.task is train_stack:
            from bench.run import sizes  # now, so that no stack's time contains it

            sizes.adopt(folder)
    except BaseException as error:
        _State.problem = describe(error)


def serve(parent: Connection) -> None:
    """A worker of the quarantine: stacks come and results go by one line, until it is closed."""
    with contextlib.suppress(EOFError):
        start(parent.recv())
        parent.send(_State.problem)
        while True:
            parent.send(work(*parent.recv()))


def deliver(setup: Setup, number: int, payload: bytes) -> tuple[int, bytes | str | None]:
    """A worker of joblib's: the result of `work` is in a file, when the disk has room for it.

    So what goes through the pool's pipe is written at once, or not at all. Returns the number, and
    a text instead of a result when this worker cannot work.
    """
    if _State.setup != setup:
        start(setup)  # joblib's workers are the whole process's: others may use them too
    if _State.problem:
        return number, _State.problem
    result = work(number, payload)
    try:
        (Path(setup.folder) / f"{number}{REPLY}").write_bytes(result)
    except OSError:
        return number, result
    return number, None


def work(number: int, payload: bytes) -> bytes:
    """Train a pickled stack: a record per trial and the `Timing`, pickled."""
    started, began = time.time(), time.perf_counter()
    _State.number, _State.steps = number, 0
    _sign()
    records, kernel = attempt(_State.task, pickle.loads(payload))
    timing = Timing(kernel, time.perf_counter() - began, started, os.getpid())
    return pickle.dumps((records, timing), pickle.HIGHEST_PROTOCOL)


def _sign() -> None:
    """Write down how far the present stack is, for `bench.run.scratch.Vigil`."""
    with contextlib.suppress(OSError):
        entry = SIGN.pack(os.getpid(), _State.steps)
        os.pwrite(_State.signs, entry, _State.number * SIGN.size)


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
    columns = {**outcome.metrics, EVALUATIONS: outcome.evaluations}
    curve = np.empty((len(columns), len(epochs)))
    for row, values in zip(curve, columns.values(), strict=True):
        row[:] = values
    numbers = {} if outcome.constant is None else {CONSTANT: float(outcome.constant)}
    numbers |= {target.identity: float(epoch) for target, epoch in outcome.arrivals.items()}
    return Record(
        status=str(outcome.status),
        reason=str(outcome.reason),
        diverged_epoch=None if outcome.diverged_epoch is None else int(outcome.diverged_epoch),
        improved=None if outcome.improved is None else bool(outcome.improved),
        metrics=tuple(sys.intern(str(name)) for name in columns),
        epochs=epochs.tobytes(),
        curve=curve.tobytes(),
        numbers=tuple(numbers.items()),
    )


def describe(error: BaseException, plugins: Collection[str] | None = None) -> str:
    """`error` in one line: type, message, and the file and line of user code that raised it.

    User code is in the files `plugins`, by default those that this worker has loaded.

    An exception is user code, too: one that cannot be printed is told by its type, and what no
    terminal or file should see is escaped.

    >>> describe(ValueError("a\\x1b[31m\\n b\\udc80"))
    'ValueError: a\\\\x1b[31m b\\\\udc80'
    """
    try:
        message = " ".join(str.split(str(error)))
    except BaseException:
        message = "(its message cannot be printed)"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if len(text) > REASON_LENGTH:
        text = text[: REASON_LENGTH - 3] + "..."
    frames = traceback.extract_tb(error.__traceback__)
    theirs = _State.plugins if plugins is None else plugins
    users = [frame for frame in frames if frame.filename in theirs]
    for frame in (users or frames)[-1:]:
        text += f" ({Path(frame.filename).name}:{frame.lineno})"
    return shown(text)


def die_with(parent: int) -> None:
    """End this process as soon as `parent` is gone, however it went; tell its progress."""
    if sys.platform == "linux":
        # At once, and even from inside C code that never lets another thread run.
        with contextlib.suppress(OSError, AttributeError):
            set_parent_death_signal = 1
            ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
            if _State.number:
                _sign()
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
