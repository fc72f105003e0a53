"""How far the jobs of a submission are: from the marks they leave, squeue, and the stores."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from bench.plan.trial import Trial
from bench.run import slurm
from bench.run.progress import duration
from bench.session.folder import done, read_manifest
from bench.session.jobs import shards_of
from bench.session.submission import folder_of, logged, marks, remembered
from bench.store.store import DamagedError, Store, StoreError

DONE, FAILED, UNBEGUN, UNKNOWN = "done", "failed", "not begun", "unknown"
STATES = (slurm.QUEUED, slurm.RUNNING, DONE, FAILED, UNBEGUN)
NAMED = 20  # failed tasks that are named one by one


@dataclass(frozen=True)
class Queued:
    """The jobs of a submission: by step how many of its tasks are in which state.

    `trials` are done in all stores, of `all`; `seconds_left` follows from those that train now,
    None where nothing does or nothing is known yet. `failed` has tasks without a good end, `damage`
    what of their stores cannot be trusted; `trouble` says why nobody knows what is queued.
    """

    steps: Mapping[str, Mapping[str, int]]
    trials: int
    all: int
    seconds_left: float | None
    failed: tuple[str, ...]
    damage: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def over(self) -> bool:
        """Whether no job is left that may change anything."""
        words = (slurm.QUEUED, slurm.RUNNING, UNKNOWN)
        return not any(counts.get(word) for counts in self.steps.values() for word in words)


def queued(folder: Path) -> Queued | None:
    """How far the last submission of `folder` is; None where there was none."""
    folder = folder.resolve()
    submitted = remembered(folder)
    if not submitted.jobs:
        return None
    ended = marks(folder)
    trouble, alive = "", dict[tuple[str, int], str]()
    unmarked = [job.name for job in submitted.jobs if not ended.keys() >= {*job.works.values()}]
    try:
        found = slurm.queue(unmarked)
        alive = {(waiting.name, waiting.number): waiting.state for waiting in found}
    except slurm.SlurmError as error:
        trouble = str(error)
    # Again: what has ended in between is in no queue any more.
    ended, begun = marks(folder), logged(folder)
    steps: dict[str, Counter[str]] = {}
    failed: list[str] = []
    for job in submitted.jobs:
        counts = steps.setdefault(job.step, Counter())
        for number, work in job.works.items():
            state = alive.get((job.name, number))
            if state is None and work in ended:
                # Trials that crashed are results, trials that are missing are not.
                state = FAILED if job.step.startswith("gather") and ended[work] else DONE
            elif state is None:
                state = UNKNOWN if trouble else FAILED if work in begun else UNBEGUN
            counts[state] += 1
            if state == FAILED:
                failed.append(work)
    with Store.read(folder) as store:
        planned = {trial.key: trial for trial in read_manifest(store).trials}
        spent, ready = _held(store, planned)
    damage: list[str] = []
    for path in shards_of(folder):
        # A job may gather it at this moment, and remove it; the next look has it elsewhere.
        with contextlib.suppress(StoreError, OSError):
            try:
                with Store.read(path) as shard:
                    damage += [f"{path.name}: {item}" for item in shard.damage]
                    more, done_there = _held(shard, planned)
                    spent |= more
                    ready |= done_there
            except DamagedError as error:
                damage += [f"{path.name}: {item}" for item in error.damage]
    running = sum(c[slurm.RUNNING] for step, c in steps.items() if step.startswith("train"))
    left = _left(planned, ready, spent, running * submitted.workers)
    plain = {step: dict(counts) for step, counts in steps.items()}
    return Queued(plain, len(ready), len(planned), left, tuple(failed), tuple(damage), trouble)


def _held(store: Store, planned: Mapping[str, Trial]) -> tuple[dict[str, float], set[str]]:
    """Of the `planned` trials, by key, what a store has: seconds, where known; and which are done.

    What a store has is looked for in the plan, not the plan in every store of an array.
    """
    keys = [key for key in store.statuses() if key in planned]
    found = store.trials(keys)
    took = zip([keys[i] for i in found.positions], found.train_seconds.tolist(), strict=True)
    spent = {key: seconds for key, seconds in took if math.isfinite(seconds)}
    return spent, done(store, [planned[key] for key in keys])


def _left(
    planned: Mapping[str, Trial], ready: Set[str], spent: Mapping[str, float], workers: int
) -> float | None:
    """Seconds until all planned trials are trained, if they take what others of their problem did.

    By so many workers; None where none is running or nothing is known yet.
    """
    problems = {key: trial.problem_name for key, trial in planned.items()}
    took: dict[str, list[float]] = {}
    for key, seconds in spent.items():
        took.setdefault(problems[key], []).append(seconds)
    if not workers or not spent:
        return None
    mean = sum(spent.values()) / len(spent)
    means = {name: sum(each) / len(each) for name, each in took.items()}
    left = [means.get(name, mean) for key, name in problems.items() if key not in ready]
    return sum(left) / workers


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
    for damage in found.damage:
        yield f"damaged: {damage}"
    if found.over and found.trials < found.all:
        yield "`bench submit` again sends what is missing"
