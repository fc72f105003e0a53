"""Works done side by side in copies of this process: what they need is there, and nothing is sent.

For works whose results are files, or small. Copies are made where that is safe and cheap, which is
a Linux process of one thread; elsewhere, and where a copy fails, the work is done here.

Two kinds of pipe hold them together, and no thread: one with the numbers of the works, of which
each copy takes the next when it is free, and one from every copy, which ends when that does.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from bench.run.worker import die_with

T = TypeVar("T")
Works = Sequence[Callable[[], Any]]
NUMBER = struct.Struct("=H")
LENGTH = struct.Struct("=Q")
# As many works as their numbers fit into a pipe; files that a work may want to open.
MOST, FILES = 1024, 16


@contextmanager
def copies(works: Sequence[Callable[[], T]], jobs: int) -> Iterator[Callable[[int], T]]:
    """A while in which up to `jobs` copies of this process are at `works`, in their order.

    What it gives returns the result of a work by its number, once it is there. Works are done again
    here when they failed in a copy, so that whatever they raise is raised here. Results must be of
    a kind that can be pickled.
    """
    some = _Copies()
    try:
        with contextlib.suppress(OSError):  # no room for one more, or for any
            some.begin(works, min(jobs, len(works), MOST))

        def result(number: int) -> T:
            found = some.wait_for(number)
            return works[number]() if found is None else found[0]

        yield result
    finally:
        some.end()


class _Copies:
    """Copies by the pipes that come from them, and what has come of works, by number."""

    def __init__(self) -> None:
        self._from: dict[int, int] = {}
        self._ids: list[int] = []
        self._left: dict[int, bytes] = {}
        self._found: dict[int, tuple[Any]] = {}

    def begin(self, works: Works, jobs: int) -> None:
        """Make copies, `jobs` of them or as many as there can be. Raises OSError for the rest."""
        if jobs < 2 or sys.platform != "linux" or threading.active_count() > 1:
            return
        if not room(FILES + 2 * jobs):
            return
        numbers, ahead = os.pipe()
        try:
            os.write(ahead, b"".join(NUMBER.pack(k) for k in range(min(len(works), MOST))))
            os.close(ahead)
            for _ in range(jobs):
                self._add(works, numbers)
        finally:
            os.close(numbers)

    def _add(self, works: Works, numbers: int) -> None:
        here, there = os.pipe()
        parent = os.getpid()
        try:
            pid = os.fork()
            if pid == 0:
                _work(parent, works, numbers, there)
        except OSError:
            os.close(here)
            raise
        finally:
            os.close(there)
        self._ids.append(pid)
        self._from[here], self._left[here] = pid, b""

    def wait_for(self, number: int) -> tuple[Any] | None:
        """What a work returned; None when no copy is left that could say so."""
        while number not in self._found and self._from:
            for pipe in _ready(self._from):
                if more := os.read(pipe, 1 << 16):
                    self._left[pipe] = self._take(self._left[pipe] + more)
                else:
                    self._close(pipe)
        return self._found.pop(number, None)

    def _take(self, read: bytes) -> bytes:
        """Note the results that have been read whole; returns the rest."""
        while len(read) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(read)
            whole, rest = read[LENGTH.size : LENGTH.size + length], read[LENGTH.size + length :]
            if len(whole) < length:
                break
            number, found = pickle.loads(whole)
            self._found[number], read = (found,), rest
        return read

    def _close(self, pipe: int) -> None:
        os.close(pipe)
        del self._from[pipe], self._left[pipe]

    def end(self) -> None:
        """End all copies that are left, and wait for them."""
        for pipe, pid in list(self._from.items()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self._close(pipe)
        for pid in self._ids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def room(files: int) -> bool:
    """Whether this process may open so many more `files`."""
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        for _ in range(files):
            stack.enter_context(open(os.devnull))
        return True
    return False


def _ready(pipes: Iterable[int]) -> list[int]:
    """Those from which something can be read, or that have ended; waits for one."""
    some = select.poll()
    for pipe in pipes:
        some.register(pipe, select.POLLIN)
    return [pipe for pipe, _ in some.poll()]


def _work(parent: int, works: Works, numbers: int, there: int) -> NoReturn:
    """What a copy does, which has all that its parent had when it was made."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with(parent)
        while taken := os.read(numbers, NUMBER.size):
            (number,) = NUMBER.unpack(taken)
            with contextlib.suppress(Exception):  # it is done again, and says what it is, up there
                told = pickle.dumps((number, works[number]()))
                _write(there, LENGTH.pack(len(told)) + told)
    finally:
        os._exit(0)


def _write(pipe: int, text: bytes) -> None:
    while text:
        text = text[os.write(pipe, text) :]
