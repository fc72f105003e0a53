"""The core against the documents' loop and installed peers: `python -m bench speed`.

Everything is measured in one run, on one core, contenders taking turns; a figure is the median over
the rounds, of processor time, so that other programs' turns do not count. What a microsecond is
worth still differs from one moment to the next on a shared machine: compare ratios.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from bench.store import provenance
from bench.studies.speed import peers
from bench.studies.speed.workloads import Workload, workloads
from nncore.rules import rules
from nncore.stack.costs import LARGEST, cache_bytes, stack_size
from nncore.text import drawing
from nncore.trial import Configuration

if TYPE_CHECKING:
    import pandas as pd

OUT = Path("results/speed")


class Contender(NamedTuple):
    """Who trains, the module it needs, and the stack sizes it may choose from (0: the core's)."""

    train: peers.Contender
    module: str
    trials: Mapping[str, Sequence[int]] | int


SIZES = {"spiral": (1, 2, 4, 8), "mini-batches": (1, 4, 8, 16), "per-sample": (64, 256, 1024)}
CONTENDERS = {
    "documents' loop": Contender(peers.documents_loop, "numpy", 1),
    "core, alone": Contender(peers.core, "numpy", 1),
    "core": Contender(peers.core, "numpy", 0),
    "PyTorch": Contender(peers.torch_loop, "torch", 1),
    "PyTorch, batched": Contender(peers.torch_batched, "torch", SIZES),
    "JAX": Contender(peers.jax_scan, "jax", SIZES),
    "scikit-learn": Contender(peers.scikit_learn, "sklearn", 1),
}
# The core's time over the contender's, at most.
TARGETS = {
    ("spiral", "documents' loop"): 1 / 8,
    ("spiral", "PyTorch"): 1 / 10,
    ("spiral", "JAX"): 0.60,
    ("mini-batches", "documents' loop"): 1 / 5,
    ("mini-batches", "JAX"): 0.85,
    ("per-sample", "documents' loop"): 1 / 300,
    ("per-sample", "JAX"): 0.85,
}


@contextmanager
def pinned() -> Iterator[None]:
    """One core and one thread for everything inside, where the system can do it."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if affinity:
        os.sched_setaffinity(0, {max(affinity)})
    try:
        with threadpool_limits(1):
            yield
    finally:
        if affinity:
            os.sched_setaffinity(0, affinity)


def measure(
    names: Sequence[str] | None = None, contenders: Sequence[str] | None = None, rounds: int = 5
) -> pd.DataFrame:
    """Microseconds per trial and step of each contender on each workload; all of them by default.

    Columns: workload, contender, trials, microseconds (median), fastest, slowest, ratio (the core's
    median over this one), target (the ratio aimed at, or empty), loss (median of the final training
    losses). Contenders that cannot be imported are left out.
    """
    import pandas as pd

    chosen = [c for c in contenders or CONTENDERS if importlib.util.find_spec(CONTENDERS[c].module)]
    rows = []
    with pinned():
        for name in names or workloads():
            workload = workloads()[name]
            runs = {c: prepared(workload, CONTENDERS[c]) for c in chosen}
            seconds, losses = take_turns({c: run for c, (run, _) in runs.items()}, rounds)
            for c, (_, trials) in runs.items():
                times = np.array(seconds[c]) / trials / workload.steps * 1e6
                rows.append(
                    {
                        "workload": name,
                        "contender": c,
                        "trials": trials,
                        "microseconds": np.median(times),
                        "fastest": times.min(),
                        "slowest": times.max(),
                        "target": TARGETS.get((name, c), np.nan),
                        "loss": float(np.median(losses[c])),
                    }
                )
    frame = pd.DataFrame(rows)
    core = frame[frame.contender == "core"].set_index("workload").microseconds
    frame.insert(6, "ratio", frame.workload.map(core) / frame.microseconds)
    return frame


def prepared(workload: Workload, contender: Contender) -> tuple[peers.Run, int]:
    """What to run, and its number of trials: of several, the fastest per trial in one try each."""
    if isinstance(contender.trials, int):
        trials = contender.trials or stack_size(
            workload.problem, workload.configuration.rule, (), LARGEST
        )
        return contender.train(workload, trials), trials
    tried = []
    for trials in contender.trials[workload.name]:
        run = contender.train(workload, trials)
        tried.append((_seconds(run) / trials, trials, run))
    _, trials, run = min(tried, key=lambda t: t[0])
    return run, trials


def _seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def take_turns(
    runs: Mapping[str, peers.Run], rounds: int
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of processor time of every run in every round, and what it returned last."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    returned = {}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            returned[name] = run()
            times[name].append(time.process_time() - start)
    return times, returned


def rule_costs(names: Sequence[str] | None = None, rounds: int = 3) -> pd.DataFrame:
    """The price of a step of every rule on the workloads, relative to sgd's.

    Columns: workload, rule, trials, microseconds (median per trial and step), relative (median over
    the rounds of the rule's time over sgd's in the same round).
    """
    import pandas as pd

    rows = []
    with pinned():
        for name in names or workloads():
            workload = workloads()[name]
            epochs = max(1, workload.problem.epochs // 40)
            problem = replace(workload.problem, epochs=epochs, record_every=epochs)
            runs, sizes = {}, {}
            for rule, entry in rules.items():
                own = {**entry.hyperparameters, "learning_rate": 1e-4}
                sizes[rule] = stack_size(problem, rule)
                short = Workload(name, problem, Configuration(rule, own))
                runs[rule] = peers.core(short, sizes[rule])
            times, _ = take_turns(runs, rounds)
            each = {rule: np.array(times[rule]) / sizes[rule] for rule in runs}
            for rule in runs:
                rows.append(
                    {
                        "workload": name,
                        "rule": rule,
                        "trials": sizes[rule],
                        "microseconds": np.median(each[rule]) / short.steps * 1e6,
                        "relative": np.median(each[rule] / each["sgd"]),
                    }
                )
    return pd.DataFrame(rows)


def stored_rule_costs(folder: Path = OUT) -> pd.DataFrame | None:
    """What `rule_costs` found when `bench speed` ran last; None if it has not."""
    import pandas as pd

    path = folder / "rules.csv"
    return pd.read_csv(path) if path.exists() else None


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cache, NumPy, BLAS, versions of the peers."""
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, Any] = {
        "processor": provenance.processor(),
        "second-level cache": f"{cache_bytes() >> 10} KiB",
        "vectors": provenance.vectors(),
        "BLAS": provenance.blas(),
    }
    if os.environ.get("OPENBLAS_CORETYPE"):
        found["OPENBLAS_CORETYPE"] = os.environ["OPENBLAS_CORETYPE"]
    for package in ("numpy", "torch", "jax", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def machine_told() -> str:
    """The machine in a line."""
    return ", ".join(f"{key}: {value}" for key, value in machine().items() if value)


def main(
    out: Path | str = OUT,
    *,
    names: Sequence[str] | None = None,
    contenders: Sequence[str] | None = None,
    rounds: int = 5,
    costs: bool = True,
) -> int:
    """Measure, print tables, and store `speed.csv`, `rules.csv` and `machine.json` in `out`.

    Raises OSError when `out` cannot be written.
    """
    import pandas as pd
    from rich.console import Console

    out, console = Path(out), Console(file=drawing(sys.stdout))
    out.mkdir(parents=True, exist_ok=True)
    described = machine()
    console.print(machine_told())
    (out / "machine.json").write_text(json.dumps(described, indent=2) + "\n")
    frames = []
    for name in names or workloads():
        frames.append(measure([name], contenders, rounds))
        pd.concat(frames).to_csv(out / "speed.csv", index=False)
        title = f"{name}: microseconds per trial and step; ratio: the core's over this one's"
        columns = ["contender", "trials", "microseconds", "ratio", "target", "loss"]
        console.print(_table(frames[-1][columns], title))
    if costs:
        prices = rule_costs(names)
        prices.to_csv(out / "rules.csv", index=False)
        wide = prices.pivot(index="rule", columns="workload", values="relative")
        console.print(_table(wide.reset_index(), "A step's price by rule, sgd = 1"))
    console.print(f"stored in {out}")
    return 0


def _table(frame: pd.DataFrame, title: str) -> Any:
    """A rich table of `frame`: three significant digits, nothing for NaN."""
    from pandas.api.types import is_numeric_dtype
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in frame.columns:
        numbers = is_numeric_dtype(frame[column])
        table.add_column(str(column), justify="right" if numbers else "left")
    for row in frame.itertuples(index=False):
        table.add_row(
            *("" if v != v else f"{v:.3g}" if isinstance(v, float) else str(v) for v in row)
        )
    return table
