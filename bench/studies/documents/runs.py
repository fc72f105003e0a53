"""The specs of the documents, run by the harness, and their curves as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.run.progress import Progress
from bench.session.results import Results
from bench.session.run import run as run_experiment
from bench.spec import shipped
from bench.spec.experiment import Experiment, load

Array = NDArray[np.float64]
Overrides = Mapping[str, Sequence[str]]
NAMES = (
    "000_blobs",
    "001_people",
    "004_log_linear",
    "004_as_printed",
    "003_spiral",
    "003_slips",
)


def run(
    out: Path,
    *,
    jobs: int | None = None,
    overrides: Overrides | None = None,
    fresh: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Results]:
    """Every spec's results by its name, in folders of `out`; what is stored is not trained again.

    `overrides` are as on the command line, by the name of the spec. Raises as `bench.run` does.
    """
    found = {}
    for name in NAMES:
        say(f"{name}:")
        found[name] = run_experiment(
            path(name),
            out=out / name,
            jobs=jobs,
            overrides=(overrides or {}).get(name, ()),
            fresh=fresh,
            progress=lambda todo: Progress.of(todo.stacks, todo.jobs),
        )
    return found


def path(name: str) -> Path:
    """Where the spec `name` is."""
    return shipped.find(f"{shipped.MARK}documents/{name}")


def experiment(name: str, overrides: Overrides | None = None) -> Experiment:
    """The spec `name` as `run` reads it."""
    return load(path(name), (overrides or {}).get(name, ()))


def curves(results: Results, problem: str, optimizer: str, metric: str) -> tuple[Array, Array]:
    """Recorded epochs `(R,)` and the metric of every seed `(S, R)`, in the order of seeds.

    A diverged trial's losses are infinite from there on. Raises ValueError when trials are missing
    or have crashed.
    """
    trials = results.trials
    mine = trials[(trials["problem"] == problem) & (trials["optimizer"] == optimizer)]
    if not len(mine) or (mine["status"] == "crashed").any():
        raise ValueError(f"{results.folder}: {problem}, {optimizer}: trials are missing or crashed")
    mine = mine.sort_values("seed")
    rows = results.curves.set_index("trial").loc[mine["trial"]]
    values = rows[metric].to_numpy(dtype=float).reshape(len(mine), -1)
    return rows["epoch"].to_numpy(dtype=float).reshape(len(mine), -1)[0], values


def at(records: NDArray[np.int64], epochs: Array, values: Array) -> Array:
    """The columns of `values` (S, R) at the records wanted; raises ValueError where one is none."""
    places = np.searchsorted(epochs, records)
    if (places >= len(epochs)).any() or (
        epochs[np.minimum(places, len(epochs) - 1)] != records
    ).any():
        raise ValueError(f"no record at some of the epochs {records.tolist()}")
    return values[:, places]


def final(results: Results, problem: str, optimizer: str, metric: str = "train_loss") -> Array:
    """The last record's metric of every seed `(S,)`, in their order.

    A loss that ended finite is that number, however large; one that did not is infinite.
    """
    return curves(results, problem, optimizer, metric)[1][:, -1]
