"""Opening what a user names: plain files only.

A FIFO waits for a writer that never comes, a device never ends, a terminal takes what was meant for
others. What is asked is the open file itself, not its name: nobody can change it in between.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def open_plain(path: str | Path, *, links: bool = True) -> BufferedReader:
    """The file at `path` opened for reading bytes; never waits.

    Links are followed where a user names a file, and not (`links`) where others may have put them.

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
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        number = os.open(name, flags if links else flags | os.O_NOFOLLOW)
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "no file can have this name", name) from None
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket cannot be opened at all
            raise OSError(errno.EINVAL, "is a socket, not a plain file", name) from None
        if error.errno == errno.ELOOP and not links:
            raise OSError(errno.EINVAL, "is a link, not a plain file", name) from None
        raise
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    if kind != stat.S_IFREG:
        os.close(number)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, "is a folder, not a plain file", name)
        what = KINDS.get(kind, "something else")
        raise OSError(errno.EINVAL, f"is {what}, not a plain file", name)
    return os.fdopen(number, "rb")


def read_plain(path: str | Path, *, links: bool = True, most: int = -1) -> bytes:
    """The bytes of the plain file at `path`, `most` of them at most; raises as `open_plain` does.

    Raises OSError for a file of more than that, too.
    """
    with open_plain(path, links=links) as file:
        content = file.read(most if most < 0 else most + 1)
    if 0 <= most < len(content):
        raise OSError(errno.EFBIG, f"is larger than {most:,} bytes", os.fspath(path))
    return content


def write_new(path: str | Path, text: str) -> None:
    """Put a new file of this text at `path`, in the place of a file or a link that was there.

    What a link leads to is left alone. Raises OSError.
    """
    name = os.fspath(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
    # "x" follows no link that someone may have put there in between.
    with open(name, "x", encoding="utf-8") as file:
        file.write(text)


def write_plain(path: str | Path, content: bytes) -> None:
    """Put a file of this content at `path`, whole or not at all, folders above it included.

    Raises OSError, with EINVAL where nothing can be put: there is something else than a plain file.
    """
    path = Path(path)
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a file's name has no null byte", str(path))
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        kind = stat.S_IFREG
    except OSError as error:  # a loop of links, a folder that is closed
        raise OSError(errno.EINVAL, error.strerror, str(path)) from error
    if kind != stat.S_IFREG:
        what = KINDS.get(kind, "something else")
        raise OSError(errno.EINVAL, f"is {what}, not a plain file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
