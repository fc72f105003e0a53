"""What a results folder holds: `bench status`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.plan.trials import Trial
from bench.session.folder import read_manifest, statuses
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
        if store.damage:
            print("`bench run --repair` sets what is damaged aside and trains it again")
    return 1 if crashed or store.damage else 0


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
