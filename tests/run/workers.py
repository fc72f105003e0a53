"""What tests of workers share: stacks of tasks that behave or do not, and who is still there."""

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
    """The worker processes of this one, whichever thread of it started them."""
    found = []
    for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        found += [int(number) for number in path.read_text().split() if is_worker(number)]
    return found
