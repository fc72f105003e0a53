"""One writer per results folder."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

from bench.store.records import FolderError, LockedError, StoreError
from nncore.files import read_plain, write_new

LOCK = ".lock"
HOLDER = ".holder"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class FolderLock:
    """The right to write to a folder.

    The kernel gives it up with the process that holds it, however that ended, so a dead process
    never blocks anyone.
    """

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock

        self._folder = folder
        self._lock = FileLock(str(folder / LOCK), thread_local=False)

    def acquire(self) -> None:
        """Make the folder and lock it.

        Raises `LockedError`, naming the holder, when another process writes there, and
        `FolderError` when the folder cannot be written.
        """
        from filelock import Timeout

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            me = {"pid": os.getpid(), "host": socket.gethostname()}
            write_new(self._folder / HOLDER, json.dumps(me))
        except Timeout:
            holder = _holder(self._folder)
            raise LockedError(
                f"{self._folder}: {holder} is writing here; wait for it or choose another folder"
            ) from None
        except ValueError as error:  # no name of a folder
            raise FolderError(f"{self._folder}: cannot be written: {error}") from error
        except OSError as error:
            self.release()
            kind = StoreError if error.errno in _FULL else FolderError
            raise kind(f"{self._folder}: cannot be written: {error.strerror}") from error

    def release(self) -> None:
        """Let others write."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self._folder / HOLDER).unlink(missing_ok=True)
            self._lock.release()


def _holder(folder: Path) -> str:
    try:
        holder: Any = json.loads(read_plain(folder / HOLDER, links=False, most=1000))
        return f"process {int(holder['pid'])} on {str(holder['host'])[:64]}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
