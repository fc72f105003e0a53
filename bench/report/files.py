"""Files of a report that are replaced whole, so that a reader never sees half of one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

TEMPORARY = re.compile(r"\.(?:figures|\.report\.json|\w+\.(?:csv|toml|txt))\.(\d+)")


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
        if name and not _runs(int(name[1])):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True
