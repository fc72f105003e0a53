"""What a worker of dask's does for a run: it keeps processes that train, and trains nothing itself.

So what a stack kills, hangs or leaks is a child here, as it is in the quarantine of one machine,
and who died of what is known at once. What the run consists of arrives in a parcel: its plugins
with the modules they import, and its tables.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from bench.run.executor import Assignment, Died, StartError, Trained
from bench.run.quarantine import Quarantine
from bench.run.scratch import DUMP, REPLY, SIGNS, Scratch
from bench.run.worker import ENVIRONMENT, Setup, Timing
from bench.store.records import Record
from nncore.imports import sources

# A run that has had nothing to train for so long may be gone; it is received anew if it is not.
IDLE_SECONDS = 120.0
PROGRAM = """
import json, sys
sys.path[:], plugins = json.load(sys.stdin)
from bench.store.provenance import fingerprint
json.dump(fingerprint(plugins), sys.stdout)
"""
# What a parcel's sender and receiver have to agree about beside what changes numbers.
PROTOCOL = ("run", "plan", "store")


@dataclass(frozen=True)
class Plugin:
    """A plugin's `files` by their places below a folder, the one to load, and its digest."""

    name: str
    digest: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, path: str, digest: str) -> Plugin:
        """The plugin at `path`, as it is now."""
        found = sources(path)
        name = Path(path).name
        places = {"": name}
        for module, file in found.files.items():
            if module:
                parts = PurePosixPath(*module.split("."))
                inside = file.stem == "__init__"
                places[module] = str(parts / file.name if inside else parts.with_name(file.name))
        return cls(name, digest, {places[m]: data for m, data in found.contents.items()})


@dataclass(frozen=True)
class Parcel:
    """All that a station needs of a run, known by `token`: see `bench.run.worker.Setup`.

    `data` are files for the folder that workers share.
    """

    token: str
    task: bytes
    plugins: tuple[Plugin, ...] = ()
    data: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, token: str, setup: Setup) -> Parcel:
        """What `setup` names on this machine. Raises OSError for what cannot be read."""
        data = {
            path.name: path.read_bytes()
            for path in sorted(Path(setup.folder).iterdir())
            if path.is_file() and path.name != SIGNS and path.suffix not in (DUMP, REPLY)
        }
        return cls(token, setup.task, tuple(Plugin.of(*each) for each in setup.plugins), data)


class Reply(NamedTuple):
    """What came of a stack at a station: one of the four is set, none where it was stopped.

    `died` says what a process died of while it trained the stack, `failed` why none could start,
    `stranger` that the station does not know the run; `worker` is the address of dask's worker.
    """

    trained: tuple[Sequence[Record], Timing] | None = None
    died: str = ""
    failed: str = ""
    stranger: bool = False
    host: str = ""
    worker: str = ""


class _Packed:
    """A stack that is unpickled where it is trained, and nowhere on the way."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> Any:
        return pickle.loads, (self._data,)


class Station:
    """The processes that train for one run on this worker, as many as stacks come at once."""

    def __init__(self, parcel: Parcel) -> None:
        self._scratch = Scratch()
        plugins = []
        for name, data in parcel.data.items():
            (self._scratch.folder / name).write_bytes(data)
        for number, plugin in enumerate(parcel.plugins):
            own = self._scratch.folder / f"plugin-{number}"
            for place, data in plugin.files.items():
                (own / place).parent.mkdir(parents=True, exist_ok=True)
                (own / place).write_bytes(data)
            plugins.append((str(own / plugin.name), plugin.digest))
        folder = str(self._scratch.folder)
        self.setup = Setup(os.getpid(), parcel.task, tuple(plugins), folder)
        self._lock = threading.Lock()
        self._idle: list[Quarantine] = []
        self._busy: set[Quarantine] = set()
        self._used = time.monotonic()
        self._over = threading.Event()
        self._closing = threading.Lock()
        threading.Thread(target=self._wait, name="bench-station", daemon=True).start()

    def train(self, stack: bytes, seconds: float) -> Reply:
        """Train a pickled stack, which may show no sign of life for so many `seconds`."""
        with self._lock:
            if self._over.is_set():
                return Reply(stranger=True)
            quarantine = self._idle.pop() if self._idle else self._opened()
            self._busy.add(quarantine)
        quarantine.patience = lambda _: seconds
        try:
            assignment = Assignment(_Packed(stack), 0.0)  # type: ignore[arg-type]
            for event in quarantine.run(deque([assignment])):
                if isinstance(event, Trained):
                    return Reply((event.records, event.timing))
                if isinstance(event, Died):
                    return Reply(died=event.reason)
            return Reply()
        except StartError as error:
            return Reply(failed=str(error))
        finally:
            with self._lock:
                self._used = time.monotonic()
                self._busy.discard(quarantine)
                self._idle.append(quarantine)

    def _opened(self) -> Quarantine:
        return Quarantine(self.setup, 1, self._scratch, lambda _: 0.0)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        with self._closing:
            if self._over.is_set():
                return
            with self._lock:
                self._over.set()
                for quarantine in self._busy:
                    quarantine.stop()
            while self._busy:
                time.sleep(0.001)
            for quarantine in self._idle:
                quarantine.close()
            self._scratch.close()

    def _wait(self) -> None:
        while not self._over.wait(IDLE_SECONDS / 4):
            if not self._busy and time.monotonic() - self._used > IDLE_SECONDS:
                leave([token for token, station in _stations.items() if station is self])


_stations: dict[str, Station] = {}
_opening = threading.Lock()
_fingerprints: dict[Any, Any] = {}


def admit(parcel: Parcel) -> tuple[dict[str, Any], str]:
    """Open a station for the run: what computes there, and how it speaks with the run."""
    with _opening:
        if parcel.token not in _stations:
            _stations[parcel.token] = Station(parcel)
        paths = [path for path, _ in _stations[parcel.token].setup.plugins]
        known = tuple((plugin.name, plugin.digest) for plugin in parcel.plugins)
        if known not in _fingerprints:
            _fingerprints[known] = _fingerprint(paths)
        return _fingerprints[known], protocol()


def train(token: str, stack: bytes, seconds: float) -> bytes:
    """What `Station.train` says of a stack, pickled."""
    station = _stations.get(token)
    reply = Reply(stranger=True) if station is None else station.train(stack, seconds)
    from distributed import get_worker

    reply = reply._replace(worker=get_worker().address, host=socket.gethostname())
    return pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)


def leave(tokens: Sequence[str]) -> None:
    """Close the stations of runs that have ended."""
    for token in tokens:
        station = _stations.pop(token, None)
        if station is not None:
            station.close()


def protocol() -> str:
    """A SHA-256 of what takes part in sending stacks to and fro."""
    root = Path(__file__).resolve().parents[1]
    found = hashlib.sha256()
    for room in PROTOCOL:
        for path in sorted((root / room).glob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()


def _fingerprint(plugins: Sequence[str]) -> dict[str, Any]:
    """That of a process as those that train: what else this one has loaded takes no part."""
    folders = dict.fromkeys(os.path.dirname(path) for path in plugins)
    with contextlib.ExitStack() as stack:
        done = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **ENVIRONMENT},
            )
        )
        told, _ = done.communicate(json.dumps([[*sys.path, *folders], list(plugins)]).encode())
    found: dict[str, Any] = json.loads(told)
    return found
