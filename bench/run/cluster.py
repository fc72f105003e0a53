"""Stacks on the workers of a dask cluster, by `client.submit` and futures.

dask carries and says who is gone; what trains is a process below its worker (`bench.run.station`).
A stack is with one worker at a time, unless that one has fallen silent: then it is sent to another
one as well, and the first result counts. Nothing is taken for finished that has not come back: when
a scheduler ends, dask's own iterators end as if all were done.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import pickle
import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.run import station
from bench.run.executor import (
    START_SECONDS,
    TICK_SECONDS,
    Assignment,
    Died,
    Event,
    Executor,
    LostError,
    Noted,
    RefusedError,
    StartError,
    Trained,
)
from bench.run.machine import Machine, quiet
from bench.run.worker import describe
from bench.store import provenance

LOOK_SECONDS = 0.5
END_SECONDS = 5.0
# A worker whose heart has not been heard for so long is silent: what it has is sent elsewhere, too.
SILENT_SECONDS = 30.0
LOST_SECONDS = 10.0  # for the client to notice a broken connection
DOUBTS = 2  # looks after which what nobody has is sent again
WAIT_SECONDS = 5.0  # for workers that are not free to be received
NAMED = 3  # differences


@dataclass(eq=False)
class Flight:
    """A stack on its way: all the futures that may bring it."""

    assignment: Assignment
    futures: dict[str, Any] = field(default_factory=dict)
    doubts: int = 0
    losses: int = 0  # how often all who might have it were gone
    again: asyncio.Event = field(default_factory=asyncio.Event)


class Dask(Executor, name="dask"):
    """The workers of the scheduler at `where`; "": of a cluster of this machine's cores."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._line: _Line | None = None
        self._stopped = False

    def start(self) -> int:  # noqa: D102
        if self._line is None:
            self._line = _Line(self)
        try:
            self._line.wait()
        except StartError:
            self._line = None
            raise
        return self._line.slots()

    def run(self, pending: deque[Assignment]) -> Iterator[Event]:  # noqa: D102
        if not pending or self._stopped:
            return
        self.start()
        line = self._line
        assert line is not None
        flying: set[int] = set()
        while (pending or flying) and not self._stopped:
            while pending and len(flying) < min(self.jobs, line.slots()):
                assignment = pending.popleft()
                assignment.attempts += 1
                flying.add(line.send(assignment))
            try:
                arrived = line.inbox.get(timeout=TICK_SECONDS)
            except queue.Empty:
                line.check()
                yield None
                continue
            if isinstance(arrived, Noted):
                yield arrived
            elif arrived.number in flying:  # what an earlier call left behind is of no interest
                flying.discard(arrived.number)
                if arrived.event is not None:
                    yield arrived.event
                else:  # no worker began it
                    arrived.assignment.attempts -= 1
                    pending.appendleft(arrived.assignment)
        while self._stopped:
            try:
                arrived = line.inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(arrived, _Arrived) and isinstance(arrived.event, Trained):
                yield arrived.event

    def stop(self) -> None:  # noqa: D102
        self._stopped = True
        if self._line is not None:
            self._line.halt()

    def close(self) -> None:  # noqa: D102
        self._stopped = True
        if self._line is not None:
            self._line.close()
            self._line = None


def threads(where: str) -> int:
    """How many stacks the cluster at `where` can train at once. Raises StartError."""

    async def count() -> int:
        async with _connected(where) as client:
            found = await client.scheduler.identity(n_workers=-1)
            return sum(int(worker["nthreads"]) for worker in found["workers"].values())

    quiet()
    return asyncio.run(count())


@contextlib.asynccontextmanager
async def _connected(where: str) -> Any:
    """A client of the scheduler at `where`. Raises StartError when it cannot be reached."""
    from distributed import Client

    client = Client(
        where.replace("dask://", "tcp://"), asynchronous=True, timeout=START_SECONDS / 4
    )
    try:
        try:
            await client
        except (OSError, ValueError) as error:
            reason = f"no scheduler answers at {where}"
            raise StartError(reason) from error
        yield client
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.close(), END_SECONDS)


@dataclass(frozen=True)
class _Arrived:
    """What came of a flight; no event where no worker began it."""

    number: int
    assignment: Assignment
    event: Trained | Died | None


class _Line:
    """The thread that speaks with the scheduler; what arrives is in `inbox`.

    Opens the cluster and receives its workers; raises StartError, and RefusedError where not one
    of them is fit.
    """

    def __init__(self, executor: Dask) -> None:
        self._executor = executor
        self.inbox: queue.SimpleQueue[_Arrived | Noted] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._flights: dict[int, Flight] = {}
        self._mend: Callable[[], None] = _nothing
        self._fit: dict[str, int] = {}
        self._unfit: dict[str, str] = {}
        self._receiving: set[str] = set()
        self._present: set[str] = set()
        self._opened: set[str] = set()  # where there is a station, fit or not
        self._heard: dict[str, tuple[float, float]] = {}
        self._silent: set[str] = set()
        self._shaken = False
        self._without = time.monotonic()
        self._trouble: StartError | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._thread = threading.Thread(target=self._serve, name="dask-line", daemon=True)
        self._thread.start()

    # For the thread that wants stacks trained

    def wait(self) -> None:
        """Wait until workers are ready. Raises StartError when there are none."""
        while not self._ready.wait(TICK_SECONDS):
            pass
        self.check()

    def slots(self) -> int:
        """How many stacks the fit workers train at once."""
        return sum(self._fit.values())

    def send(self, assignment: Assignment) -> int:
        """Send a stack; returns the number that it arrives with."""
        number = next(self._numbers)
        self._call(lambda: self._begin(self._carry(number, Flight(assignment))))
        return number

    def check(self) -> None:
        """Raise StartError when the cluster is no longer what it was."""
        if self._trouble is not None:
            raise self._trouble

    def halt(self) -> None:
        """End the processes that train, within seconds."""
        if self._ready.is_set() and self._thread.is_alive():
            assert self._loop is not None
            with contextlib.suppress(Exception):
                halting = asyncio.run_coroutine_threadsafe(self._halt(), self._loop)
                halting.result(2 * END_SECONDS)

    def close(self) -> None:
        """End all of it, and wait until it is gone."""
        self.halt()
        while self._thread.is_alive():
            self._call(lambda: self._main and self._main.cancel())
            self._thread.join(TICK_SECONDS)

    def _call(self, function: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function)

    # In the thread

    def _serve(self) -> None:
        quiet()
        try:
            asyncio.run(self._life())
        except StartError as error:
            self._trouble = error
        except BaseException as error:
            self._trouble = self._trouble or StartError(describe(error))
        finally:
            self._ready.set()

    async def _life(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        executor = self._executor
        with contextlib.ExitStack() as stack:
            where = executor.where
            if not where:
                try:
                    machine = Machine(executor.jobs, str(executor.scratch.folder))
                except OSError as error:
                    raise StartError(str(error)) from error
                stack.callback(machine.close)
                where, self._mend = machine.address, machine.mend
            self._token = secrets.token_hex(8)
            self._where = where
            self._parcel = station.Parcel.of(self._token, executor.setup)
            self._expected = (
                provenance.fingerprint([path for path, _ in executor.setup.plugins]),
                station.protocol(),
            )
            async with _connected(where) as self._client:
                try:
                    await self._assemble()
                    self._begin(self._watch())
                    self._ready.set()
                    await asyncio.Event().wait()
                finally:
                    await self._halt()

    def _begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _assemble(self) -> None:
        """Wait for workers, and receive those that are there."""
        began = time.monotonic()
        # Of a cluster of this machine all, of others those that are there.
        least = 1 if self._executor.where else self._executor.jobs
        while self.slots() < least:
            self._invite(await self._workers())
            # Others may keep a worker busy: it joins when it can.
            while self._receiving and not (self._fit and time.monotonic() - began > WAIT_SECONDS):
                await asyncio.sleep(TICK_SECONDS / 10)
                if time.monotonic() - began > START_SECONDS:
                    break
            if not self._fit and self._unfit and not self._receiving:
                raise RefusedError("\n".join(self._refusals()))
            if time.monotonic() - began > START_SECONDS:
                if self._fit:
                    return
                raise StartError(f"{self._where}: no worker within {START_SECONDS:.0f} s")
            await asyncio.sleep(TICK_SECONDS / 10)

    def _refusals(self) -> list[str]:
        return [f"dask's worker {who} cannot take part: {why}" for who, why in self._unfit.items()]

    def _invite(self, workers: dict[str, Any]) -> None:
        """Receive those that are not known yet."""
        for address in workers.keys() - (self._fit.keys() | self._unfit.keys() | self._receiving):
            self._receiving.add(address)
            self._begin(self._receive(address, int(workers[address]["nthreads"])))

    async def _workers(self) -> dict[str, Any]:
        """What the scheduler says of its workers, by their addresses."""
        found = await asyncio.wait_for(
            self._client.scheduler.identity(n_workers=-1), START_SECONDS / 4
        )
        workers: dict[str, Any] = found["workers"]
        self._present = {*workers}
        return workers

    async def _receive(self, address: str, slots: int) -> None:
        """Let a worker take part, if what it computes is what this process would."""
        self._opened.add(address)
        try:
            parcel = await self._client.scatter(self._parcel, workers=[address], hash=False)
            future = self._client.submit(
                station.admit, parcel, workers=[address], pure=False, priority=1
            )
            theirs, their_speech = await future.result()
        except Exception as error:
            # One that has gone is no longer of interest, and may come back.
            if not await self._is_lost(error) and address in await self._workers():
                self._leave_out(address, describe(error))
            return
        finally:
            self._receiving.discard(address)
        mine, speech = self._expected
        if differ := provenance.differences(mine, theirs):
            more = [f"and {len(differ) - NAMED} more"] if len(differ) > NAMED else []
            self._leave_out(address, "; ".join([*differ[:NAMED], *more]))
        elif speech != their_speech:
            self._leave_out(address, "its bench is of another version")
        else:
            self._fit[address] = slots

    def _leave_out(self, address: str, why: str) -> None:
        self._fit.pop(address, None)
        self._unfit[address] = why
        self.inbox.put(Noted(f"dask's worker {address} takes no part: {why}"))
        if not self._fit and not self._receiving - {address}:
            self._trouble = self._trouble or StartError(why)

    async def _watch(self) -> None:
        """Look at the cluster now and then: who has come, who is gone, and who is silent."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._client.status != "running":
                self._trouble = LostError(f"dask's scheduler at {self._where} is gone")
                return
            with contextlib.suppress(OSError):
                self._mend()
                await self._look(await self._workers())

    async def _look(self, workers: dict[str, Any]) -> None:
        now = time.monotonic()
        gone = [address for address in self._fit if address not in workers]
        for address in gone:
            del self._fit[address]
        self._invite(workers)
        for address, facts in workers.items():
            heard = float(facts["last_seen"])
            if self._heard.get(address, (None,))[0] != heard:
                self._heard[address] = heard, now
        self._silent = {a for a in self._fit if now - self._heard[a][1] > SILENT_SECONDS}
        if self._fit:
            self._without = now
        elif now - self._without > START_SECONDS:
            told = [*self._refusals(), f"all workers of dask's scheduler {self._where} are gone"][0]
            self._trouble = self._trouble or LostError(told)
        self._shaken = self._shaken or bool(gone)
        if self._shaken or self._silent:
            await self._send_again()

    async def _send_again(self) -> None:
        """Send elsewhere what nobody has that is alive; a look later it may be on its way back."""
        lively = self._fit.keys() - self._silent
        held = await self._client.processing()
        alive = {key for address in lively for key in held.get(address, ())}
        for flight in self._flights.values():
            flight.doubts = 0 if alive & flight.futures.keys() else flight.doubts + 1
            if flight.doubts >= DOUBTS and lively:
                stopped = {key for a in self._silent for key in held.get(a, ())}
                flight.losses += not stopped & flight.futures.keys()
                flight.again.set()

    async def _carry(self, number: int, flight: Flight) -> None:
        """Bring a stack to a worker, and what came of it back."""
        self._flights[number] = flight
        try:
            event = await self._event(number, flight)
        except Exception as error:
            if await self._is_lost(error):
                return  # the watch says so
            self._trouble = self._trouble or StartError(describe(error))
            return
        finally:
            del self._flights[number]
        self.inbox.put(_Arrived(number, flight.assignment, event))

    async def _is_lost(self, error: Exception) -> bool:
        """Whether the scheduler is gone: a broken connection may tell before the client does."""
        from distributed.comm import CommClosedError

        until = time.monotonic() + LOST_SECONDS * isinstance(error, CommClosedError)
        while self._client.status == "running" and time.monotonic() < until:
            await asyncio.sleep(TICK_SECONDS / 10)
        return bool(self._client.status != "running")

    async def _event(self, number: int, flight: Flight) -> Trained | Died | None:
        """What came of a stack; None when no worker began it."""
        import dask
        from distributed import CancelledError, KilledWorker

        allowed = int(dask.config.get("distributed.scheduler.allowed-failures"))
        assignment = flight.assignment
        if not self._fit:
            return None
        try:
            data = await self._first(number, flight, allowed)
        except KilledWorker:
            data = b""
        except CancelledError:
            if self._client.status == "running":
                return None
            raise
        if not data:
            return Died(assignment, f"worker died: dask lost more than {allowed} of them at it")
        reply: station.Reply = pickle.loads(data)
        if reply.trained:
            records, timing = reply.trained
            return Trained(assignment, records, timing, reply.host)
        if reply.died:
            return Died(assignment, reply.died)
        if reply.failed:
            self._leave_out(reply.worker, reply.failed)
        elif reply.stranger:
            self._fit.pop(reply.worker, None)  # it is received anew
        return None

    async def _first(self, number: int, flight: Flight, allowed: int) -> bytes:
        """Send a stack, and again when it is asked for, until one of the workers has answered.

        Nothing comes where it has been lost more often than `allowed`: as dask itself has it of one
        future, which ends where all workers that it may go to have.
        """
        payload = pickle.dumps(flight.assignment.stack, pickle.HIGHEST_PROTOCOL)
        limit = self._executor.patience(flight.assignment)
        answers: set[asyncio.Task[Any]] = set()
        again = asyncio.ensure_future(flight.again.wait())
        try:
            while True:
                workers = [a for a in self._fit if a not in self._silent] or list(self._fit)
                key = f"bench-{self._token}-{number}-{len(flight.futures)}"
                future = self._client.submit(
                    *(station.train, self._token, payload, limit),
                    **{"key": key, "workers": workers, "pure": False},
                )
                flight.futures[key] = future
                answers.add(asyncio.ensure_future(_result(future)))
                done, _ = await asyncio.wait([*answers, again], return_when=asyncio.FIRST_COMPLETED)
                if answered := done & answers:
                    data: bytes = answered.pop().result()
                    return data
                if flight.losses > allowed:
                    return b""
                flight.again.clear()
                flight.doubts = 0
                again = asyncio.ensure_future(flight.again.wait())
        finally:
            for task in [*answers, again]:
                task.cancel()
            if len(flight.futures) > 1:
                with contextlib.suppress(Exception):
                    await self._client.cancel(list(flight.futures.values()))

    async def _halt(self) -> None:
        """End the processes that train for this run, and what brings it stacks."""
        me = asyncio.current_task()
        for task in [task for task in self._tasks if task is not me]:
            task.cancel()
        futures = [f for flight in self._flights.values() for f in flight.futures.values()]
        workers = [*(self._opened & self._present) - self._silent]
        with contextlib.suppress(Exception):
            async with asyncio.timeout(END_SECONDS):
                if futures:
                    await self._client.cancel(futures)
                if workers:
                    await self._client.run(
                        station.leave, [self._token], workers=workers, on_error="ignore"
                    )


def _nothing() -> None:
    """Mend nothing: others see to their workers."""


async def _result(future: Any) -> Any:
    return await future.result()
