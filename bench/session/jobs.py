"""What the jobs of a submission do on their machines: train a share, gather what came out, report.

The folder's own store is read while an array trains and written by one job alone once it has ended;
every task writes to a store of its own. Whatever ends a task costs the stacks it was at: it is
queued again by Slurm, or the next submission gathers what it left.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from bench.plan.keys import key
from bench.plan.manifest import Manifest
from bench.plan.shares import shares
from bench.plan.spans import Picked
from bench.run import runner
from bench.run.progress import Progress, counted
from bench.session import costs, run
from bench.session.folder import (
    FolderMismatchError,
    done,
    fingerprint_of,
    note,
    read_fingerprint,
    read_manifest,
    refuse_other,
)
from bench.session.merge import merge
from bench.session.results import Results, results_of
from bench.session.rounds import grown
from bench.session.run import Planned
from bench.session.submission import folder_of, mark
from bench.spec import experiment as spec
from bench.store import provenance
from bench.store.records import LockedError
from bench.store.store import FILE, Store, set_aside
from nncore.files import read_plain, write_new

SHARDS = "shards"
FIRST = "fingerprint.json"  # of the task that came first
CPUS = "SLURM_CPUS_PER_TASK"
LARGEST = 1 << 20  # bytes of it
LINE_SECONDS = 60.0

Say = Callable[[str], None]


def shards_of(folder: Path) -> list[Path]:
    """The folders of tasks that have stored something, and have not been gathered yet.

    No links: what they lead to would be removed once it is gathered.
    """
    if (folder / SHARDS).is_symlink():
        return []
    found = sorted((folder / SHARDS).glob(f"*/{FILE}"))
    return [path.parent for path in found if not path.parent.is_symlink()]


def train(folder: Path, step: str, part: int, parts: int, *, say: Say) -> int:
    """Train the `part`-th of so many `parts` of what is missing in `folder`; returns an exit code.

    Raises FolderMismatchError where it would not be what was submitted, or another machine of the
    array computes otherwise; StoreError and RunnerError as a run does.
    """
    cores = int(os.environ.get(CPUS, "1"))
    with Store.read(folder) as store:
        manifest = read_manifest(store)
        spec.load(manifest.spec)  # plugins, and what the data files hold now
        _refuse_changed(store, manifest)
        refuse_other(store, manifest)
        ready = done(store, manifest.trials)
    _refuse_odd(folder, manifest)
    share = shares(Picked(manifest.plan, manifest.plan.without(ready)), parts)[part - 1]
    say(f"{step}, part {part} of {parts}: {counted(share, 'trial')}")
    crashed = 0
    if share:
        with Store.open(folder / SHARDS / f"{step}-{part}", repair=True) as store:
            refuse_other(store, manifest)
            note(store, manifest)
            kept = done(store, manifest.trials)
            left = [trial for trial in share if trial.key not in kept]
            todo = Planned.of(manifest, folder, left, cores)
            plugins = [Path(path) for path in manifest.spec.get("plugins", ())]
            with runner.Runner(
                jobs=cores, plugins=plugins, results=store.path.parent, say=say
            ) as workers:
                run.train(workers, store, todo, _progress)
            crashed = sum(word == "crashed" for word in store.statuses().values())
    return _ended(folder, f"{step}-{part}", 1 if crashed else 0)


def _progress(todo: Planned) -> Progress:
    return Progress.of(todo.stacks, todo.jobs, line_seconds=LINE_SECONDS)


def gather(folder: Path, say: Say) -> None:
    """Move to the store of `folder` what closed stores of its shards have.

    What is damaged of one is left out, and missing: the next submission sends it again.
    """
    closed: list[Path] = []
    for path in shards_of(folder):
        try:
            with Store.open(path, repair=True) as store:  # what a killed task began is rolled back
                for damage in store.damage:
                    say(f"{path}: damaged, and left out: {damage}")
                if len(store):
                    closed.append(path)
        except LockedError as error:
            say(str(error))
    if closed:
        merge(folder, closed)
        for path in closed:
            _remove(path)


def _remove(shard: Path) -> None:
    """Remove a shard, but for what was set aside of it as damaged: that is nowhere else."""
    aside = set(set_aside(shard))
    with contextlib.suppress(OSError):  # what is gathered twice is there once
        for path in shard.iterdir():
            if path not in aside:
                path.unlink(missing_ok=True)
        if not aside:
            shard.rmdir()


def gather_and_plan(folder: Path, step: str, say: Say) -> int:
    """Gather, and plan what follows from results; 1 where some are missing still."""
    gather(folder, say)
    with Store.open(folder) as store:
        before = read_manifest(store)
        missing = len({t.key for t in before.trials} - done(store, before.trials))
        if missing:
            say(f"{missing:,} trials are missing: `bench submit` sends them again")
            return _ended(folder, step, 1)
        experiment = spec.load(before.spec)
        _refuse_changed(store, before)
        manifest = grown(experiment, before, store, lambda trials: done(store, trials))
        note(store, manifest, fingerprint=store.meta["fingerprint"])
    say(f"{len(manifest.trials) - len(before.trials):,} trials follow")
    return _ended(folder, step, 0)


def report(folder: Path, say: Say, *, html: bool = True) -> Results:
    """Measure what an epoch costs, and write the report of what there is; `html`: with its page."""
    from bench.report.write import write

    with Store.open(folder) as store:
        manifest = read_manifest(store)
        spec.load(manifest.spec)
        plugins = [Path(path) for path in manifest.spec.get("plugins", ())]
        costs.measure(store, manifest, plugins, say)
        files = write(folder, store, manifest, again=False, html=html, say=say)
        found = results_of(folder, manifest, store, files)
    _ended(folder, "report", 1 if found.crashed or found.missing else 0)
    return found


def _ended(folder: Path, work: str, code: int) -> int:
    mark(folder, work, code)
    return code


def _refuse_changed(store: Store, manifest: Manifest) -> None:
    """Raise FolderMismatchError where code, plugins or data are not those that were submitted."""
    then, now = read_fingerprint(store), fingerprint_of(manifest)
    lines = provenance.differences(then, now, machine=False)
    first = {t.problem_name: t for t in reversed(manifest.trials)}
    lines += [
        f"the data or the plugins of problem {name} changed"
        for name, trial in first.items()
        if key(trial.problem, trial.configuration, trial.seed) != trial.key
    ]
    if lines:
        raise FolderMismatchError(
            f"{store.path.parent}: not what was submitted:\n"
            + "\n".join(f"  {line}" for line in lines)
            + "\n`bench submit` again sends what there is now"
        )


def _refuse_odd(folder: Path, manifest: Manifest) -> None:
    """Raise FolderMismatchError where this machine computes otherwise than the first one."""
    mine = fingerprint_of(manifest)
    path = folder_of(folder) / FIRST
    own = path.with_name(f".{FIRST}.{os.uname().nodename}.{os.getpid()}")
    write_new(own, json.dumps(mine))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(own, path)  # whole, or not at all
        content = read_plain(path, links=False, most=LARGEST)
    finally:
        own.unlink()
    try:
        first = json.loads(content)
    except (ValueError, RecursionError):
        first = None
    if first not in provenance.FORM:
        raise FolderMismatchError(f"{path}: is none of a task's; `bench submit` again removes it")
    if differ := provenance.differences(first, mine):
        lines = "\n".join(f"  {line}" for line in differ)
        raise FolderMismatchError(
            f"{folder}: another machine of this array computes otherwise, so results cannot be "
            f"compared:\n{lines}\nchoose machines of one kind, as with --slurm constraint=..."
        )
