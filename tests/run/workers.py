"""What tests of workers share: stacks of tasks that behave or do not, and who is still there."""

import contextlib
import os
from pathlib import Path

from bench.run import worker
from tests.faults import tasks
from tests.faults.commands import is_worker


def stacks_of(trials, size):
    return [tuple(trials[n : n + size]) for n in range(0, len(trials), size)]


def trials_with(deeds, count=8, argument=""):
    """Trials that behave, but for those in `deeds`, by number."""
    return [tasks.trial(n, deeds.get(n, "train"), argument) for n in range(count)]


def expected(number, size=5):
    return worker.pack(tasks.outcome(number, size))


def children():
    """The processes below this one that train, whichever thread of whichever started them."""
    found, ahead = [], [str(os.getpid())]
    while ahead:
        with contextlib.suppress(OSError):
            for path in Path(f"/proc/{ahead.pop()}/task").glob("*/children"):
                below = path.read_text().split()
                ahead += below
                found += [int(number) for number in below if is_worker(number)]
    return found
