"""Where the variance between runs comes from: a spec's runs, then their twins, then the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.page import library
from bench.plan.manifest import Manifest
from bench.plan.trial import Trial
from bench.plan.variance import VARIANCE, Design, absent, first_seeds, streams, to_json, twins
from bench.run import runner
from bench.session.folder import done, read_manifest, statuses
from bench.session.results import Results, results_of
from bench.session.run import Planned, loaded, run, train
from bench.spec.experiment import Experiment
from bench.spec.mistakes import SpecError
from bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from bench.run.progress import Progress

REPEATS = 50


@dataclass(frozen=True)
class Variance:
    """What came of it: lines that tell the shares, the results, and how many twins crashed."""

    lines: tuple[str, ...]
    results: Results
    crashed: int


def variance(
    source: str | Path,
    *,
    repeats: int = REPEATS,
    jobs: int | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    retry_crashed: bool = False,
    progress: Callable[[Planned], Progress] | None = None,
    say: Callable[[str], None] | None = None,
) -> Variance:
    """Train what the spec asks for, then `repeats` rows of twins, and write the report.

    Of every optimizer's best configuration on every problem: with `[tuning]` the one that it chose.
    What is stored is not trained again, and what is trained is stored, as in `run`. Raises
    SpecError also where no problem has randomness, and what `run` raises.
    """
    from bench.report.write import write
    from bench.verdicts.variance import told

    say = say or (lambda text: None)
    library.installed()  # lest all be trained before that is told
    experiment = loaded(source, overrides, plugins, None)
    missing = {p.name: absent(p.problem) for p in experiment.problems}
    fixed = [name for name, gone in missing.items() if len(gone) == 3]
    if len(fixed) == len(missing):
        raise SpecError([f"problem.{name}: {_deterministic()}" for name in fixed])
    for name in fixed:
        say(f"{name}: {_deterministic()}; left out")
    found = run(
        source,
        jobs=jobs,
        out=out,
        overrides=overrides,
        plugins=plugins,
        retry_crashed=retry_crashed,
        report=False,
        progress=progress,
        say=say,
    )
    with Store.open(found.folder) as store:
        manifest = read_manifest(store)
        designs, trials = _planned(experiment, manifest, store, missing, repeats, say)
        ready = done(store, trials, retry_crashed=retry_crashed)
        left = [*{t.key: t for t in trials if t.key not in ready}.values()]
        workers, purpose = jobs or runner.cores(), "where variance is from"
        todo = Planned.of(manifest, found.folder, left, workers, purpose=purpose)
        paths = [Path(path) for path in manifest.spec.get("plugins", ())]
        with runner.Runner(jobs=workers, plugins=paths, results=found.folder) as pool:
            train(pool, store, todo, progress)
        if store.meta.get(VARIANCE) != (plain := to_json(designs)):
            store.set_meta(**{VARIANCE: plain})
        crashed = statuses(store, trials).count("crashed")
        files = write(found.folder, store, manifest, again=False, say=say)
        results = results_of(found.folder, manifest, store, files, found.trained + len(left))
        return Variance(tuple(told(_shares(store, manifest))), results, crashed)


def _deterministic() -> str:
    return "nothing in it is random, so its runs do not vary"


def _planned(
    experiment: Experiment,
    manifest: Manifest,
    store: Store,
    missing: dict[str, dict[str, str]],
    repeats: int,
    say: Callable[[str], None],
) -> tuple[list[Design], list[Trial]]:
    """The designs of all best configurations, and the trials of these."""
    from bench.tables.best import best_trials
    from bench.tables.headline import Headlines
    from bench.tables.trials import trials_frame

    frame = best_trials(Headlines.of(manifest).costed(trials_frame(store, manifest)))
    chosen = frame[["problem", "optimizer", "configuration"]].drop_duplicates()
    base = {(t.problem_name, t.configuration_index): t for t in manifest.evaluation}
    used = set(experiment.tuning.seeds) if experiment.tuning else set()
    seeds = first_seeds(experiment.seeds, used, repeats)
    designs, trials = [], []
    for problem, optimizer, number in chosen.itertuples(index=False):
        if (problem, number) not in base:
            continue
        trial = base[problem, number]
        drawn = streams(trial.configuration, missing[problem])
        rows = list(twins(trial, drawn, seeds))
        keys = tuple(tuple(run.key for run in row) for row in rows)
        own = {s: why for s, why in missing[problem].items() if s not in drawn}
        designs.append(Design(problem, optimizer, int(number), drawn, own, seeds, keys))
        trials += [run for row in rows for run in row]
    return designs, trials


def _shares(store: Store, manifest: Manifest) -> pd.DataFrame:
    """`variance.csv` of what is stored."""
    from bench.tables.headline import Headlines
    from bench.tables.variance import twins_of
    from bench.verdicts.samples import terms_of
    from bench.verdicts.variance import variance

    return variance(twins_of(store, manifest), Headlines.of(manifest), terms_of(manifest))
