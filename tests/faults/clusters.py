"""dask clusters that tests kill, stop and disagree with: the processes of a `Machine`, by role."""

import contextlib
import os
import signal
import tempfile
from pathlib import Path

import pytest

dask = pytest.importorskip("distributed", reason="the extra dask is not installed")

from bench.run.machine import Machine  # noqa: E402


class Cluster:
    """A scheduler and `count` workers, each for one stack at once."""

    def __init__(self, count=2):
        self._folder = tempfile.TemporaryDirectory()
        self.machine = Machine(count, self._folder.name)
        self.where = self.machine.address.replace("tcp://", "dask://")
        scheduler, *workers = self.machine._processes
        self.scheduler, self.workers = scheduler.pid, [worker.pid for worker in workers]

    def close(self):
        for number in self.workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)
        self.machine.close()
        self._folder.cleanup()


def trainers(worker):
    """The processes that train below a worker of dask's."""
    found = []
    for path in Path(f"/proc/{worker}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(number) for number in path.read_text().split() if _trains(number)]
    return found


def _trains(number):
    with contextlib.suppress(OSError):
        return b"bench.run.worker" in Path(f"/proc/{number}/cmdline").read_bytes()
    return False
