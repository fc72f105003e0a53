"""Works done side by side in copies of this process: what they need is there, and nothing is sent.

For works whose results are files, or small. Copies are made where that is safe and cheap, which is
a Linux process of one thread; elsewhere, and where a copy fails, the work is done here.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from bench.run.worker import die_with

T = TypeVar("T")
FORK = "fork"

# In a copy: what it may be asked for, by number.
_works: Sequence[Callable[[], Any]] = ()


@contextmanager
def copies(works: Sequence[Callable[[], T]], jobs: int) -> Iterator[Callable[[int], T]]:
    """A while in which up to `jobs` copies of this process are at `works`, in their order.

    What it gives returns the result of a work by its number, once it is there. Works are done again
    here when they failed in a copy, so that whatever they raise is raised here. Results must be of
    a kind that can be pickled.
    """
    pool, futures = _begun(works, min(jobs, len(works)))

    def result(number: int) -> T:
        if number < len(futures):
            try:
                return futures[number].result()
            except (Exception, CancelledError):
                pass  # it says here what it is
        return works[number]()

    try:
        yield result
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _begun(
    works: Sequence[Callable[[], T]], jobs: int
) -> tuple[ProcessPoolExecutor | None, list[Future[T]]]:
    """Copies at work, and what will come of it; none where there can be none."""
    if jobs < 2 or sys.platform != "linux" or threading.active_count() > 1:
        return None, []
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context(FORK), initializer=_begin, initargs=(os.getpid(), works)
    )
    try:
        return pool, [pool.submit(_do, number) for number in range(len(works))]
    except (OSError, AssertionError):  # no room for a process, or none allowed below this one
        pool.shutdown(cancel_futures=True)
        return None, []


def _begin(parent: int, works: Sequence[Callable[[], Any]]) -> None:
    """Initialize a copy, which has all that its parent had when it was made."""
    global _works
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with(parent)
    _works = works


def _do(number: int) -> Any:
    return _works[number]()
