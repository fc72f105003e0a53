"""Files of a report that are replaced whole, so that a reader never sees half of one.

A folder may come from anyone: what it says of itself names no file that a report does not write,
and leads to none outside.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from nncore.files import open_plain, read_plain

STAMP = ".report.json"
# What a report writes: its own files, and figures.
OWN = re.compile(
    r"[\w+-]+\.csv|verdicts\.txt|best\.toml|spec\.toml|report\.html|figures/[\w+-]+\.(?:png|pdf|svg)"
)
FIGURE = re.compile(r"[\w+-]+\.(?:png|pdf|svg)")
LARGEST_STAMP = 100_000_000  # bytes
TEMPORARY = re.compile(r"\.(?:figures|\.report\.json|\w+\.(?:csv|html|toml|txt))\.(\d+)")


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of `path` once it is whole; raises OSError, naming `path`."""
    new = temporary(path)
    try:
        new.unlink(missing_ok=True)
        # "x" follows no link that someone may have put there.
        with open(new, "x", encoding="utf-8", newline="") as file:
            yield file
        os.replace(new, path)
    except OSError as error:
        if str(error.filename or new) == str(new):  # not another file's, that was written beside it
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        new.unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """Where this process prepares what will stand at `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def remove_leftovers(folder: Path) -> None:
    """Remove what reports whose process was killed had prepared in `folder`."""
    for path in folder.glob(".*"):
        name = TEMPORARY.fullmatch(path.name)
        # One of this process's number is of another that had it, in another container say.
        if name and (int(name[1]) == os.getpid() or not _runs(int(name[1]))):
            with suppress(OSError):
                _remove_figures(path) if name[0].startswith(".figures.") else path.unlink()


def _remove_figures(folder: Path) -> None:
    """Remove a folder of figures, unless there is something else in it."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        return
    for path in folder.iterdir():
        if FIGURE.fullmatch(path.name):
            path.unlink()
    folder.rmdir()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True


def digest(path: Path) -> str:
    """The SHA-256 of a file's content. Raises OSError for what is no plain file."""
    with open_plain(path, links=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def last_report(folder: Path) -> tuple[str, dict[str, str]]:
    """What the last report in `folder` was written of, and the SHA-256 of each of its files.

    Names that no report writes are left out; nothing where there is no record that can be read.
    """
    try:
        old = json.loads(read_plain(folder / STAMP, links=False, most=LARGEST_STAMP))
        told = {str(name): str(digest) for name, digest in old["files"].items()}
        return str(old["digest"]), {n: told[n] for n in told if OWN.fullmatch(n)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", {}


def remove_stale(folder: Path, written: Iterable[Path]) -> None:
    """Remove what the last report wrote, this one has not `written`, and nobody has changed."""
    kept = {str(path.relative_to(folder)) for path in written}
    within = not (folder / "figures").is_symlink()
    for name, wrote in last_report(folder)[1].items():
        path = folder / name
        if name not in kept and (within or path.parent == folder):
            with suppress(OSError):
                if digest(path) == wrote:
                    path.unlink()
