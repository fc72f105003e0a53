"""What a results folder holds: `bench status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.plan.manifest import Manifest
from bench.plan.trials import Trial
from bench.session.folder import read_manifest, statuses
from bench.session.rounds import round_of, standing
from bench.store.store import Store, place

# Crashed trials that are named one by one.
NAMED = 20


def show(folder: Path) -> int:
    """Print what is done, missing, diverged and crashed; returns the exit code."""
    with Store.read(folder) as store:
        manifest = read_manifest(store)
        found = list(zip(manifest.trials, statuses(store, manifest.trials), strict=True))
        counts = Counter(status for _, status in found)
        done = len(found) - counts["missing"]
        print(f"{manifest.name} in {folder}: {done:,} of {len(found):,} trials done")
        _by_problem(found)
        seconds = store.kernel_seconds()
        if seconds:
            print(f"{seconds:,.1f} s of training in {len(store.stacks()):,} stacks")
        crashed = [trial for trial, status in found if status == "crashed"]
        reasons = store.trials([trial.key for trial in crashed]).reason
        for trial, reason in list(zip(crashed, reasons, strict=True))[:NAMED]:
            print(f"crashed: trial {trial.index} ({_name(trial)}): {reason}")
        if len(crashed) > NAMED:
            print(f"... and {len(crashed) - NAMED:,} more crashed trials")
        for damage in store.damage:
            print(f"damaged: {damage}")
        if (new := place(folder, fresh=True)).exists():
            print(f"{new.name}: a run with --fresh was begun; at its end it replaces these results")
        if manifest.tuned and not counts["missing"]:
            print("configurations can be chosen now: `bench run` trains them on evaluation seeds")
        for line in _rounds(store, manifest, missing=counts["missing"] > 0):
            print(line)
        if store.damage:
            print("`bench run --repair` sets what is damaged aside and trains it again")
    return 1 if crashed or store.damage else 0


def _rounds(store: Store, manifest: Manifest, *, missing: bool) -> Iterator[str]:
    """How far the rounds of an experiment whose seeds are added until all is decided have come."""
    number = round_of(manifest)
    if manifest.until is None or not number:
        return
    name = f"round {number} of seeds until decided"
    if missing:
        yield f"{name} is not complete: `bench run` goes on with it"
        return
    now = standing(store, manifest)
    if now is None:
        return
    yield f"{name} is complete"
    for problem, seeds in now.seeds.items():
        pairs, left = now.pairs[problem], now.undecided[problem]
        told = f"{left:,} of {pairs:,} pairs undecided" if left else f"all {pairs:,} pairs decided"
        most = ", the most allowed" if left and seeds == manifest.until.most else ""
        yield f"  {problem}: {seeds:,} seeds{most}, {told}"
    if now.open:
        yield "`bench run` goes on with the next round"


def _by_problem(found: list[tuple[Trial, str]]) -> None:
    words = ("ok", "diverged", "crashed", "missing")
    problems = list(dict.fromkeys(trial.problem_name for trial, _ in found))
    width = max(map(len, [*problems, "problem"]))
    print(f"  {'problem':{width}}" + "".join(f"{word:>10}" for word in words))
    for problem in problems:
        counts = Counter(status for trial, status in found if trial.problem_name == problem)
        print(f"  {problem:{width}}" + "".join(f"{counts[word]:>10,}" for word in words))


def _name(trial: Trial) -> str:
    values = ", ".join(f"{k} {v:g}" for k, v in trial.configuration.hyperparameters.items())
    return f"{trial.problem_name}, {trial.optimizer}, {values}, seed {trial.seed}"
