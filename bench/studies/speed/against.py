"""Whether the core has become slower than at another commit: `bench speed --against COMMIT`.

Both versions train the same workloads on one core, in processes of their own that take turns; what
is compared are ratios of processor time within a round.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SLOWER = 1.15  # times the seconds of the other commit
ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, pathlib, sys
import nncore
from bench.studies.speed import measure
for module in (nncore, measure):
    if pathlib.Path.cwd().resolve() not in pathlib.Path(module.__file__).resolve().parents:
        sys.exit(f"it has no {module.__name__}")
names = json.loads(sys.argv[1])
frame = measure.measure(names, ["core"], rounds=1)
print(json.dumps(dict(zip(frame.workload, frame.microseconds))))
"""


class CommitError(ValueError):
    """There is no such commit here, or what it has cannot be measured."""


class Ratio(NamedTuple):
    """Of a workload: our time over the other commit's, the median round and the two extremes."""

    workload: str
    median: float
    least: float
    most: float

    @property
    def slower(self) -> bool:
        """Whether it takes `SLOWER` times as long."""
        return self.median > SLOWER


def against(
    commit: str,
    names: Sequence[str],
    rounds: int = 3,
    say: Callable[[str], None] = lambda _: None,
) -> list[Ratio]:
    """The ratios of the workloads `names`, in `rounds` rounds, here over `commit`.

    The order changes from round to round: other, ours; ours, other; ... Raises CommitError.
    """
    with _checkout(commit) as other:
        ratios: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds):
            order = [other, ROOT] if number % 2 == 0 else [ROOT, other]
            taken = {place: _measured(place, names) for place in order}
            for name in names:
                ratios[name].append(taken[ROOT][name] / taken[other][name])
            words = ", ".join(f"{name} {ratios[name][-1]:.2f}" for name in names)
            say(f"round {number + 1} of {rounds}: {words}")
    return [
        Ratio(name, sorted(some)[len(some) // 2], min(some), max(some))
        for name, some in ratios.items()
    ]


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    """A folder with the files of `commit`, until it is left."""
    with tempfile.TemporaryDirectory() as folder:
        if commit.startswith("-"):
            raise CommitError(f"{commit}: an option, not a commit")
        command = ["git", "-C", str(ROOT), "archive", commit]
        try:
            archive = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            raise CommitError("git is not installed, and it has the other commit") from None
        if archive.returncode:
            raise CommitError(f"{commit}: {archive.stderr.decode(errors='replace').strip()}")
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def _measured(place: Path, names: Sequence[str]) -> dict[str, float]:
    """Microseconds per trial and step of the version in `place`."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(list(names))],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["it died"])[-1]
        raise CommitError(f"the speed of {place} cannot be measured: {last}")
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def told(ratios: Sequence[Ratio], commit: str) -> str:
    """The ratios in lines, and whether any is above the bound."""
    lines = [
        f"{r.workload}: {r.median:.2f} ({r.least:.2f} to {r.most:.2f}) times the time of {commit}"
        for r in ratios
    ]
    slow = [r.workload for r in ratios if r.slower]
    verdict = f"slower by more than {SLOWER - 1:.0%}: {', '.join(slow)}" if slow else "no slower"
    return "\n".join([*lines, f"{verdict} (bound {SLOWER:g}, processor time, turns on one core)"])
