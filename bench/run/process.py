"""One worker process, its successors, and the stacks it has been given."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from bench.run import worker
from bench.run.signals import shielded

# A worker that died inside a message leaves loky's reading thread in the middle of it.
STUCK_SECONDS = 1.0
START_SECONDS = 60.0


Stack = Sequence[Any]


@dataclass
class Unit:
    """A stack on its way: how often it was sent, and how often a worker died of it."""

    stack: Stack
    seconds: float
    attempts: int = 0
    deaths: int = 0
    suspect: bool = False


class SpawnError(Exception):
    """No process can be started."""


class Slot:
    """A loky executor with one worker, and a new one after each death.

    `flights` are the stacks in flight, first the one in training; `start` is the future that says
    whether the worker can work.
    """

    def __init__(
        self,
        task: bytes,
        plugins: Sequence[tuple[str, str]],
        notify: Callable[[Slot, Future[Any]], None],
    ) -> None:
        self._dump = tempfile.TemporaryFile()  # noqa: SIM115
        dump = f"/proc/{os.getpid()}/fd/{self._dump.fileno()}"
        self._arguments = (os.getpid(), task, plugins, dump)
        self._notify = notify
        self.flights: dict[Future[Any], Unit] = {}
        self._executor: Any = None

    def open(self) -> None:
        """Start a worker; returns before it is up. Raises SpawnError when the system says no."""
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        # Starting it unblocks SIGINT, so it must run before the shield is up.
        resource_tracker.ensure_running()
        self._ready = False
        self._verdict = ""
        self._dead_since: float | None = None
        self._since = time.monotonic()
        try:
            self._executor = ProcessPoolExecutor(
                1, initializer=worker.start, initargs=self._arguments, env=worker.ENVIRONMENT
            )
            with shielded():
                self.start = self._executor.submit(worker.ready)
        except (OSError, NotImplementedError) as error:
            self._executor = None
            raise SpawnError(str(error)) from error
        self._process = next(iter(self._executor._processes.values()))
        self._results = self._executor._result_queue
        self.start.add_done_callback(lambda future: self._notify(self, future))

    def submit(self, unit: Unit) -> None:
        """Send a stack to the worker."""
        if self._ready and not self.flights:
            self._since = time.monotonic()
        payload = pickle.dumps(unit.stack, pickle.HIGHEST_PROTOCOL)
        try:
            with shielded():
                future = self._executor.submit(worker.work, payload)
        except Exception as error:  # it has just died: the same as dying now
            future = Future()
            future.set_exception(error)
        self.flights[future] = unit
        future.add_done_callback(lambda future: self._notify(self, future))

    def owns(self, future: Future[Any]) -> bool:
        """Whether `future` is of the present worker and still to be dealt with."""
        return future is self.start or future in self.flights

    def finished(self, future: Future[Any]) -> bool:
        """Whether `future` is a stack that was trained."""
        return future in self.flights and future.done() and future.exception() is None

    def started(self) -> None:
        """Note that the worker is up."""
        self._ready = True
        self._since = time.monotonic()

    def take(self, future: Future[Any]) -> Unit:
        """The stack of a `future` that is done."""
        self._since = time.monotonic()
        return self.flights.pop(future)

    def check(self, limit: Callable[[Unit], float]) -> None:
        """Kill the worker when its stack has taken longer than `limit`, and free a stuck reader."""
        now = time.monotonic()
        if self._process.exitcode is not None and (self.flights or not self._ready):
            self._dead_since = self._dead_since or now
            if now - self._dead_since > STUCK_SECONDS:
                self._unblock()
        elif not self._ready:
            if now - self._since > START_SECONDS:
                self._verdict = f"no sign of life after {START_SECONDS:.0f} s"
                self.kill()
        elif self.flights:
            seconds = limit(next(iter(self.flights.values())))
            if now - self._since > seconds:
                self._verdict = f"no result after {seconds:.0f} s"
                self.kill()

    def forgive(self, seconds: float) -> None:
        """Leave `seconds` in which this process did not look out of account."""
        self._since += seconds

    def bury(self) -> tuple[bool, str, list[Unit]]:
        """Give the dead worker up: whether it had started, why it died, what it had in flight."""
        self.kill()
        self._shutdown()
        units = list(self.flights.values())
        self.flights = {}
        self.start = Future()
        reason = f"worker died: {_cause(self._process.exitcode)}{self._where()}"
        return self._ready, self._verdict or reason, units

    def _where(self) -> str:
        """The line that the worker was at, when the interpreter itself crashed."""
        self._dump.seek(0)
        frame = re.search(r'File "(.+)", line (\d+) in', self._dump.read().decode(errors="replace"))
        self._dump.truncate(0)
        return f" ({os.path.basename(frame[1])}:{frame[2]})" if frame else ""

    def stop(self) -> None:
        """End the worker, which has nothing to do or has been killed."""
        if self._executor is not None:
            if self.flights or not self._ready:
                self.kill()
            self.flights = {}
            self._shutdown()
        self._dump.close()

    def kill(self) -> None:
        """End the worker at once."""
        if self._executor is not None and self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def _shutdown(self) -> None:
        thread = self._executor._executor_manager_thread
        self._executor.shutdown(wait=False)
        if thread is not None:
            thread.join(STUCK_SECONDS)
            if thread.is_alive():
                self.kill()
                self._unblock()
                thread.join(STUCK_SECONDS)

    def _unblock(self) -> None:
        """End the wait for the rest of a message whose sender is dead.

        The parent's own copy of the sending end is all that keeps the pipe open.
        """
        with contextlib.suppress(AttributeError, OSError):
            self._results._writer.close()


def _cause(exitcode: int | None) -> str:
    """An exit code in words."""
    if exitcode is None:
        return "cause unknown"
    if exitcode >= 0:
        return f"exit code {exitcode}"
    with contextlib.suppress(ValueError):
        return f"signal {-exitcode} ({signal.Signals(-exitcode).name})"
    return f"signal {-exitcode}"
