"""Stacks to results, on worker processes: the only module that knows about them.

Every job is a loky executor (joblib's) with one worker. So it is known which stack a worker that
dies was training, nobody else's work is lost with it, and one job is a process too: a plugin that
crashes the interpreter never takes the run down. A stack whose worker died is tried again when all
others are done, with nothing else in flight; failing again it is halved until the culprit stands
alone; a trial that dies twice alone is `crashed`.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import queue
import socket
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

from bench.run import worker
from bench.run.process import Slot, SpawnError, Unit
from bench.run.signals import Interrupted, as_events
from bench.store.records import Record, Result

# Stacks in flight per worker: one that trains and one that waits, so that no worker ever waits for
# the parent to store a result.
DEPTH = 2
TICK_SECONDS = 0.25
PAUSE_SECONDS = 2.0
MINIMUM_LIMIT = 60.0
PATIENCE = 30.0
MAXIMUM_STARTS = 5

__all__ = ["Interrupted", "RunnerError", "cores", "run"]

Stack = Sequence[Any]


class RunnerError(Exception):
    """Workers cannot be started; the message says why."""

    exit_code = 74


def cores() -> int:
    """Processors that this process may use (affinity and container limits included)."""
    import joblib

    return int(joblib.cpu_count())


def run(
    stacks: Sequence[Stack],
    *,
    on_result: Callable[[Result], None],
    jobs: int | None = None,
    estimate: Callable[[Any], float] | None = None,
    plugins: Sequence[str | Path] = (),
    task: worker.Task = worker.train_stack,
    limit_seconds: float | None = None,
) -> None:
    """Train every stack and hand each `Result` to `on_result`, in the order they finish.

    Stacks are sequences of trials with a `key`; `task` maps one to its outcomes, in a worker, and
    must be importable there. `estimate` gives a stack's seconds (only relations matter much): the
    longest start first, and a stack that takes `limit_seconds` (default: at least a minute and 30
    times its estimate at the pace so far) has its worker killed. Every trial gets exactly one
    outcome, a crash included.

    Raises `Interrupted` on SIGINT and SIGTERM, within a second, when all finished stacks have been
    handed over; `RunnerError` when workers cannot start; whatever `on_result` raises. No worker
    outlives this call.
    """
    units = [Unit(stack, estimate(stack) if estimate else float(len(stack))) for stack in stacks]
    if not units:
        return
    # Stable: equal stacks keep the order of the spec.
    units.sort(key=lambda unit: -unit.seconds)
    digests = [(str(path), _digest(path)) for path in plugins]
    jobs = min(jobs or cores(), len(units))
    _Run(units, jobs, on_result, pickle.dumps(task), digests, limit_seconds).run()


def _digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class _Run:
    """The state of one call of `run`."""

    def __init__(
        self,
        units: Sequence[Unit],
        jobs: int,
        on_result: Callable[[Result], None],
        task: bytes,
        plugins: Sequence[tuple[str, str]],
        limit_seconds: float | None,
    ) -> None:
        self.pending = deque(units)
        self.suspects: deque[Unit] = deque()
        self.on_result = on_result
        self.limit_seconds = limit_seconds
        self.host = socket.gethostname()
        self.events: queue.SimpleQueue[tuple[Slot, Future[Any]] | int] = queue.SimpleQueue()
        self.jobs, self.task, self.plugins = jobs, task, plugins
        self.slots: list[Slot] = []
        self.failed_starts = 0
        self.looked = time.monotonic()
        self.estimated = self.measured = 0.0

    def run(self) -> None:
        with as_events(self.events.put), _quiet():
            try:
                for _ in range(self.jobs):
                    self.slots.append(Slot(self.task, self.plugins, self._notify))
                    self.slots[-1].open()
                while self.unfinished():
                    self._fill()
                    self._wait()
            except Interrupted:
                self._drain()
                raise
            except SpawnError as error:
                raise RunnerError(f"workers cannot start: {error}") from error
            finally:
                if any(slot.flights for slot in self.slots):
                    for slot in self.slots:
                        slot.kill()
                for slot in self.slots:
                    slot.stop()

    def unfinished(self) -> bool:
        """Whether a stack waits or is in flight."""
        return bool(self.pending or self.suspects or any(slot.flights for slot in self.slots))

    def _notify(self, slot: Slot, future: Future[Any]) -> None:
        self.events.put((slot, future))

    # Sending

    def _fill(self) -> None:
        """Give every worker something to do and, while there is plenty, something to do next."""
        for depth in range(1, DEPTH + 1):
            for slot in self.slots:
                # The last stacks go to whoever is idle: waiting behind another would cost more
                # than the parent's reaction time.
                plenty = len(self.pending) > len(self.slots)
                if self.pending and len(slot.flights) < depth and (depth == 1 or plenty):
                    self._send(slot, self.pending.popleft())
        if self.suspects and not self.pending and not any(slot.flights for slot in self.slots):
            # Another slot than last time: a dead worker's successor starts meanwhile.
            self.slots.append(self.slots.pop(0))
            self._send(self.slots[0], self.suspects.popleft())

    def _send(self, slot: Slot, unit: Unit) -> None:
        unit.attempts += 1
        slot.submit(unit)

    # Receiving

    def _wait(self) -> None:
        with contextlib.suppress(queue.Empty):
            event = self.events.get(timeout=TICK_SECONDS)
            if isinstance(event, int):
                raise Interrupted(event)
            self._receive(*event)
        now = time.monotonic()
        if (pause := now - self.looked) > PAUSE_SECONDS:
            # This process was stopped, or waited for the disk: workers are not to blame.
            for slot in self.slots:
                slot.forgive(pause)
        self.looked = now
        for slot in self.slots:
            slot.check(self._limit)

    def _drain(self) -> None:
        """Hand over what has arrived but was not yet looked at."""
        with contextlib.suppress(queue.Empty):
            while True:
                event = self.events.get_nowait()
                if not isinstance(event, int):
                    slot, future = event
                    if slot.finished(future):
                        self._receive(slot, future, refill=False)

    def _receive(self, slot: Slot, future: Future[Any], *, refill: bool = True) -> None:
        if not slot.owns(future):
            return  # of a worker that was given up
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            self._bury(slot)
        elif future is slot.start:
            slot.started()
            if problem := future.result():
                raise RunnerError(f"workers cannot start: {problem}")
            self.failed_starts = 0
        else:
            unit = slot.take(future)
            if refill:
                self._fill()  # before the disk is waited for
            if error is not None:  # the way to or from the worker failed, not the worker
                self._crash(unit, worker.describe(error))
                return
            records, timing = future.result()
            self.estimated += unit.seconds
            self.measured += timing.wall_seconds
            self._hand_over(unit, records, timing)

    def _hand_over(self, unit: Unit, records: Sequence[Record], timing: worker.Timing) -> None:
        keys = tuple(trial.key for trial in unit.stack)
        self.on_result(Result(keys, records, *timing, self.host, unit.attempts))

    def _crash(self, unit: Unit, reason: str) -> None:
        records = [Record.crashed(reason)] * len(unit.stack)
        self._hand_over(unit, records, worker.Timing(0.0, 0.0, time.time(), 0))

    def _limit(self, unit: Unit) -> float:
        """Seconds after which a worker is taken to hang."""
        if self.limit_seconds is not None:
            return self.limit_seconds
        # Estimates come from another moment or machine: trust what this run has seen.
        pace = self.measured / self.estimated if self.estimated else 1.0
        return max(MINIMUM_LIMIT, PATIENCE * pace * unit.seconds)

    # Deaths

    def _bury(self, slot: Slot) -> None:
        """Sort what a dead worker had in flight into culprit and bystanders; start another."""
        ready, reason, units = slot.bury()
        culprit = units.pop(0) if ready and units else None
        for unit in reversed(units):
            unit.attempts -= 1
            (self.suspects if unit.suspect else self.pending).appendleft(unit)
        if culprit is not None:
            self._suspect(culprit, reason)
        if not ready:
            self.failed_starts += 1
            if self.failed_starts == MAXIMUM_STARTS:
                raise RunnerError(f"workers cannot start: {reason}")
        if self.unfinished():
            slot.open()

    def _suspect(self, unit: Unit, reason: str) -> None:
        unit.deaths += 1
        unit.suspect = True
        size = len(unit.stack)
        if unit.deaths < 2:
            self.suspects.append(unit)
        elif size == 1:
            self._crash(unit, reason)
        else:
            for part in (unit.stack[size // 2 :], unit.stack[: size // 2]):
                seconds = unit.seconds * len(part) / size
                # Alone, a trial must fail twice; a stack known to kill is halved at once.
                deaths = 0 if len(part) == 1 else 1
                self.suspects.appendleft(Unit(part, seconds, unit.attempts, deaths, suspect=True))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep loky's advice (install psutil, raise a timeout) from the user's terminal."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Failed to kill subprocesses|A worker stopped while")
        yield
