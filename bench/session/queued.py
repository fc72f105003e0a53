"""How far the jobs of a submission are: from the marks they leave, squeue, and the stores."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.plan.manifest import Manifest
from bench.run import slurm
from bench.run.progress import duration
from bench.session.batch import record
from bench.session.folder import done, read_manifest
from bench.session.jobs import folder_of, mark_of, shards_of, step_of
from bench.store.store import Store, StoreError

DONE, FAILED, UNBEGUN, UNKNOWN = "done", "failed", "not begun", "unknown"
STATES = (slurm.QUEUED, slurm.RUNNING, DONE, FAILED, UNBEGUN)
NAMED = 20  # failed tasks that are named one by one


@dataclass(frozen=True)
class Queued:
    """The jobs of a submission: by step how many of its tasks are in which state.

    `trials` are done in all stores, of `all`; `seconds_left` follows from those that train now,
    None where nothing does or nothing is known yet. `failed` has tasks without a good end.
    """

    steps: Mapping[str, Mapping[str, int]]
    trials: int
    all: int
    seconds_left: float | None
    failed: tuple[str, ...]
    trouble: str = ""

    @property
    def over(self) -> bool:
        """Whether no job is left that may change anything."""
        words = (slurm.QUEUED, slurm.RUNNING, UNKNOWN)
        return not any(counts.get(word) for counts in self.steps.values() for word in words)


def queued(folder: Path) -> Queued | None:
    """How far the last submission of `folder` is; None where there was none."""
    folder = folder.resolve()
    jobs = record(folder).get("jobs", ())
    if not jobs:
        return None
    trouble, alive = "", dict[tuple[str, int], str]()
    unmarked = [
        job["name"] for job in jobs if not all(_ended(mark) for _, mark in _tasks(folder, job))
    ]
    try:
        found = slurm.queue(unmarked)
        alive = {(waiting.name, waiting.number): waiting.state for waiting in found}
    except slurm.SlurmError as error:
        trouble = str(error)
    steps: dict[str, Counter[str]] = {}
    failed: list[str] = []
    for job in jobs:
        counts = steps.setdefault(step_of(job["name"]), Counter())
        for number, mark in _tasks(folder, job):
            state = alive.get((job["name"], number))
            if state is None:
                begun = mark.with_suffix(".log").exists()
                state = _ended(mark) or (UNKNOWN if trouble else FAILED if begun else UNBEGUN)
            counts[state] += 1
            if state == FAILED:
                failed.append(mark.stem)
    with Store.read(folder) as store:
        manifest = read_manifest(store)
        spent = _seconds(store, manifest)
        ready = done(store, manifest.trials)
    for path in shards_of(folder):
        # A job may gather it at this moment, and remove it; the next look has it elsewhere.
        with contextlib.suppress(StoreError, OSError), Store.read(path) as shard:
            spent |= _seconds(shard, manifest)
            ready |= done(shard, manifest.trials)
    running = sum(c[slurm.RUNNING] for step, c in steps.items() if step.startswith("train"))
    left = _left(manifest, ready, spent, running)
    count = len({trial.key for trial in manifest.trials})
    plain = {step: dict(counts) for step, counts in steps.items()}
    return Queued(plain, len(ready), count, left, tuple(failed), trouble)


def _seconds(store: Store, manifest: Manifest) -> dict[str, float]:
    """By key, how long the stored trials took."""
    keys = [trial.key for trial in manifest.trials]
    found = store.trials(keys)
    return dict(zip([keys[i] for i in found.positions], found.train_seconds.tolist(), strict=True))


def _tasks(folder: Path, job: Mapping[str, Any]) -> Iterator[tuple[int, Path]]:
    """The numbers of a job's tasks, 0 for a single one, and the marks that they leave."""
    for number in range(1, job["tasks"] + 1) if job["tasks"] else [0]:
        yield number, mark_of(folder, job["name"], number)


def _ended(mark: Path) -> str:
    """How a job ended that has left a mark; "" where there is none."""
    try:
        code = mark.read_text().strip()
    except OSError:
        return ""
    # Trials that crashed are results, trials that are missing are not.
    return FAILED if mark.name.startswith("gather") and code != "0" else DONE


def _left(
    manifest: Manifest, ready: Set[str], spent: Mapping[str, float], running: int
) -> float | None:
    """Seconds until all planned trials are trained, if they take what others of their problem did.

    By so many tasks; None where none is running or nothing is known yet.
    """
    problems = {trial.key: trial.problem_name for trial in manifest.trials}
    took: dict[str, list[float]] = {}
    for key, seconds in spent.items():
        took.setdefault(problems[key], []).append(seconds)
    if not running or not spent:
        return None
    mean = sum(spent.values()) / len(spent)
    means = {name: sum(each) / len(each) for name, each in took.items()}
    left = [means.get(name, mean) for key, name in problems.items() if key not in ready]
    return sum(left) / running


def lines(found: Queued, folder: Path) -> Iterator[str]:
    """The same in words."""
    width = max(map(len, [*found.steps, "jobs"]))
    words = [*STATES, *([UNKNOWN] if found.trouble else [])]
    yield f"  {'jobs':{width}}" + "".join(f"{word:>11}" for word in words)
    for step, counts in found.steps.items():
        yield f"  {step:{width}}" + "".join(f"{counts.get(word, 0):>11,}" for word in words)
    if found.trouble:
        yield f"what is queued is not known: {found.trouble}"
    left = "" if found.seconds_left is None else f", about {duration(found.seconds_left)} left"
    yield f"{found.trials:,} of {found.all:,} trials done in all stores{left}"
    for task in found.failed[:NAMED]:
        yield f"failed: {task}: see {folder_of(folder)}/{task}.log"
    if len(found.failed) > NAMED:
        yield f"... and {len(found.failed) - NAMED:,} more"
    if found.over and found.trials < found.all:
        yield "`bench submit` again sends what is missing"
