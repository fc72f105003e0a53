"""Running experiments and reading their results, from Python; the command line calls the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import manifest as manifests
from bench import plan, provenance, runner, spec
from bench.manifest import Manifest
from bench.plan import Stack, Trial
from bench.store import FILE, Damage, DamagedError, FolderError, Result, Store

if TYPE_CHECKING:
    import pandas as pd

    from bench.gate import Check
    from bench.progress import Progress
    from bench.spec import Experiment


class FolderMismatchError(Exception):
    """The results folder holds something that the run must not be mixed with."""

    exit_code = 2


@dataclass(frozen=True)
class Results:
    """A results folder after a run, or as it is: `.trials`, `.curves` and `.summary` as frames.

    `files` are those of the report; `trained` says how many trials this call trained, `crashed` how
    many of the experiment's ended as crashed, for which `reasons` (the most frequent first), and
    `missing` how many have no outcome yet.
    """

    folder: Path
    manifest: Manifest
    files: tuple[Path, ...] = ()
    trained: int = 0
    crashed: int = 0
    missing: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        """A line: the manifest alone may have megabytes."""
        counts = {"trained now": self.trained, "crashed": self.crashed, "missing": self.missing}
        told = "".join(f", {count:,} {word}" for word, count in counts.items() if count)
        return (
            f"<{self.manifest.name} in {self.folder}: {len(self.manifest.trials):,} trials{told}>"
        )

    @property
    def unjudged(self) -> bool:
        """Whether all configurations have been tried and none judged on evaluation seeds yet."""
        return self.manifest.tuned and not self.missing

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row per trial, as in `trials.csv`."""
        from bench import tables

        with Store.read(self.folder) as store:
            frame = tables.trials_frame(store, self.manifest.trials)
        return tables.with_phases(frame, self.manifest)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per trial and recorded epoch, as in `curves.csv`."""
        from bench import tables

        with Store.read(self.folder) as store:
            return tables.curves_frame(store, self.manifest.trials)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row per problem and configuration, as in `summary.csv`."""
        from bench import tables

        return tables.summary_frame(self.trials, self.manifest.fixed)


@dataclass(frozen=True)
class Planned:
    """What a run would do: all trials, those still to train, in stacks, and about how long.

    `later` counts the trials on evaluation seeds that are planned once configurations are chosen.
    """

    manifest: Manifest
    folder: Path
    missing: tuple[Trial, ...]
    stacks: tuple[Stack, ...]
    seconds: float
    jobs: int
    later: int = 0


def open_results(folder: str | Path) -> Results:
    """The results in `folder`, as they are now, without running any code of a spec's.

    Raises StoreError when there are none, DamagedError when they cannot be read.
    """
    folder = Path(folder)
    with Store.read(folder) as store:
        return _results(folder, read_manifest(store), store)


def read_manifest(store: Store) -> Manifest:
    """What the folder's last run was asked to do.

    Raises FolderError when no run got that far, DamagedError when it cannot be made out.
    """
    if "manifest" not in store.meta:
        if store.damage:
            raise DamagedError(store.path, store.damage)
        raise FolderError(f"{store.path.parent}: a run began here and stored nothing yet")
    try:
        return manifests.from_json(store.meta["manifest"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        problem = Damage("meta 'manifest'", "is not one of an experiment")
        raise DamagedError(store.path, [problem]) from error


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
) -> Planned:
    """What `run` with the same arguments would train. Writes nothing.

    Raises SpecError for a spec that is wrong, FolderMismatchError for a folder of another
    experiment or other code, StoreError when what is there cannot be read.
    """
    experiment = spec.load(source, overrides, plugins)
    trials = plan.trials(experiment)
    manifest = manifests.of(experiment, trials)
    folder = Path(out) if out is not None else Path("results") / experiment.name
    jobs = jobs or runner.cores()
    done: set[str] = set()
    if (folder / FILE).exists() and not fresh:
        with Store.read(folder) as store:
            _refuse_other(store, manifest)
            done = store.done(retry_crashed=retry_crashed)
            if experiment.tuning:
                trials += _evaluation(experiment, manifest, store)
                manifest = manifests.of(experiment, trials)
    later = 0
    if experiment.tuning and manifest.tuned:
        each = {p.name: len(experiment.seeds) for p in experiment.problems}
        pairs = {
            (t.problem_name, t.optimizer) for t in trials if t.problem_name not in manifest.fixed
        }
        later = sum(each[problem] for problem, _ in pairs)
    # Optimizers may share trials: each is trained once.
    mine = {t.key: t for t in reversed(trials) if t.key not in done and _in_shard(t, shard)}
    missing = tuple(reversed(mine.values()))
    stacks = tuple(plan.stacks(missing, jobs=jobs))
    return Planned(manifest, folder, missing, stacks, plan.estimate(stacks, jobs), jobs, later)


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
    progress: Callable[[Planned], Progress] | None = None,
    say: Callable[[str], None] | None = None,
) -> Results:
    """Train what is not stored yet, write the report, and return the results.

    `source` is a spec file or a dictionary of the same shape; `jobs` worker processes (default: one
    per core); `out` the results folder (default: `results/NAME`); `overrides` are `KEY=VALUE` on
    dotted keys; `shard` (I, N) trains the I-th of N parts. `fresh` replaces earlier results,
    `repair` sets damaged ones aside and trains them again, `retry_crashed` tries crashed trials
    again.

    Raises SpecError, FolderMismatchError, StoreError, and Interrupted on Ctrl-C or SIGTERM, when
    everything that was finished is stored.
    """
    from bench import report

    say = say or _nothing
    if repair:
        name = spec.load(source, overrides, plugins).name
        folder = Path(out) if out is not None else Path("results") / name
        if (folder / FILE).exists():
            Store.open(folder, repair=True).close()
    todo = planned(
        source,
        out=out,
        overrides=overrides,
        plugins=plugins,
        jobs=jobs,
        shard=shard,
        retry_crashed=retry_crashed,
        fresh=fresh,
    )
    paths = [Path(path) for path in todo.manifest.spec.get("plugins", ())]
    with Store.open(todo.folder, fresh=fresh) as store:
        _refuse_other(store, todo.manifest)  # again: it was not locked before
        note(store, todo.manifest)
        if todo.stacks:
            bar = progress(todo) if progress else None
            _train(store, todo, paths, bar)
        trained = len(todo.missing)
        if todo.later:
            todo = planned(
                source, out=out, overrides=overrides, plugins=plugins, jobs=jobs, shard=shard
            )
            note(store, todo.manifest)
            if todo.stacks:
                say("configurations are chosen; training them on the evaluation seeds")
                _train(store, todo, paths, progress(todo) if progress else None)
            trained += len(todo.missing)
        files = report.up_to_date(todo.folder, store, todo.manifest)
        if files is None:
            files = report.write(todo.folder, store, todo.manifest, say=say).files
        return _results(todo.folder, todo.manifest, store, files, trained)


def _nothing(text: str) -> None:
    """Say nothing."""


def _in_shard(trial: Trial, shard: tuple[int, int] | None) -> bool:
    return shard is None or int(trial.key[:16], 16) % shard[1] == shard[0] - 1


def check(
    result: Results | str | Path, baseline: str | Path, *, margin: float | None = None
) -> Check:
    """Has convergence regressed? `result` (or its folder) against a file of `bench baseline`.

    `.ok` without a regression, `str()` what was found; `margin` 0.1 (the default) lets losses and
    times to the target be 10% larger. For a test of your own:

        result = bench.run("my_rule.toml")
        found = bench.check(result, "my_rule.json")
        assert found.ok, str(found)

    Raises BaselineError for a file that is no baseline, ValueError for a margin that is not
    positive, StoreError when there are no results.
    """
    from bench import baseline as baselines
    from bench import gate

    folder = result.folder if isinstance(result, Results) else Path(result)
    old = baselines.read(baseline)
    with Store.read(folder) as store:
        found = list(baselines.measured(store, read_manifest(store)))
        made_with = _made_with(store)
    margin = gate.MARGIN if margin is None else margin
    return gate.check(old, found, margin=margin, made_with=made_with)


def _made_with(store: Store) -> dict[str, str]:
    """What rounds numbers its own way, in words."""
    return {k: str(store.meta["fingerprint"][k]) for k in ("numpy", "blas", "vectors")}


def write_baseline(
    result: Results | str | Path, out: str | Path | None = None, *, jobs: int | None = None
) -> Path:
    """Write the baseline of a result (or its folder); by default DIR/baseline.json.

    Trains the first three seeds of every configuration in the other precision, to know how far
    early records can be compared between machines. Raises BaselineError when trials are missing or
    have crashed, OSError when the file cannot be written.
    """
    from bench import baseline as baselines

    results = result if isinstance(result, Results) else open_results(result)
    folder = results.folder
    with Store.read(folder) as store:
        manifest = read_manifest(store)
        results = _results(folder, manifest, store)
        if results.missing or results.crashed:
            raise baselines.BaselineError(
                f"{folder}: {results.missing:,} trials are missing and {results.crashed:,} have "
                "crashed; a baseline needs them all"
            )
        found = list(baselines.measured(store, manifest))
        made_with = _made_with(store)
    paths = [Path(path) for path in manifest.spec.get("plugins", ())]
    if paths:
        spec.load(manifest.spec)
    others = baselines.other_precision(found, jobs, paths)
    made = baselines.of(found, manifest.name, others=others, made_with=made_with)
    return baselines.write(made, out if out is not None else folder / "baseline.json")


def _evaluation(experiment: Experiment, manifest: Manifest, store: Store) -> tuple[Trial, ...]:
    """The trials that judge what tuning has chosen; none while tuning trials are missing."""
    from bench import tuning

    trials = manifest.trials
    if experiment.tuning is None or any(trial.key not in store for trial in trials):
        return ()
    chosen = tuning.winners(store, trials, experiment.tuning.criterion, manifest.targets)
    return plan.evaluation(experiment, chosen, len(trials))


def _train(store: Store, todo: Planned, plugins: Sequence[Path], bar: Progress | None) -> None:
    def keep(result: Result) -> None:
        store.add(result)
        if bar is not None:
            bar.add(result)

    if bar is None:
        runner.run(
            todo.stacks, on_result=keep, jobs=todo.jobs, estimate=plan.seconds, plugins=plugins
        )
        return
    with bar:
        runner.run(
            todo.stacks, on_result=keep, jobs=todo.jobs, estimate=plan.seconds, plugins=plugins
        )


def note(store: Store, manifest: Manifest, fingerprint: Any = None) -> None:
    """Record what is asked and what computes it, if it is not recorded already."""
    now = json.loads(json.dumps(manifests.to_json(manifest)))
    new: dict[str, Any] = {}
    if store.meta.get("manifest") != now:
        new["manifest"] = now
    if "fingerprint" not in store.meta:
        new["fingerprint"] = fingerprint or _fingerprint(manifest)
    if new:
        store.set_meta(**new, environment=provenance.environment())


def _fingerprint(manifest: Manifest) -> Any:
    return provenance.fingerprint(manifest.spec.get("plugins", ()))


def _refuse_other(store: Store, manifest: Manifest) -> None:
    """Raise FolderMismatchError when what is stored does not belong with what is asked."""
    folder = store.path.parent
    stored = store.meta.get("manifest", {}).get("name")
    if stored is not None and stored != manifest.name:
        raise FolderMismatchError(
            f'{folder}: holds results of the experiment "{stored}", not of "{manifest.name}"; '
            "choose another folder with --out, or replace them with --fresh"
        )
    if store.damage:
        raise DamagedError(store.path, store.damage)
    if not len(store):
        return
    if "fingerprint" not in store.meta:
        raise FolderMismatchError(
            f"{folder}: the record of what computed its results is lost, so new ones cannot be "
            "compared with them; start again with --fresh, or keep both with --out OTHER-FOLDER"
        )
    differ = provenance.differences(store.meta["fingerprint"], _fingerprint(manifest))
    if differ:
        raise FolderMismatchError(
            f"{folder}: its results were computed by something else, so new ones cannot be "
            "compared with them:\n"
            + "\n".join(f"  {line}" for line in differ)
            + "\nstart again with --fresh, or keep both with --out OTHER-FOLDER"
        )


def _results(
    folder: Path,
    manifest: Manifest,
    store: Store,
    files: tuple[Path, ...] = (),
    trained: int = 0,
) -> Results:
    statuses = store.statuses()
    mine = [statuses.get(trial.key) for trial in manifest.trials]
    lost = [t.key for t in manifest.trials if statuses.get(t.key) == "crashed"]
    reasons = dict(Counter(store.trials(lost).reason).most_common())
    return Results(folder, manifest, files, trained, len(lost), mine.count(None), reasons)
