"""Slurm, by its commands: scripts for sbatch, and what squeue says of them.

https://slurm.schedmd.com/sbatch.html
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ARRAY = "array"
# What the chain of jobs hangs on: not the user's to say.
OURS = (
    *("job-name", "output", "error", "dependency", "kill-on-invalid-dep", "parsable", "wrap"),
    *("chdir", "open-mode", "requeue", "no-requeue", "wait", "test-only", "export"),
)
QUEUED, RUNNING = "queued", "running"
# Of those that squeue lists, whoever is none of these waits.
BUSY = frozenset({"RUNNING", "COMPLETING", "STAGE_OUT", "SUSPENDED", "STOPPED", "SIGNALING"})
SECONDS = 60.0


class SlurmError(Exception):
    """A command of Slurm's is missing, or said no."""

    exit_code = 74


class NoSlurmError(SlurmError):
    """There is no Slurm here."""

    exit_code = 2


@dataclass(frozen=True)
class Job:
    """A job: its `command`, and where it says what happens, `%a` being the number in an array.

    `tasks` are how many an array has, 0 for a single job; `options` are sbatch's by their long
    names, "" for those without a value. `after` names the jobs that have to have ended before, and
    `after_ok` those that must have gone well.
    """

    name: str
    command: Sequence[str]
    log: Path
    options: Mapping[str, str] = field(default_factory=dict)
    tasks: int = 0
    after: Sequence[str] = ()
    after_ok: Sequence[str] = ()


def script(job: Job) -> str:
    """What sbatch is given: a few options, and one command."""
    options = {
        "job-name": job.name,
        "output": str(job.log.parent).replace("%", "%%") + "/" + job.log.name,
        "open-mode": "append",
        "requeue": "",
        **job.options,
    }
    throttle = options.pop(ARRAY, "")
    if job.tasks:
        options[ARRAY] = f"1-{job.tasks}{throttle}"
    lines = [
        f"#SBATCH --{key}" + (f"={_quoted(value)}" if value else "")
        for key, value in options.items()
    ]
    return "\n".join(["#!/bin/sh", *lines, f"exec {shlex.join(job.command)}", ""])


def _quoted(value: str) -> str:
    return (
        value if re.fullmatch(r"[\w./:@%+,=-]+", value) else '"' + value.replace('"', r"\"") + '"'
    )


def dependencies(job: Job, ids: Mapping[str, str]) -> list[str]:
    """The options of sbatch that make a job wait for others, which are known by their `ids`."""
    kinds = {"afterany": job.after, "afterok": job.after_ok}
    named = [f"{kind}:{ids[name]}" for kind, names in kinds.items() for name in names]
    return [f"--dependency={','.join(named)}", "--kill-on-invalid-dep=yes"] if named else []


def options_of(given: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` of `--slurm` as sbatch's options. Raises ValueError with what is wrong."""
    found: dict[str, str] = {}
    for text in given:
        key, _, value = text.partition("=")
        key = key.lstrip("-")
        if not re.fullmatch(r"[a-z][a-z0-9-]*", key) or "\n" in value:
            raise ValueError(f"{text}: write KEY=VALUE, as time=01:00:00")
        if key in OURS:
            raise ValueError(f"{text}: `bench submit` says that itself")
        if key == ARRAY and not re.fullmatch(r"%[1-9]\d*", value):
            raise ValueError(f"{text}: of an array only how many run at once, as array=%8")
        found[key] = value
    return found


def find(*commands: str) -> None:
    """Raise NoSlurmError unless all of these commands are there."""
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        raise NoSlurmError(f"{', '.join(missing)}: no such command; is this a machine of Slurm's?")


def send(path: Path, options: Sequence[str]) -> str:
    """Queue the script at `path`; returns its job's number. Raises SlurmError."""
    told = _said(["sbatch", "--parsable", *options, str(path)])
    return told.strip().partition(";")[0]


@dataclass(frozen=True)
class Waiting:
    """A job or a task of an array (`number`) that has not ended: its `state` is queued or running.

    `job` is what scancel knows it by.
    """

    name: str
    job: str
    number: int
    state: str


def queue(names: Sequence[str]) -> list[Waiting]:
    """Those of the named jobs that have not ended. Raises SlurmError when nobody knows."""
    if not names:
        return []
    asked = f"--name={','.join(names)}", "--format=%j|%F|%K|%T"
    told = _said(["squeue", "--noheader", "--array", "--me", *asked])
    return list(_waiting(told.splitlines()))


def _waiting(lines: Iterable[str]) -> Iterator[Waiting]:
    for line in lines:
        name, job, number, state = line.strip().rsplit("|", 3)
        place = int(number) if number.isdecimal() else 0
        yield Waiting(name, job, place, RUNNING if state in BUSY else QUEUED)


def cancel(jobs: Iterable[str]) -> None:
    """End these jobs, and all tasks of theirs. Raises SlurmError."""
    if named := sorted(set(jobs)):
        _said(["scancel", *named])


def _said(command: Sequence[str]) -> str:
    """What a command of Slurm's printed. Raises SlurmError with what it complained about."""
    find(command[0])
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(f"{command[0]}: {error}") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise SlurmError(f"{command[0]} said no: {said}")
    return done.stdout
