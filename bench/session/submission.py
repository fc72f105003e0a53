"""What a submission leaves in its folder: the jobs that were queued, and how each of them ended.

Others may have written what a folder holds. So only plain files are read, no link is followed, and
what no submission of this very folder writes counts as nothing: a job of another's is none of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nncore.files import read_plain, write_new
from nncore.values import many, record, such, whole

SLURM, RECORD, ENDED = "slurm", "submission.json", ".ended"
LARGEST = 1 << 20  # bytes of a record
MOST_JOBS, MOST_TASKS = 200, 10_000
STEP = r"(?:(?:train|gather)-[1-9]\d{0,2}|report)"


@dataclass(frozen=True)
class Sent:
    """A job that was queued: its name, and how many tasks it has, 0 for a single one."""

    name: str
    tasks: int

    @property
    def step(self) -> str:
        """What it does: train-1, gather-1, report."""
        return re.findall(STEP, self.name)[-1]

    @property
    def works(self) -> dict[int, str]:
        """What its tasks are called, by their numbers; a single job's is 0."""
        if not self.tasks:
            return {0: self.step}
        return {number: f"{self.step}-{number}" for number in range(1, self.tasks + 1)}


@dataclass(frozen=True)
class Submitted:
    """The jobs of a submission, each task of which trains on so many `workers`."""

    jobs: tuple[Sent, ...] = ()
    workers: int = 1


def folder_of(folder: Path) -> Path:
    """Where the scripts, logs and marks of a results folder's jobs lie."""
    return folder / SLURM


def prefix(experiment: str, folder: Path) -> str:
    """How the names of jobs begin that are of this experiment and this (absolute) folder."""
    plain = re.sub(r"[^\w.-]", "-", experiment, flags=re.ASCII)[:40]
    return f"bench-{plain}-{_digest(folder)}"


def _digest(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]


def remember(folder: Path, submitted: Submitted) -> None:
    """Write down what is about to be queued. Raises OSError."""
    write_new(folder_of(folder) / RECORD, json.dumps(asdict(submitted)))


def remembered(folder: Path) -> Submitted:
    """The last submission of an (absolute) folder; one without jobs where there was none."""
    if folder_of(folder).is_symlink():
        return Submitted()
    name = re.compile(rf"bench-[\w.-]{{1,40}}-{_digest(folder)}-{STEP}", re.ASCII)
    ours = such("a job of this folder", lambda v: isinstance(v, str) and bool(name.fullmatch(v)))
    job = record({"name": ours, "tasks": whole(0, MOST_TASKS)})
    form = record({"jobs": many(job, most=MOST_JOBS), "workers": whole(1, 1 << 20)})
    try:
        content = read_plain(folder_of(folder) / RECORD, links=False, most=LARGEST)
        found = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return Submitted()
    if found not in form:
        return Submitted()
    return Submitted(tuple(Sent(**fields) for fields in found["jobs"]), found["workers"])


def mark(folder: Path, work: str, code: int) -> None:
    """Leave a mark that a job or a task came to its end, and with which code. Raises OSError."""
    write_new(folder_of(folder) / f"{work}{ENDED}", f"{code}\n")


def marks(folder: Path) -> dict[str, int]:
    """The codes with which jobs and tasks came to their ends, by what these are called."""
    found: dict[str, int] = {}
    for path in _files(folder):
        if path.suffix == ENDED:
            try:
                text = read_plain(path, links=False, most=10).decode()
            except (OSError, ValueError):
                continue
            if re.fullmatch(r"[0-9]{1,3}\n", text):
                found[path.stem] = int(text)
    return found


def logged(folder: Path) -> set[str]:
    """Which jobs and tasks have begun to say something."""
    return {path.stem for path in _files(folder) if path.suffix == ".log"}


def _files(folder: Path) -> Sequence[Path]:
    place = folder_of(folder)
    return [] if place.is_symlink() or not place.is_dir() else sorted(place.iterdir())


def clear(folder: Path) -> None:
    """Make room for a submission: marks, logs and scripts of the last one go. Raises OSError."""
    place = folder_of(folder)
    if place.is_symlink():
        place.unlink()  # it may lead anywhere
    place.mkdir(exist_ok=True)
    for path in _files(folder):
        if path.suffix in (ENDED, ".log", ".sh", ".json"):
            path.unlink()
