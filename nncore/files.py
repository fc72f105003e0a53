"""Opening what a user names: plain files only.

A FIFO waits for a writer that never comes, a device never ends, a terminal takes what was meant for
others. What is asked is the open file itself, not its name: nobody can change it in between.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def open_plain(path: str | Path) -> BinaryIO:
    """The file at `path` opened for reading bytes, links followed; never waits.

    Raises OSError, whose `filename` and `strerror` say what and why, for what cannot be opened and
    for what is no plain file: folders, FIFOs, devices, sockets, names with a null byte.

    >>> open_plain("/dev/zero")
    Traceback (most recent call last):
    ...
    OSError: [Errno 22] is a device, not a plain file: '/dev/zero'
    """
    name = os.fspath(path)
    if "\0" in name:
        raise OSError(errno.EINVAL, "a file's name has no null byte", name)
    try:
        # Without O_NONBLOCK, opening a FIFO waits for its other end.
        number = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "no file can have this name", name) from None
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket cannot be opened at all
            raise OSError(errno.EINVAL, "is a socket, not a plain file", name) from None
        raise
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    if kind != stat.S_IFREG:
        os.close(number)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, "is a folder, not a plain file", name)
        what = KINDS.get(kind, "something else")
        raise OSError(errno.EINVAL, f"is {what}, not a plain file", name)
    return os.fdopen(number, "rb")
