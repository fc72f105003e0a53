"""What a results folder holds: `bench status`, in words or as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.plan.trial import Trial
from bench.session.folder import read_manifest, statuses
from bench.session.rounds import Standing, round_of, standing
from bench.store.store import Store, place

# Crashed trials that are named one by one.
NAMED = 20
WORDS = ("ok", "diverged", "crashed", "missing")


@dataclass(frozen=True)
class Status:
    """How far the trials of a folder are.

    `problems` counts trials by problem and status (`ok`, `diverged`, `crashed`, `missing`);
    `crashed` has the crashed trials with their reasons; `seconds` is what training took, in
    `stacks`; `damage` what is there and cannot be trusted; `replacement` the file of a fresh run
    that is not through; `choosing` whether all trials are for choosing configurations. `round` is
    the last round of seeds that was planned (0: there are none) and `standing` what it decided, if
    it is complete; `most` the seeds that rounds end with.
    """

    name: str
    folder: Path
    problems: Mapping[str, Mapping[str, int]]
    crashed: tuple[tuple[Trial, str], ...]
    seconds: float
    stacks: int
    damage: tuple[str, ...]
    replacement: str
    choosing: bool
    round: int
    standing: Standing | None
    most: int

    def count(self, word: str) -> int:
        """How many trials have a status."""
        return sum(counts[word] for counts in self.problems.values())

    @property
    def trials(self) -> int:
        """How many trials there are to be."""
        return sum(map(self.count, WORDS))

    @property
    def done(self) -> int:
        """How many trials have an outcome."""
        return self.trials - self.count("missing")

    @property
    def exit_code(self) -> int:
        """1 where trials crashed or results are damaged, else 0."""
        return 1 if self.crashed or self.damage else 0


def status(folder: Path) -> Status:
    """The status of `folder`, also while a run goes on.

    Raises StoreError when there are no results, DamagedError when they cannot be read.
    """
    with Store.read(folder) as store:
        manifest = read_manifest(store)
        found = list(zip(manifest.trials, statuses(store, manifest.trials), strict=True))
        problems: dict[str, Counter[str]] = {}
        for trial, word in found:
            problems.setdefault(trial.problem_name, Counter())[word] += 1
        crashed = [trial for trial, word in found if word == "crashed"]
        reasons = store.trials([trial.key for trial in crashed]).reason
        fresh = place(folder, fresh=True)
        complete = not any(counts["missing"] for counts in problems.values())
        return Status(
            name=manifest.name,
            folder=folder,
            problems={
                name: {word: counts[word] for word in WORDS} for name, counts in problems.items()
            },
            crashed=tuple(zip(crashed, reasons, strict=True)),
            seconds=store.kernel_seconds(),
            stacks=len(store.stacks()),
            damage=tuple(map(str, store.damage)),
            replacement=fresh.name if fresh.exists() else "",
            choosing=manifest.tuned,
            round=round_of(manifest),
            standing=standing(store, manifest) if complete else None,
            most=manifest.until.most if manifest.until else 0,
        )


def lines(found: Status) -> Iterator[str]:
    """A status in words."""
    yield f"{found.name} in {found.folder}: {found.done:,} of {found.trials:,} trials done"
    width = max(map(len, [*found.problems, "problem"]))
    yield f"  {'problem':{width}}" + "".join(f"{word:>10}" for word in WORDS)
    for problem, counts in found.problems.items():
        yield f"  {problem:{width}}" + "".join(f"{counts[word]:>10,}" for word in WORDS)
    if found.seconds:
        yield f"{found.seconds:,.1f} s of training in {found.stacks:,} stacks"
    for trial, reason in found.crashed[:NAMED]:
        yield f"crashed: trial {trial.index} ({_name(trial)}): {reason}"
    if len(found.crashed) > NAMED:
        yield f"... and {len(found.crashed) - NAMED:,} more crashed trials"
    for damage in found.damage:
        yield f"damaged: {damage}"
    if found.replacement:
        yield (
            f"{found.replacement}: a run with --fresh was begun; at its end it replaces these "
            "results"
        )
    if found.choosing and found.done == found.trials:
        yield "configurations can be chosen now: `bench run` trains them on evaluation seeds"
    if found.round:
        yield from _rounds(found)
    if found.damage:
        yield "`bench run --repair` sets what is damaged aside and trains it again"


def _rounds(found: Status) -> Iterator[str]:
    """How far the rounds of an experiment whose seeds are added until all is decided have come."""
    name, now = f"round {found.round} of seeds until decided", found.standing
    if now is None:
        yield f"{name} is not complete: `bench run` goes on with it"
        return
    yield f"{name} is complete"
    for problem, seeds in now.seeds.items():
        pairs, left = now.pairs[problem], now.undecided[problem]
        told = f"{left:,} of {pairs:,} pairs undecided" if left else f"all {pairs:,} pairs decided"
        if claims := now.claims[problem]:
            told += f", {claims:,} quantities of claims undecided"
        most = ", the most allowed" if left and seeds == found.most else ""
        yield f"  {problem}: {seeds:,} seeds{most}, {told}"
    if now.open:
        yield "`bench run` goes on with the next round"


def plain(found: Status) -> dict[str, Any]:
    """A status in plain values, for JSON."""
    now = found.standing
    return {
        "name": found.name,
        "folder": str(found.folder),
        "trials": found.trials,
        **{word: found.count(word) for word in WORDS},
        "problems": found.problems,
        "training_seconds": found.seconds,
        "crashes": [
            {
                "trial": trial.index,
                "problem": trial.problem_name,
                "optimizer": trial.optimizer,
                "configuration": trial.configuration_index,
                "seed": trial.seed,
                "reason": reason,
            }
            for trial, reason in found.crashed
        ],
        "damage": list(found.damage),
        "replacement": found.replacement or None,
        "round": found.round or None,
        "undecided": dict(now.undecided) if now else None,
    }


def _name(trial: Trial) -> str:
    values = ", ".join(f"{k} {v:g}" for k, v in trial.configuration.hyperparameters.items())
    return f"{trial.problem_name}, {trial.optimizer}, {values}, seed {trial.seed}"
