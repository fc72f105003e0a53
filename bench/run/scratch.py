"""A folder for what workers leave behind, gone with the process that made it, however that ends.

A killed process cleans up nothing, and the processes that would do it for it (loky's tracker of
semaphores) are in its group and die of the same signal. So a broom waits in a session of its own,
for the end of a pipe.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

# Of a stack in flight: the process that trains it, and how far it is, in steps of any size.
SIGN = struct.Struct("=qq")
SIGNS = "signs"
DUMP = ".dump"
REPLY = ".reply"
# Named semaphores of loky's, by the process that made them.
SEMAPHORES = "/dev/shm/sem.loky-{}-"
# A line from its owner, and there is nothing to sweep; the end of the pipe, and there is.
BROOM = 'read line || rm -rf -- "$1" "$2"*'
LOOK_SECONDS = 0.1
PAUSE_SECONDS = 1.0


class Scratch:
    """The folder: signs of life, results on their way, the last words of interpreters.

    Raises OSError when the system has no room for it.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()).absolute() / f"bench-{secrets.token_hex(8)}"
        self._numbers = itertools.count(1)
        # First, lest a kill in between should leave the folder.
        self._broom = subprocess.Popen(
            ["/bin/sh", "-c", BROOM, "sh", self.folder, SEMAPHORES.format(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        try:
            self.folder.mkdir(0o700)
            self._signs = os.open(self.folder / SIGNS, os.O_RDWR | os.O_CREAT)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._put_away()
            raise

    def number(self) -> int:
        """A new number, to send a stack by; threads may share a folder."""
        return next(self._numbers)

    def sign(self, number: int) -> tuple[int, int] | None:
        """Who trains the stack sent as `number`, and how far; None before it was begun."""
        data = os.pread(self._signs, SIGN.size, number * SIGN.size)
        pid, steps = SIGN.unpack(data.ljust(SIGN.size, b"\0"))
        return (pid, steps) if pid else None

    def reply(self, number: int) -> bytes:
        """What a worker wrote in answer to `number`."""
        path = self.folder / f"{number}{REPLY}"
        data = path.read_bytes()
        path.unlink()
        return data

    def last_words(self, pid: int) -> str:
        """What `faulthandler` wrote when the interpreter of worker `pid` crashed."""
        with contextlib.suppress(OSError):
            return (self.folder / f"{pid}{DUMP}").read_text(errors="replace")
        return ""

    def workers(self) -> list[int]:
        """The process ids of all workers that have started."""
        return [int(path.stem) for path in self.folder.glob(f"*{DUMP}")]

    def close(self) -> None:
        """Remove the folder."""
        os.close(self._signs)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._put_away()

    def _put_away(self) -> None:
        """Tell the broom that there is nothing to sweep."""
        assert self._broom.stdin is not None
        with contextlib.suppress(OSError):
            self._broom.stdin.write(b"\n")
            self._broom.stdin.close()
        self._broom.wait()


class Vigil:
    """For how many seconds stacks in flight have shown no sign of life.

    Time counts only while somebody looks: that this process was stopped, or waited for a disk, is
    not held against workers.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._looked = time.monotonic()
        self._seen: dict[int, tuple[tuple[int, int] | None, float]] = {}

    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self._looked >= LOOK_SECONDS

    def look(self, numbers: Iterable[int]) -> dict[int, float]:
        """Seconds without a sign of life, of each of the `numbers` that are in flight."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, PAUSE_SECONDS), now
        seen: dict[int, tuple[tuple[int, int] | None, float]] = {}
        for number in numbers:
            sign = self._scratch.sign(number)
            last, seconds = self._seen.get(number, (sign, -passed))
            seen[number] = (sign, seconds + passed if sign == last else 0.0)
        self._seen = seen
        return {number: seconds for number, (_, seconds) in seen.items()}


def kill(pid: int) -> None:
    """End a child at once, if it is one and has not ended."""
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            os.kill(pid, signal.SIGKILL)
