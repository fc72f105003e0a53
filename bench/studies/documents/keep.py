"""Results that the harness does not store: computed side by side, each kept in a file of its own.

A file says what computed it (the core's code, NumPy, the task's code and arguments), so it is used
again while all of that is the same, and computed again when anything changes.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from bench.run.pool import ending_workers
from bench.store import provenance
from bench.studies.documents import reruns
from nncore.streams import canonical

Arrays = dict[str, NDArray[Any]]
STAMP = "stamp"


def gather(
    folder: Path, tasks: Mapping[str, partial[Arrays]], jobs: int | None
) -> dict[str, Arrays]:
    """Every task's arrays by its name; those not kept in `folder` are computed in `jobs` processes.

    A task is a partial of a module's function with plain arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamps = {name: stamp(task) for name, task in tasks.items()}
    found = {name: _read(folder / f"{name}.npz", stamps[name]) for name in tasks}
    missing = [name for name, arrays in found.items() if arrays is None]
    loky = joblib.parallel_config(backend="loky", n_jobs=jobs or -1, inner_max_num_threads=1)
    if missing:
        with ending_workers(), loky:
            joblib.Parallel()(
                joblib.delayed(_compute)(folder / f"{name}.npz", stamps[name], tasks[name])
                for name in missing
            )
    found |= {name: _read(folder / f"{name}.npz", stamps[name]) for name in missing}
    return {name: arrays for name, arrays in found.items() if arrays is not None}


def stamp(task: partial[Arrays]) -> str:
    """A SHA-256 of everything that a task's result depends on."""
    sources = [Path(inspect.getfile(task.func)), Path(reruns.__file__)]
    code = [provenance.code_digest(path.read_bytes()) for path in sources]
    what = [task.func.__name__, repr(task.args), repr(task.keywords)]
    return hashlib.sha256(canonical([what, code, provenance.fingerprint()]).encode()).hexdigest()


def _compute(path: Path, mark: str, task: partial[Arrays]) -> None:
    arrays: dict[str, Any] = {**task(), STAMP: np.array(mark)}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path, mark: str) -> Arrays | None:
    try:
        with open(path, "rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in stored}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return arrays if str(arrays.pop(STAMP, "")) == mark else None
