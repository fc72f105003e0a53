"""Workers apart from each other: who dies of what is known, and no neighbour's work is lost.

For what joblib's pool cannot do: one job in a process, stacks that a worker may have died of, and
processes that may have no children of multiprocessing's (a pool's own workers). Each worker is a
plain child with a socket of its own: its end ends the wait for the rest of its message, too.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import connection
from typing import Any

from bench.run import worker
from bench.run.executor import (
    START_SECONDS,
    TICK_SECONDS,
    Assignment,
    Died,
    Event,
    Executor,
    StartError,
    Trained,
)
from bench.run.scratch import Scratch, Vigil
from bench.run.signals import shielded

MAXIMUM_STARTS = 5
END_SECONDS = 5.0
PROGRAM = """
import sys
from multiprocessing.connection import Connection
parent = Connection(int(sys.argv[1]))
sys.path[:] = parent.recv()
from bench.run.worker import serve
serve(parent)
"""


class Process:
    """One worker process, and what it has been given: its start, then a stack, by `number`."""

    def __init__(self, setup: worker.Setup, number: int) -> None:
        """Start it; returns before it is up. Raises OSError when the system says no."""
        self.ready = False
        self.number = number
        self.assignment: Assignment | None = None
        self.verdict = ""
        self.line, theirs = connection.Pipe()
        try:
            with shielded():
                self._popen = subprocess.Popen(
                    [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **worker.ENVIRONMENT},
                )
        except BaseException:
            self.line.close()
            raise
        finally:
            theirs.close()
        self.pid = self._popen.pid
        self._send(sys.path)
        self._send(setup)

    def give(self, assignment: Assignment, number: int) -> None:
        """Send a stack to the worker, which is idle."""
        assignment.attempts += 1
        self.assignment, self.number = assignment, number
        self._send((number, pickle.dumps(assignment.stack, pickle.HIGHEST_PROTOCOL)))

    def take(self) -> Assignment | None:
        """The stack it has been given, which is no longer its own."""
        assignment, self.assignment = self.assignment, None
        return assignment

    def _send(self, message: Any) -> None:
        # A worker that has died is dealt with when the end of its line is read.
        with contextlib.suppress(OSError):
            self.line.send(message)

    def silent(self) -> bool:
        """Whether it has ended with nothing left to read, though children of its hold the line."""
        return self._popen.poll() is not None and not self.line.poll()

    def kill(self, verdict: str = "") -> None:
        """End it at once, because of `verdict`."""
        self.verdict = self.verdict or verdict
        self._popen.kill()

    def end(self) -> int:
        """Wait until it is gone, however that may be brought about; returns its exit code."""
        self.line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._popen.wait(END_SECONDS)
        self._popen.kill()
        return self._popen.wait()


class Quarantine(Executor, name="quarantine"):
    """A process for each job, started when there is something for it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._processes: list[Process] = []
        self._failures = 0
        self._stopped = False

    def run(self, pending: deque[Assignment]) -> Iterator[Event]:  # noqa: D102
        vigil = Vigil(self.scratch)
        while (pending or self._flying()) and not self._stopped:
            self._fill(pending)
            if vigil.due():
                self._watch(vigil)
            heard = self._listen()
            for process in heard:
                yield from self._hear(process, pending)
            if not heard:
                yield None
        for process in self._listen(0.0) if self._stopped else []:
            yield from self._hear(process, pending)

    def stop(self) -> None:  # noqa: D102
        self._stopped = True
        for process in self._processes:
            process.kill("stopped")

    def close(self) -> None:  # noqa: D102
        self.stop()
        for process in self._processes:
            process.end()
        self._processes = []

    def _flying(self) -> int:
        return sum(process.assignment is not None for process in self._processes)

    def _fill(self, pending: deque[Assignment]) -> None:
        """Start what processes there is work for, and give it to those that are idle."""
        while len(self._processes) < min(self.jobs, len(pending) + self._flying()):
            try:
                self._processes.append(Process(self.setup, self.scratch.number()))
            except OSError as error:
                raise StartError(str(error)) from error
        for process in self._processes:
            if process.ready and process.assignment is None and pending:
                process.give(pending.popleft(), self.scratch.number())

    def _listen(self, seconds: float = TICK_SECONDS) -> Sequence[Process]:
        """Who has something to say, or died."""
        said = connection.wait([process.line for process in self._processes], seconds)
        return [p for p in self._processes if p.line in said or p.silent()]

    def _hear(self, process: Process, pending: deque[Assignment]) -> Iterator[Trained | Died]:
        try:
            if process.silent():
                raise EOFError
            message = process.line.recv()
        except Exception:  # it has ended, or what it said is no message
            yield from self._bury(process, pending)
            return
        if not process.ready:
            if message:
                raise StartError(message)
            process.ready = True
        elif (assignment := process.take()) is not None:
            self._failures = 0
            if pending and not self._stopped:  # before the disk is waited for
                process.give(pending.popleft(), self.scratch.number())
            records, timing = pickle.loads(message)
            yield Trained(assignment, records, timing)

    def _bury(self, process: Process, pending: deque[Assignment]) -> Iterator[Died]:
        """Sort out who died of what."""
        self._processes.remove(process)
        code = process.end()
        reason = process.verdict or f"worker died: {cause(code)}{where(self.scratch, process.pid)}"
        ready, assignment = process.ready, process.take()
        if self._stopped or (ready and assignment is None):
            return
        if assignment is not None and self.scratch.sign(process.number):
            yield Died(assignment, reason)
            return
        if assignment is not None:
            assignment.attempts -= 1
            pending.appendleft(assignment)
        self._failures += 1
        if self._failures == MAXIMUM_STARTS:
            raise StartError(reason)

    def _watch(self, vigil: Vigil) -> None:
        """Kill whoever shows no sign of life for too long."""
        busy = {p.number: p for p in self._processes if p.assignment or not p.ready}
        for number, seconds in vigil.look(busy).items():
            process = busy[number]
            if process.assignment is None:
                if seconds > START_SECONDS:
                    process.kill(f"no sign of life after {START_SECONDS:.0f} s")
            elif seconds > (limit := self.patience(process.assignment)):
                process.kill(f"no result after {limit:.0f} s without progress")


def where(scratch: Scratch, pid: int) -> str:
    """The line that a worker was at, when the interpreter itself crashed."""
    frame = re.search(r'File "(.+)", line (\d+) in', scratch.last_words(pid))
    return f" ({os.path.basename(frame[1])}:{frame[2]})" if frame else ""


def cause(code: int) -> str:
    """An exit code in words.

    >>> cause(3), cause(-9)
    ('exit code 3', 'signal 9 (SIGKILL)')
    """
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"signal {-code}"
