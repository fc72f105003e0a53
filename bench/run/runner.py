"""Stacks to results: who trains them, who is to blame for a death, and what is tried again.

What is calm goes to joblib's pool. What a worker may have died of goes to the quarantine, where
every worker is on its own, first side by side; what kills its worker there is halved until the
culprit stands alone, with nothing else in flight; a trial that two workers of its own died of is
`crashed`. On a cluster of dask's every worker is on its own from the beginning.
"""

from __future__ import annotations

import os
import pickle
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.run import sizes, worker
from bench.run.executor import (
    Assignment,
    Died,
    Executor,
    LostError,
    RefusedError,
    StartError,
    Trained,
)
from bench.run.pool import Pool
from bench.run.quarantine import Quarantine
from bench.run.scratch import Scratch
from bench.run.signals import GO_ON, Interrupted, as_events
from bench.store.records import Record, Result
from nncore.datasets import tables
from nncore.imports import sources

if TYPE_CHECKING:
    from bench.plan.trial import Stack

MINIMUM_LIMIT = 60.0
PATIENCE = 30.0
DASK = "dask"
MANY = 1 << 20  # as many as a cluster can
DEATHS = 2  # of workers of its own that a trial survives no longer

__all__ = ["Interrupted", "Runner", "RunnerError", "cores", "run"]


class RunnerError(Exception):
    """Workers cannot be started, or have gone; the message says why."""

    exit_code = 74


class UnfitError(RunnerError):
    """Workers elsewhere would compute something else, or cannot be used from here."""

    exit_code = 2


def cores() -> int:
    """Processors that this process may use (affinity and container limits included)."""
    import joblib

    return int(joblib.cpu_count())


def _dask() -> type[Executor]:
    """What trains on a cluster of dask's. Raises UnfitError where the package is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise UnfitError(
            "--on dask needs the package distributed: pip install 'bench-optimizers[dask]' "
            f"({error})"
        ) from error
    from bench.run.cluster import Dask

    return Dask


def threads(on: str) -> int:
    """How many stacks are trained at once on a cluster: see `Runner`.

    Raises RunnerError when it cannot be reached.
    """
    if on in ("", DASK):
        return cores()
    _dask()
    from bench.run.cluster import threads as count

    try:
        return count(on)
    except StartError as error:
        raise RunnerError(str(error)) from error


def run(
    stacks: Sequence[Stack],
    *,
    on_result: Callable[[Result], None],
    jobs: int | None = None,
    plugins: Sequence[str | Path] = (),
    task: worker.Task = worker.train_stack,
    **options: Any,
) -> None:
    """Train every stack on workers that live as long as this call; see `Runner.run`."""
    with Runner(jobs=jobs, plugins=plugins, task=task) as runner:
        runner.run(stacks, on_result=on_result, **options)


class Runner:
    """Worker processes, `jobs` of them (default: one per core), for the phases of a run.

    `task` maps a stack to its outcomes, in a worker, and must be importable there. No worker
    outlives the `with` block, and none is started before there is something to do. `on` is where
    they are: "dask" is a cluster of this machine's cores, "dask://HOST:PORT" the one with the
    scheduler there, "" this machine without dask. The folder `results` remembers which sizes of
    stacks are fast here. `say` is told what a user should know.
    """

    def __init__(
        self,
        *,
        jobs: int | None = None,
        plugins: Sequence[str | Path] = (),
        task: worker.Task = worker.train_stack,
        on: str = "",
        results: Path | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._where = on if on != DASK else ""
        self.jobs = jobs or (MANY if self._where else cores())
        self._apart_on: type[Executor] = _dask() if on else Quarantine
        self._calm_on = None if on else Pool
        self._results = results
        self._say = say
        self._task = pickle.dumps(task)
        self._plugins = tuple((str(path), sources(path).digest) for path in plugins)
        self._host = socket.gethostname()
        self._scratch: Scratch | None = None
        self._executors: dict[str, Executor] = {}
        self._signals: list[int] = []
        self._limit_seconds: float | None = None
        self._estimated = self._measured = 0.0

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *exception: object) -> None:
        with as_events(self._signals.append):
            for executor in self._executors.values():
                executor.close()
            if self._scratch is not None:
                if self._results is not None:
                    sizes.collect(self._scratch.folder, self._results)
                self._scratch.close()
        if exception[0] is None:
            self._raise_interrupted()

    def start(self) -> int:
        """Get workers of a cluster ready; returns how many stacks they train at once.

        Raises RunnerError when there are none, UnfitError when none of them can be used.
        """
        if self._calm_on is not None:
            return self.jobs
        try:
            found = self._executor(self._apart_on).start()
        except RefusedError as error:
            raise UnfitError(str(error)) from error
        except StartError as error:
            raise RunnerError(f"workers cannot start: {error}") from error
        return min(self.jobs, found)

    def run(
        self,
        stacks: Sequence[Stack],
        *,
        on_result: Callable[[Result], None],
        estimate: Callable[[Stack], float] = len,
        limit_seconds: float | None = None,
    ) -> None:
        """Train every stack and hand each `Result` to `on_result`, in the order they finish.

        `estimate` gives a stack's seconds (only relations matter much): the longest start first. A
        stack that makes no progress for `limit_seconds` (default: at least a minute and 30 times
        its estimate at the pace so far) has its worker killed. Every trial gets exactly one
        outcome, a crash included.

        Raises `Interrupted` on SIGINT and SIGTERM, within a second, when all finished stacks have
        been handed over; `RunnerError` when workers cannot start; whatever `on_result` raises.
        """
        self._on_result, self._limit_seconds = on_result, limit_seconds
        assignments = [Assignment(stack, estimate(stack)) for stack in stacks]
        # Stable: equal stacks keep the order of the spec.
        pending = deque(sorted(assignments, key=lambda assignment: -assignment.seconds))
        if not pending:
            return
        with as_events(self._signals.append):
            pending.extend(self._calmly(pending))
            doubtful = deque(self._apart(pending))
            while doubtful:
                doubtful.extendleft(reversed(self._apart([doubtful.popleft()])))

    # Who trains what

    def _calmly(self, pending: deque[Assignment]) -> list[Assignment]:
        """Train in joblib's pool; returns what it may have died of. What it cannot do is left."""
        died: list[Assignment] = []
        if self._calm_on is not None and min(self.jobs, len(pending)) > 1:
            pool = self._executor(self._calm_on)
            try:
                self._through(pool, pending, lambda death: died.append(death.assignment))
            except StartError:
                pool.close()  # the quarantine has more ways to start, and knows why one fails
                del self._executors[pool.name]
        return died

    def _apart(self, pending: Iterable[Assignment]) -> list[Assignment]:
        """Train in processes of their own; returns what to try again, with nothing else in flight.

        A stack that its worker died of is halved; a trial may be innocent once.
        """
        again: list[Assignment] = []

        def sort(death: Died) -> None:
            assignment = death.assignment
            assignment.deaths += 1
            size = len(assignment.stack)
            if size > 1:
                for part in (assignment.stack[: size // 2], assignment.stack[size // 2 :]):
                    seconds = assignment.seconds * len(part) / size
                    again.append(Assignment(part, seconds, assignment.attempts))
            elif assignment.deaths < DEATHS:
                again.append(assignment)
            else:
                timing = worker.Timing(0.0, 0.0, time.time(), 0)
                self._hand_over(Trained(assignment, [Record.crashed(death.reason)], timing))

        try:
            self._through(self._executor(self._apart_on), deque(pending), sort)
        except LostError as error:
            raise RunnerError(f"{error}; {GO_ON}") from error
        except StartError as error:
            raise RunnerError(f"workers cannot start: {error}") from error
        return again

    def _through(
        self, executor: Executor, pending: deque[Assignment], on_death: Callable[[Died], None]
    ) -> None:
        """Hand over what comes out of `executor`; on a signal, what has arrived, and no more."""
        stopped = False
        for event in executor.run(pending):
            if self._signals and not stopped:
                executor.stop()
                stopped = True
            if isinstance(event, Trained):
                self._estimated += event.assignment.seconds
                self._measured += event.timing.wall_seconds
                self._hand_over(event)
            elif isinstance(event, Died):
                on_death(event)
            elif event is not None and self._say is not None:
                self._say(event.text)
        self._raise_interrupted()

    def _hand_over(self, trained: Trained) -> None:
        assignment = trained.assignment
        self._on_result(
            Result(
                keys=tuple(trial.key for trial in assignment.stack),
                records=trained.records,
                **trained.timing._asdict(),
                host=trained.host or self._host,
                attempts=assignment.attempts,
            )
        )

    def _raise_interrupted(self) -> None:
        if self._signals:
            raise Interrupted(self._signals[0])

    def _executor(self, kind: type[Executor]) -> Executor:
        if kind.name not in self._executors:
            try:
                if self._scratch is None:
                    self._scratch = Scratch()
                    tables.share(self._scratch.folder)
                    if self._results is not None:
                        sizes.bring(self._results, self._scratch.folder)
            except OSError as error:
                raise RunnerError(f"workers cannot start: {error}") from error
            setup = worker.Setup(os.getpid(), self._task, self._plugins, str(self._scratch.folder))
            self._executors[kind.name] = kind(
                *(setup, self.jobs, self._scratch, self._patience, self._where)
            )
        return self._executors[kind.name]

    def _patience(self, assignment: Assignment) -> float:
        """Seconds without progress after which a worker is taken to hang."""
        if self._limit_seconds is not None:
            return self._limit_seconds
        # Estimates come from another moment or machine: trust what this run has seen.
        pace = self._measured / self._estimated if self._estimated else 1.0
        return max(MINIMUM_LIMIT, PATIENCE * pace * assignment.seconds)
