"""Running an experiment: what is missing is trained, then the report is written."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.page import library
from bench.plan import manifest as manifests
from bench.plan import stacks as stacking
from bench.plan import trials as planning
from bench.plan.manifest import Manifest
from bench.plan.shares import shares
from bench.plan.spans import Picked, Plan
from bench.plan.trial import Stack, Trial
from bench.run import rehearsal, runner
from bench.session import costs
from bench.session.cells import given
from bench.session.folder import FolderMismatchError, done, note, refuse_other
from bench.session.results import Results, results_of
from bench.session.rounds import Later, Ready, grown, later, round_of
from bench.spec import experiment as spec
from bench.spec.mistakes import SpecError
from bench.store.keys import Keys
from bench.store.store import FILE, DamagedError, Result, Store, place
from nncore.datasets import remarks
from nncore.imports import sources

if TYPE_CHECKING:
    from bench.run.progress import Progress
    from bench.spec.experiment import Experiment

NAMED = 5  # problems of a round


@dataclass(frozen=True)
class Planned:
    """What a run would do: all trials, those still to train, in stacks, and about how long.

    `later` are the trials that follow from results: on evaluation seeds, once configurations are
    chosen, and in rounds of more seeds. `round` numbers the round that is trained, 0 without;
    `purpose` is what else trials are trained for. Of the others, so many are `stored`, `elsewhere`
    in other shards, or the same as one before (`shared`).
    """

    manifest: Manifest
    folder: Path
    missing: Sequence[Trial]
    stacks: tuple[Stack, ...]
    seconds: float
    jobs: int
    later: Later = field(default_factory=Later)
    round: int = 0
    purpose: str = ""
    stored: int = 0
    elsewhere: int = 0
    shared: int = 0

    @classmethod
    def of(
        cls, manifest: Manifest, folder: Path, missing: Sequence[Trial], jobs: int, **more: Any
    ) -> Planned:
        """What `jobs` workers do about `missing` trials; `more` are further fields."""
        return cls(manifest, folder, missing, (), 0.0, jobs, **more).on(jobs)

    def on(self, jobs: int) -> Planned:
        """The same for so many workers."""
        stacks = tuple(stacking.stacks(self.missing, jobs=jobs))
        seconds = stacking.estimate(stacks, jobs)
        return dataclasses.replace(self, stacks=stacks, seconds=seconds, jobs=jobs)

    @property
    def title(self) -> str:
        """What is trained, for progress; empty where all is that the spec asks for at once."""
        return self.purpose or (f"round {self.round}" if self.round else "")


def planned(
    source: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    jobs: int | None = None,
    shard: tuple[int, int] | None = None,
    retry_crashed: bool = False,
    fresh: bool = False,
    on: str = "",
) -> Planned:
    """What `run` with the same arguments would train. Writes nothing.

    Raises SpecError for a spec that is wrong, FolderMismatchError for a folder of another
    experiment or other code, StoreError when what is there cannot be read.
    """
    experiment = loaded(source, overrides, plugins, shard)
    folder = place_of(experiment, out)
    return _planned(experiment, folder, jobs or runner.threads(on), shard, retry_crashed, fresh)


def loaded(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str],
    plugins: Sequence[str | Path],
    shard: tuple[int, int] | None = None,
) -> Experiment:
    """The experiment; raises SpecError also where its rounds of seeds cannot be cut into shards."""
    experiment = spec.load(source, overrides, plugins)
    if shard is not None and experiment.until is not None:
        what = (
            "--shard: the spec has seeds until decided, and each round follows from all results of "
            "the last; leave --shard out, or give a number: --set seeds=20"
        )
        raise SpecError([what])
    return experiment


def remarked(experiment: Experiment) -> Iterator[str]:
    """What whoever trains it should know of its plugins and its data, a line each."""
    for path in experiment.plugins:
        yield from sources(path).notes
    for problem in experiment.problems:
        for remark in remarks(problem.problem.dataset):
            yield f"{problem.name}: {remark}"


def place_of(experiment: Experiment, out: str | Path | None) -> Path:
    """The results folder of an experiment."""
    return Path(out) if out is not None else Path("results") / experiment.name


def _planned(
    experiment: Experiment,
    folder: Path,
    jobs: int,
    shard: tuple[int, int] | None,
    retry_crashed: bool,
    fresh: bool,
) -> Planned:
    """What `planned` returns, of a spec that is read already."""
    manifest = manifests.of(experiment, planning.trials(experiment))
    ready: Set[str] = frozenset()
    if place(folder, fresh=fresh).exists():
        try:
            with Store.read(folder, fresh=fresh) as store:
                refuse_other(store, manifest)
                kept = _kept(store, retry_crashed or fresh)
                manifest = grown(experiment, manifest, store, kept)
                ready = kept(manifest.trials)
        except (FolderMismatchError, DamagedError):
            if not fresh:  # of another fresh run that was cut short nothing is kept
                raise
    return _remaining(experiment, manifest, folder, ready, jobs, shard)


def _kept(store: Store, retry_crashed: bool, tried: Set[str] = frozenset()) -> Ready:
    """Which of some trials need no training: those `tried` in this run are not tried again."""
    return lambda trials: (
        done(store, trials, retry_crashed=retry_crashed) | {t.key for t in trials if t.key in tried}
    )


def _remaining(
    experiment: Experiment,
    manifest: Manifest,
    folder: Path,
    ready: Set[str],
    jobs: int,
    shard: tuple[int, int] | None,
) -> Planned:
    """What is left to train of `manifest` when the keys in `ready` are stored."""
    # Optimizers may share trials: each is trained once.
    left = manifest.plan.without(ready)
    mine = left if shard is None else np.intersect1d(left, _share(manifest, shard))
    missing = Picked(manifest.plan, mine)
    follows = later(experiment, manifest, complete=not len(left))
    number = round_of(manifest)
    distinct = len(manifest.plan.distinct)
    return Planned.of(
        *(manifest, folder, missing, jobs),
        later=follows,
        round=number,
        stored=distinct - len(left),
        elsewhere=len(left) - len(mine),
        shared=len(manifest.trials) - distinct,
    )


def run(
    source: str | Path | Mapping[str, Any],
    *,
    jobs: int | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    shard: tuple[int, int] | None = None,
    retry_crashed: bool = False,
    fresh: bool = False,
    repair: bool = False,
    report: bool = True,
    on: str = "",
    html: bool = True,
    progress: Callable[[Planned], Progress] | None = None,
    say: Callable[[str], None] | None = None,
    rules: Sequence[Callable[..., Any]] = (),
) -> Results:
    """Train what is not stored yet, write the report, and return the results.

    `source` is a spec file or a dictionary of the same shape, whose datasets may be arrays in
    memory, `{"X": X, "y": y}`; `rules` are rules of a notebook's cells; `jobs` worker processes
    (default: one per core); `out` the results folder (default: `results/NAME`); `overrides` are
    `KEY=VALUE` on dotted keys; `shard` (I, N) trains the I-th of N parts. `fresh` replaces earlier
    results, once all new ones are there; `repair` sets damaged ones aside and trains them again,
    `retry_crashed` tries crashed trials again. Without `report` no CSV file and no figure is
    written, without `html` no page of them. `on` is a cluster of dask's to train on, see
    `bench.run.runner.Runner`.

    Raises SpecError, also for another's rule that fails its rehearsal; LibraryError where a page
    cannot be written; FolderMismatchError, StoreError, RunnerError, and Interrupted on Ctrl-C or
    SIGTERM, when everything that was finished is stored.
    """
    from bench.report.write import write

    say = say or _nothing
    if report and html:
        library.installed()  # lest all be trained before that is told
    source, plugins = given(source, rules, plugins)
    experiment = loaded(source, overrides, plugins, shard)
    folder = place_of(experiment, out)
    for what in remarked(experiment):
        say(what)
    if repair and (folder / FILE).exists():
        Store.open(folder, repair=True).close()
    todo = _planned(experiment, folder, jobs or runner.cores(), shard, retry_crashed, fresh)
    if faults := rehearsal.faults(s.configuration for s in Plan.of(todo.missing).spans):
        raise SpecError(faults)
    paths = [Path(path) for path in todo.manifest.spec.get("plugins", ())]
    with contextlib.ExitStack() as training:
        workers = training.enter_context(
            runner.Runner(jobs=jobs, plugins=paths, on=on, results=todo.folder, say=say)
        )
        if on and todo.missing:  # whom nobody can work with is told before anything is written
            todo = todo.on(workers.start())
        with Store.open(todo.folder, fresh=fresh) as store:
            try:
                refuse_other(store, todo.manifest)  # again: it was not locked before
            except FolderMismatchError:
                if not fresh:
                    raise
                store.empty()
            note(store, todo.manifest)
            tried: set[str] = set()
            while True:
                train(workers, store, todo, progress)
                tried |= {trial.key for trial in todo.missing}
                kept = _kept(store, retry_crashed or fresh, tried)
                manifest = grown(experiment, todo.manifest, store, kept)
                if manifest is todo.manifest:
                    break
                ready = kept(manifest.trials)
                todo = _remaining(experiment, manifest, folder, ready, todo.jobs, shard)
                note(store, todo.manifest)
                if todo.stacks:
                    say(_begins(todo))
            training.close()
            costs.measure(store, todo.manifest, paths, say)
            store.take_over()
            files: tuple[Path, ...] = ()
            if report:
                here = min(todo.jobs, os.cpu_count() or 1)
                files = write(
                    *(todo.folder, store, todo.manifest),
                    again=False,
                    html=html,
                    jobs=here,
                    say=say,
                )
            return results_of(todo.folder, todo.manifest, store, files, len(tried))


def _begins(todo: Planned) -> str:
    """What is trained next, in words."""
    if todo.round <= 1:
        return "configurations are chosen; training them on the evaluation seeds"
    problems = list(dict.fromkeys(trial.problem_name for trial in todo.missing))
    seeds = max(todo.manifest.evaluation_seeds.values())
    told = f"{', '.join(problems[:NAMED])}" + (" and others" if len(problems) > NAMED else "")
    return f"round {todo.round}: to {seeds} seeds on {told}, not decided yet"


def _nothing(text: str) -> None:
    """Say nothing."""


def _share(manifest: Manifest, shard: tuple[int, int]) -> NDArray[np.int64]:
    """Where the keys of a shard (I, N) stand first: the same whatever is stored.

    However many workers there are. Trials that follow from results are shared out apart: what they
    are moves none of the others.
    """
    plan = manifest.plan
    phases = manifest.phase_of_all()
    parts = []
    for phase in dict.fromkeys(phases):
        mine = Picked(plan, np.flatnonzero(phases == phase))
        parts.append(shares(mine, shard[1])[shard[0] - 1].positions)
    # A trial may be there in both.
    keys = Keys(plan.keys.digests[np.concatenate(parts)]) if parts else ()
    return plan.distinct[np.isin(plan.keys.digests[plan.distinct], Keys.of(keys).digests)]


def train(
    workers: runner.Runner,
    store: Store,
    todo: Planned,
    progress: Callable[[Planned], Progress] | None,
) -> None:
    """Train what is missing, and store it stack by stack."""
    if not todo.stacks:
        return
    asked = {trial.key: trial.asked for trial in todo.missing}
    with progress(todo) if progress else contextlib.nullcontext() as bar:

        def keep(result: Result) -> None:
            pairs = zip(result.keys, result.records, strict=True)
            records = [record._replace(asked=asked[key]) for key, record in pairs]
            store.add(result._replace(records=records))
            if bar is not None:
                bar.add(result)

        workers.run(todo.stacks, on_result=keep, estimate=stacking.seconds)
