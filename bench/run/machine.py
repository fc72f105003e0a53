"""A dask cluster of this machine's cores: a scheduler and workers, gone with the thread they serve.

Processes of their own, as on a real cluster: none of them can take the run down.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

from bench.run.worker import ENVIRONMENT, die_with

SCHEDULER, WORKER = "scheduler", "worker"
HOST = "127.0.0.1"
MENDS = 20  # workers that may die
PROGRAM = """
import json, sys
sys.path[:], *given = json.loads(sys.argv[1])
from bench.run.machine import serve
serve(*given)
"""


class Machine:
    """A scheduler, and workers for `jobs` stacks at once; what they write goes to `folder`.

    Raises OSError when the system has no room for them.
    """

    def __init__(self, jobs: int, folder: str) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        self._workers: list[tuple[subprocess.Popen[str], int]] = []
        self._folder, self._mends = folder, MENDS
        try:
            self.address = self._started(SCHEDULER, folder)
            for threads in shares(jobs):
                self._start_worker(threads)
        except BaseException:
            self.close()
            raise

    def mend(self) -> None:
        """Put new workers in the place of dead ones, but not for ever. Raises OSError."""
        for place, (process, threads) in enumerate(self._workers):
            if process.poll() is not None and self._mends:
                self._mends -= 1
                del self._workers[place]
                self._start_worker(threads)
                return

    def _start_worker(self, threads: int) -> None:
        self._started(WORKER, self._folder, self.address, threads)
        self._workers.append((self._processes[-1], threads))

    def _started(self, role: str, *arguments: Any) -> str:
        """Start a process; of a scheduler, its address."""
        given = json.dumps([sys.path, os.getpid(), role, *arguments])
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if role == SCHEDULER else subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
            text=True,
            start_new_session=True,  # Ctrl-C is the run's
        )
        self._processes.append(process)
        if process.stdout is None:
            return ""
        with process.stdout:
            address = process.stdout.readline().strip()
        if not address:
            raise OSError(f"dask's scheduler ended with exit code {process.wait()}")
        return address

    def close(self) -> None:
        """End all of them, and wait until they are gone."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


def shares(jobs: int) -> list[int]:
    """How many stacks each worker trains at once: at least two workers, lest one death end all.

    >>> shares(1), shares(2), shares(3), shares(64)
    ([1], [1, 1], [2, 1], [8, 8, 8, 8, 8, 8, 8, 8])
    """
    count = min(jobs, max(2, round(jobs**0.5)))
    return [jobs // count + (place < jobs % count) for place in range(count)]


def serve(parent: int, role: str, folder: str, *arguments: Any) -> None:
    """What one of the processes does until `parent` is gone."""
    import dask

    die_with(parent)
    quiet()
    with dask.config.set(temporary_directory=folder):
        asyncio.run(_scheduler() if role == SCHEDULER else _worker(*arguments))


async def _scheduler() -> None:
    from distributed import Scheduler

    async with Scheduler(host=HOST, port=0, dashboard_address=f"{HOST}:0") as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()


async def _worker(address: str, threads: int) -> None:
    from distributed import Worker

    # What needs memory are the processes that train, which are not dask's to watch.
    async with Worker(
        address,
        nthreads=threads,
        host=HOST,
        dashboard_address=f"{HOST}:0",
        memory_limit=0,
    ) as worker:
        await worker.finished()


def quiet() -> None:
    """Let dask keep to itself what it has to say: whoever uses it here says it in one line."""
    import logging

    import distributed  # noqa: F401  (it sets levels when it is imported)

    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
