"""Ctrl-C and SIGTERM, so that they never hit in the middle of something."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM (`signal`) ended the run; what was finished has been handed over."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number
        self.exit_code = 128 + number


NUMBERS = (signal.SIGINT, signal.SIGTERM)
GO_ON = "finished trials are stored; run the same again to go on"
GOODBYE = f"interrupted: {GO_ON}, or `bench report` to compare what there is"
# Some libraries swallow what a handler raises; then the process ends after this long all the same.
GRACE_SECONDS = 1.0


def leave(number: int, frame: FrameType | None = None) -> None:
    """End this process at once, with a line and no traceback."""
    os.write(2, f"{GOODBYE}\n".encode())
    os._exit(128 + number)


def leave_at_once() -> None:
    """Let signals end the process until there is something to put in order."""
    for number in NUMBERS:
        signal.signal(number, leave)


@contextlib.contextmanager
def as_exceptions() -> Iterator[None]:
    """Raise `Interrupted` at the first SIGINT or SIGTERM inside; later ones change nothing.

    Where Python would only print what a handler raises and go on, as in a `__del__`, the process
    ends at once instead: everything that is stored is safe at any moment.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        for other in NUMBERS:
            signal.signal(other, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: leave(number))
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        armed.append(number)
        raise Interrupted(number)

    def swallowed(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, Interrupted):
            leave(unraisable.exc_value.signal)
        hook(unraisable)

    armed: list[int] = []
    hook = sys.unraisablehook
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, handle) for n in NUMBERS}
    sys.unraisablehook = swallowed
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if armed:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def as_events(put: Callable[[int], None]) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into events: between two events nothing is half done."""

    def handle(number: int, frame: FrameType | None) -> None:
        put(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """A worker started inside never sees Ctrl-C, not even before it can ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
