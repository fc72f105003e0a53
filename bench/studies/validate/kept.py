"""Numbers of a study as they are simulated: kept in a file, so that it goes on where it stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy

from bench.run.progress import Pace

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "results" / "validate"
# What the numbers hang on beside their names and the number of samples.
SOURCES = ("bench/stats", "bench/studies/validate", "bench/verdicts", "bench/gate")
SPEC = ROOT / "experiments" / "optimizers.toml"


def code() -> str:
    """A SHA-256 of what computes the numbers: sources, the shape of the experiment, libraries."""
    found = hashlib.sha256(f"{np.__version__} {scipy.__version__}".encode())
    for path in [*(p for s in SOURCES for p in sorted((ROOT / s).rglob("*.py"))), SPEC]:
        found.update(path.read_bytes())
    return found.hexdigest()


class Kept:
    """Numbers by name, of one code and number of samples; others in the file count for nothing.

    A line is added to `path` as soon as its numbers are there; without a path nothing is kept.
    `say` gets how far it is of about `count` names.
    """

    def __init__(
        self,
        path: Path | None,
        samples: int,
        count: int = 0,
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
    ) -> None:
        self._path, self._mine = path, {"code": code(), "samples": samples}
        self._pace, self._count, self._done = Pace("numbers", say), count, 0
        self._known = dict(self._lines())

    def _lines(self) -> Iterator[tuple[str, list[float]]]:
        """Names and numbers of earlier lines; one that was cut short is none."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                if all(entry[key] == value for key, value in self._mine.items()):
                    yield str(entry["name"]), [float(number) for number in entry["numbers"]]

    def of(self, name: str, compute: Callable[[], Sequence[float]]) -> list[float]:
        """The numbers of this name: those that are kept, or what `compute` returns."""
        if name not in self._known:
            self._known[name] = [float(number) for number in compute()]
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                entry = {**self._mine, "name": name, "numbers": self._known[name]}
                cut = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
                with open(self._path, "a", encoding="utf-8") as file:
                    # On a line of its own, also after one that was cut short.
                    file.write("\n" * cut + json.dumps(entry) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
        self._done += 1
        self._pace.at(self._done, max(self._count, self._done))
        return self._known[name]
