"""An experiment as a chain of Slurm jobs: `bench submit` and `bench cancel`.

An array of tasks trains shares of what is missing, each into a store of its own; a job gathers them
in the folder and plans what follows from results: chosen configurations on evaluation seeds, a
further round of seeds. So it goes on, phase by phase, and a last job reports. All jobs are queued
at once, each waiting for the one before. What they do is in `bench.session.jobs`.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.page import library
from bench.plan import manifest as manifests
from bench.plan import trials as planning
from bench.plan.manifest import Manifest
from bench.plan.shares import shares
from bench.plan.spans import Picked
from bench.plan.stacks import estimate, stacks
from bench.plan.trial import Trial
from bench.run import rehearsal, slurm
from bench.run.progress import counted
from bench.run.slurm import Job, Waiting
from bench.session.folder import done, note, refuse_other
from bench.session.jobs import SHARDS, gather, shards_of
from bench.session.rounds import grown, later, round_of
from bench.session.run import loaded, place_of, remarked
from bench.session.submission import (
    MOST_TASKS,
    Sent,
    Submitted,
    clear,
    folder_of,
    marks,
    prefix,
    remember,
    remembered,
)
from bench.spec.experiment import Experiment
from bench.spec.mistakes import SpecError
from bench.store.store import FILE, DamagedError, Store
from nncore.files import write_new

CPUS = "cpus-per-task"
TRAIN, GATHER, REPORT = "train", "gather", "report"
NO_HTML = "--no-html"


class RunningError(Exception):
    """Jobs of an earlier submission have not ended."""

    exit_code = 2


class NotSubmittedError(Exception):
    """There is no submission of this folder."""

    exit_code = 2


@dataclass(frozen=True)
class Submission:
    """What is to be queued: `jobs` in their order; `trials` are missing now, of `seconds` at least.

    `tasks` train at once, each on `workers`, and `phases` follow each other. In a dry run,
    `ungathered` trials are in stores of earlier tasks: what follows from them is not known yet.
    """

    manifest: Manifest
    folder: Path
    jobs: tuple[Job, ...]
    trials: int
    seconds: float
    tasks: int
    phases: int
    workers: int
    ungathered: int = 0


def submit(
    source: str | Path | Mapping[str, Any],
    *,
    tasks: int,
    options: Sequence[str] = (),
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    jobs: int | None = None,
    html: bool = True,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Submission:
    """Queue what `bench run` with the same arguments would train, in arrays of `tasks`.

    `options` are `KEY=VALUE` of sbatch's, `jobs` worker processes a task. What earlier submissions
    left is gathered first. Without `html` the report has no page. With `dry_run` nothing is written
    or queued.

    Raises SpecError, LibraryError, FolderMismatchError and StoreError as a run does, before
    anything is queued; RunningError while jobs of the folder are queued or running, SlurmError when
    Slurm says no.
    """
    try:
        given = slurm.options_of(options)
    except ValueError as error:
        raise SpecError([f"--slurm {error}"]) from error
    if jobs is not None and given.get(CPUS, str(jobs)) != str(jobs):
        raise SpecError([f"--jobs {jobs} and --slurm {CPUS}={given[CPUS]}: give one of them"])
    given.setdefault(CPUS, str(jobs or 1))
    if not 1 <= tasks <= MOST_TASKS:
        raise SpecError([f"--tasks {tasks}: give a number from 1 to {MOST_TASKS:,}"])
    if html:
        library.installed()  # lest all be trained before that is told
    experiment = loaded(source, overrides, plugins)
    for what in remarked(experiment):
        say(what)
    folder = place_of(experiment, out).resolve()
    manifest = manifests.of(experiment, planning.trials(experiment))
    if dry_run:
        missing, ungathered = _missing(experiment, folder, manifest)
        found = _planned(experiment, manifest, folder, missing, tasks, given, html)
        return replace(found, ungathered=ungathered)
    slurm.find("sbatch", "squeue", "scancel")
    if alive := _alive(folder):
        raise RunningError(
            f"{folder}: {counted(alive, 'task')} of it queued or running: `bench status {folder}` "
            f"shows them, `bench cancel {folder}` ends them"
        )
    if faults := rehearsal.faults(span.configuration for span in manifest.plan.spans):
        raise SpecError(faults)
    with Store.open(folder) as store:
        refuse_other(store, manifest, machine=False)
    gather(folder, say)
    with Store.open(folder) as store:
        refuse_other(store, manifest, machine=False)  # again: of what was gathered, too
        manifest = grown(experiment, manifest, store, lambda trials: done(store, trials))
        note(store, manifest)
        ready = done(store, manifest.trials)
    missing = Picked(manifest.plan, manifest.plan.without(ready))
    found = _planned(experiment, manifest, folder, missing, tasks, given, html)
    if found.jobs:
        _send(found)
    return found


def _alive(folder: Path) -> list[Waiting]:
    """The jobs and tasks of the last submission that have not ended.

    Slurm takes a moment to see that one is through: whoever has left a mark is.
    """
    jobs = {job.name: job for job in remembered(folder).jobs}
    waiting = slurm.queue([*jobs])
    ended = marks(folder)
    return [w for w in waiting if jobs[w.name].works.get(w.number) not in ended]


def cancel(folder: Path) -> int:
    """End all jobs of the last submission of `folder`; returns how many tasks had not ended.

    Raises NotSubmittedError where there was none, SlurmError when Slurm says no.
    """
    jobs = remembered(folder.resolve()).jobs
    if not jobs:
        raise NotSubmittedError(f"{folder}: nothing was submitted here")
    alive = slurm.queue([job.name for job in jobs])
    slurm.cancel(waiting.job for waiting in alive)
    return len(alive)


def _missing(experiment: Experiment, folder: Path, manifest: Manifest) -> tuple[Picked, int]:
    """What no store of the folder has, its shards' included, and how many trials are in these."""
    ready: set[str] = set()
    if (folder / FILE).exists():
        with Store.read(folder) as store:
            refuse_other(store, manifest, machine=False)
            manifest = grown(experiment, manifest, store, lambda trials: done(store, trials))
            ready |= done(store, manifest.trials)
    apart: set[str] = set()
    for path in shards_of(folder):
        with contextlib.suppress(DamagedError), Store.read(path) as shard:
            apart |= done(shard, manifest.trials) - ready
    ready |= apart
    return Picked(manifest.plan, manifest.plan.without(ready)), len(apart)


def _planned(
    experiment: Experiment,
    manifest: Manifest,
    folder: Path,
    missing: Sequence[Trial],
    tasks: int,
    options: Mapping[str, str],
    html: bool,
) -> Submission:
    """The chain of jobs for `missing` trials, and for what follows once they are there."""
    cores = max(1, int(options[CPUS])) if options[CPUS].isdecimal() else 1
    parts = [part for part in shares(missing, tasks) if part]
    phases = _phases(experiment, manifest) if parts else 0
    name = prefix(manifest.name, folder)
    found: list[Job] = []
    for phase in range(1, phases + 1):
        gathered = [found[-1].name] if found else []
        count = len(parts) if phase == 1 else tasks
        train = _job(folder, name, f"{TRAIN}-{phase}", options, tasks=count, after_ok=gathered)
        gathering = _job(
            *(folder, name, f"{GATHER}-{phase}", _single(options)),
            after=[train.name],
            after_ok=gathered,
        )
        found += [train, gathering]
    if found:
        said = [] if html else [NO_HTML]
        last = [found[-1].name]
        found.append(_job(folder, name, REPORT, _single(options), *said, after=last))
    seconds = max((estimate(stacks(part, jobs=cores), cores) for part in parts), default=0.0)
    trials = sum(map(len, parts))
    return Submission(manifest, folder, tuple(found), trials, seconds, len(parts), phases, cores)


def _phases(experiment: Experiment, manifest: Manifest) -> int:
    """How often results have to be there before it is known what follows, at most."""
    rounds = len(experiment.until.rounds) if experiment.until else 1
    if later(experiment, manifest, complete=False).most == 0:
        return 1
    return 1 + rounds if manifest.tuned else 1 + rounds - max(1, round_of(manifest))


def _single(options: Mapping[str, str]) -> dict[str, str]:
    """Options of a job that is no array and needs one processor."""
    return {k: "1" if k == CPUS else v for k, v in options.items() if k != slurm.ARRAY}


def _job(
    folder: Path,
    name: str,
    step: str,
    options: Mapping[str, str],
    *said: str,
    tasks: int = 0,
    **after: Any,
) -> Job:
    log = f"{step}-%a.log" if tasks else f"{step}.log"
    command = [sys.executable, "-m", "bench", "slurm-job", step, str(folder)]
    return Job(
        f"{name}-{step}",
        [*command, *([str(tasks)] if tasks else []), *said],
        folder_of(folder) / log,
        {"chdir": str(Path.cwd()), **options},
        tasks,
        **after,
    )


def _send(found: Submission) -> None:
    """Queue all jobs; what is to be queued is written down before the first one is."""
    clear(found.folder)
    for path in [found.folder / SHARDS, *(found.folder / SHARDS).glob("*")]:
        if path.is_symlink():
            path.unlink()  # tasks write there, and it may lead anywhere
    jobs = tuple(Sent(job.name, job.tasks) for job in found.jobs)
    remember(found.folder, Submitted(jobs, found.workers))
    ids: dict[str, str] = {}
    try:
        for job in found.jobs:
            path = script_of(job)
            write_new(path, slurm.script(job))
            ids[job.name] = slurm.send(path, slurm.dependencies(job, ids))
    except BaseException as error:
        _withdraw(found.folder, ids.values(), error)
        if isinstance(error, slurm.SlurmError):  # else the last one may be queued
            clear(found.folder)  # lest jobs be waited for that nobody has
        raise


def _withdraw(folder: Path, ids: Iterable[str], error: BaseException) -> None:
    """End half a chain: what it trains nobody would gather. Raises SlurmError, and why it was."""
    try:
        slurm.cancel(ids)
    except slurm.SlurmError as other:
        left = f"what was queued before is queued still ({other}): `bench cancel {folder}` ends it"
        raise slurm.SlurmError(f"{error}; {left}") from error


def script_of(job: Job) -> Path:
    """Where the script of a job lies: beside its log."""
    return job.log.with_name(job.log.name.replace("-%a", "")).with_suffix(".sh")


def scripts(found: Submission) -> str:
    """What `submit` would queue, as text."""
    names = {job.name: f"{{{job.name}}}" for job in found.jobs}
    texts = []
    for job in found.jobs:
        command = ["sbatch", "--parsable", *slurm.dependencies(job, names), str(script_of(job))]
        texts.append(f"# {shlex.join(command)}\n{slurm.script(job)}")
    return "\n".join(texts)
