"""The calm path: joblib's pool of workers, kept between the phases of a run.

A worker that dies breaks joblib's whole pool, and nobody says which stack it was at: everything
that had been begun comes out as a death, the pool is made anew, and `bench.run.quarantine` finds
out. Results do not travel through joblib's pipe but in files: a worker that died in the middle of a
message would leave the thread that reads it waiting for ever.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import signal
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

from bench.run import worker
from bench.run.copies import room
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
from bench.run.scratch import Vigil, kill

# A pool that breaks more often is not calm: the quarantine isolates deaths, and takes the rest.
BREAKS = 3
# Files that a pool opens, and more for each worker: short of them, it would come up in parts.
FILES, FILES_PER_WORKER = 20, 4
# What multiprocessing calls the thread that puts a queue's items into its pipe.
FEEDER, FEEDER_SECONDS = "QueueFeederThread", 1.0


class Pool(Executor, name="joblib"):
    """Workers of `joblib.Parallel`, which runs in a thread of its own: it cannot be interrupted."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._calls: queue.SimpleQueue[tuple[Iterator[Any], int] | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[tuple[int, bytes | str | None] | _End] = (
            queue.SimpleQueue()
        )
        self._idle = threading.Event()
        self._idle.set()
        self._stopped = False
        self._flights: dict[int, Assignment] = {}
        self._sending = threading.Lock()
        self._open = False
        # Workers die with the thread that forked them (`worker.die_with`): one serves all calls.
        self._thread = threading.Thread(target=self._serve, name="joblib-pool", daemon=True)

    def run(self, pending: deque[Assignment]) -> Iterator[Event]:  # noqa: D102
        for _ in range(BREAKS):
            yield from self._call(pending)
            if not pending or self._stopped:
                return

    def stop(self) -> None:  # noqa: D102
        self._stopped = True
        while not self._idle.wait(TICK_SECONDS / 2):
            for pid in self.scratch.workers():
                kill(pid)

    def close(self) -> None:  # noqa: D102
        self.stop()
        if self._thread.is_alive():
            self._calls.put(None)
            self._thread.join()
        for pid in self.scratch.workers():
            kill(pid)

    def _call(self, pending: deque[Assignment]) -> Iterator[Event]:
        """One call of `Parallel`, up to its end or a death."""
        if not room(FILES + FILES_PER_WORKER * self.jobs):
            raise StartError("too few files may be open")
        self._flights, vigil, verdict = {}, Vigil(self.scratch), ""
        # Never sent: it stands for a pool that has yet to begin.
        self._start = self.scratch.number()
        self._open = True
        self._idle.clear()
        if not self._thread.is_alive():
            try:
                self._thread.start()
            except RuntimeError as error:  # no memory for a thread
                self._idle.set()
                raise StartError(str(error)) from error
        # With one job, joblib would train in this process.
        self._calls.put((self._tasks(pending), max(2, min(self.jobs, len(pending)))))
        while True:
            if vigil.due():
                verdict = self._watch(vigil) or verdict
            try:
                reply = self._replies.get(timeout=TICK_SECONDS)
            except queue.Empty:
                yield None
                continue
            if isinstance(reply, _End):
                break
            number, answer = reply
            if isinstance(answer, str):
                raise StartError(answer)
            data = self.scratch.reply(number) if answer is None else answer
            records, timing = pickle.loads(data)
            yield Trained(self._flights.pop(number), records, timing)
        if reply.error is not None and not self._stopped:
            yield from self._sort(pending, verdict or worker.describe(reply.error))

    def _sort(self, pending: deque[Assignment], reason: str) -> Iterator[Died]:
        """Of what was in flight when the pool broke, what was begun; the rest is pending again."""
        begun = [number for number in self._flights if self.scratch.sign(number)]
        waiting = [a for number, a in self._flights.items() if number not in begun]
        for assignment in reversed(waiting):
            assignment.attempts -= 1
            pending.appendleft(assignment)
        if not begun:
            raise StartError(reason)
        for number in begun:
            yield Died(self._flights[number], reason)

    def _watch(self, vigil: Vigil) -> str:
        """Kill the worker whose stack shows no sign of life for too long; returns why, or ""."""
        flights = list(self._flights.items())
        begun = [number for number, _ in flights if self.scratch.sign(number)]
        quiet = vigil.look(begun or [self._start])
        if quiet.get(self._start, 0.0) > START_SECONDS:
            for pid in self.scratch.workers():
                kill(pid)
            return f"no sign of life after {START_SECONDS:.0f} s"
        for number, assignment in flights:
            limit = self.patience(assignment)
            if quiet.get(number, 0.0) > limit:
                sign = self.scratch.sign(number)
                if sign is not None:
                    kill(sign[0])
                return f"no result after {limit:.0f} s without progress"
        return ""

    # In the thread

    def _serve(self) -> None:
        # Workers inherit what this thread blocks: they never see Ctrl-C, not even before they can
        # ignore it. The tracker unblocks it when it starts, so it is started first.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with ending_workers():
            while (call := self._calls.get()) is not None:
                error = None
                try:
                    self._parallel(*call)
                except BaseException as problem:
                    error = problem
                with self._sending:  # a thread of loky's may be about to take the next task
                    self._open = False
                self._idle.set()
                self._replies.put(_End(error))

    def _parallel(self, tasks: Iterator[Any], jobs: int) -> None:
        from joblib import Parallel, effective_n_jobs, parallel_config

        with (
            warnings.catch_warnings(),
            parallel_config(
                "loky",
                n_jobs=jobs,
                inner_max_num_threads=1,
                initializer=worker.start,
                initargs=(self.setup,),
            ),
        ):
            # Advice of joblib's and loky's: install psutil, raise a timeout, do not nest.
            warnings.simplefilter("ignore")
            if effective_n_jobs(jobs) == 1:
                raise StartError("joblib would train in this process")
            parallel = Parallel(return_as="generator_unordered", batch_size=1, max_nbytes=None)
            for reply in parallel(tasks):
                self._replies.put(reply)

    def _tasks(self, pending: deque[Assignment]) -> Iterator[Any]:
        """What joblib takes when a worker is about to need it."""
        from joblib import delayed

        deliver = delayed(worker.deliver)
        while True:
            with self._sending:
                if not (pending and self._open) or self._stopped:
                    return
                assignment = pending.popleft()
                assignment.attempts += 1
                number = self.scratch.number()
                self._flights[number] = assignment
            payload = pickle.dumps(assignment.stack, pickle.HIGHEST_PROTOCOL)
            yield deliver(self.setup, number, payload)


class _End:
    """A call of `Parallel` is over."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextlib.contextmanager
def ending_workers() -> Iterator[None]:
    """A while after which joblib's workers have ended; they would wait five minutes for more to do.

    As its maintainers advise: https://github.com/joblib/joblib/issues/945
    """
    before = set(threading.enumerate())
    try:
        yield
    finally:
        from joblib.externals.loky import get_reusable_executor

        # It makes a new pool first where the old one broke, for which there may be no room.
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            workers = get_reusable_executor(reuse=True, kill_workers=True)
            workers.shutdown(wait=True, kill_workers=True)
            del workers
        # Nobody waits for the threads that filled its queues. The last to know a semaphore removes
        # it; should this process end in between, its tracker would speak of a leak.
        for thread in set(threading.enumerate()) - before:
            if thread.name == FEEDER:
                thread.join(FEEDER_SECONDS)
