"""Which stacks were found to be the fastest on this machine, remembered beside the results.

A cache: it changes no result, and what is missing, damaged or of another machine is tried again.
Workers know what was brought, and leave what they find, in the scratch folder; their parent alone
reads and writes the results folder.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.store import provenance
from nncore.files import open_plain, write_new
from nncore.stack.costs import LARGEST_STACK
from nncore.values import POSITIVE, TABLE, many, record, row, table_of, whole

FILE = "sizes.json"
FOUND = ".sizes"
# By kind of stack: trials, the block of them that pass at once, seconds of an update of each.
SIZES = table_of(many(row(*[whole(1, LARGEST_STACK)] * 2, POSITIVE)))
FORM = record({"machine": TABLE, "sizes": SIZES})
Known = Mapping[str, Mapping[tuple[int, int], float]]
_left: dict[Path, Known] = {}


def bring(results: Path, scratch: Path) -> None:
    """Lay out for workers what `results` remembers of this machine."""
    if known := _read(results / FILE):
        _write(scratch / FILE, known)


def collect(scratch: Path, results: Path) -> None:
    """Have `results` remember what workers have left."""
    left = sorted(scratch.glob(f"*{FOUND}"))
    if not left:
        return
    before = _read(results / FILE)
    known = {kind: dict(seconds) for kind, seconds in before.items()}
    for path in left:
        for kind, seconds in _read(path).items():
            known.setdefault(kind, {}).update(seconds)
    if known != before:
        _write(results / FILE, known)


def adopt(scratch: Path) -> None:
    """In a worker: know what was brought."""
    from nncore.stack import fitting

    fitting.remember(_read(scratch / FILE))
    _left[scratch] = fitting.known()


def leave(scratch: Path) -> None:
    """In a worker: leave what this process knows, if that is more than it was."""
    from nncore.stack import fitting

    known = fitting.known()
    if known != _left.get(scratch, {}):
        _write(scratch / f"{os.getpid()}{FOUND}", known)
        _left[scratch] = known


@functools.cache
def _machine() -> dict[str, Any]:
    """What the fastest size depends on."""
    return {
        "processor": provenance.processor(),
        "cores": os.cpu_count(),
        "numpy": np.__version__,
        "BLAS": provenance.blas(),
    }


def _read(path: Path) -> Known:
    """What was written on such a machine; nothing where it cannot be read, or is something else."""
    try:
        with open_plain(path, links=False) as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    if FORM.faults(found) or found["machine"] != _machine():
        return {}
    return {
        kind: {(trials, block): seconds for trials, block, seconds in rows}
        for kind, rows in found["sizes"].items()
    }


def _write(path: Path, known: Known) -> None:
    """Write `known` down where there is room for it."""
    sizes = {
        kind: [[*fit, seconds] for fit, seconds in known[kind].items()] for kind in sorted(known)
    }
    with contextlib.suppress(OSError):
        write_new(path, json.dumps({"machine": _machine(), "sizes": sizes}) + "\n")
