"""The runs that tell where variance comes from, of what the store has."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.plan.manifest import Manifest
from bench.plan.variance import VARIANCE, Design, from_json
from bench.store.store import Store
from bench.tables.headline import COST, Headlines
from bench.tables.trials import trials_frame

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Twins:
    """What the runs of a design are worth: `costs` as its keys `(n, 1 + m)`.

    The worst cost is a diverged run's, NaN that of a run without an outcome. `diverged` and
    `crashed` are true for such runs.
    """

    design: Design
    costs: Array
    diverged: NDArray[np.bool_]
    crashed: NDArray[np.bool_]


def twins_of(store: Store, manifest: Manifest) -> tuple[Twins, ...]:
    """Those of every design that a folder has, as far as it is of the trials as they are now."""
    headlines = Headlines.of(manifest)
    base = {(s.problem_name, s.configuration_index): s[-1] for s in manifest.plan.spans}
    found = []
    for design in from_json(store.meta.get(VARIANCE, []), manifest):
        like = dataclasses.replace(base[design.problem, design.configuration], targets=())
        keys = list(dict.fromkeys(key for row in design.keys for key in row))
        runs = tuple(dataclasses.replace(like, key=key) for key in keys)
        asked = dataclasses.replace(manifest, trials=runs, targets={}, tuning=None)
        frame = headlines.costed(trials_frame(store, asked)).set_index("key")
        frame = frame[["status", COST]].reindex([key for row in design.keys for key in row])
        status, shape = frame["status"].to_numpy(), (len(design.keys), len(design.keys[0]))
        found.append(
            Twins(
                design,
                frame[COST].where(status != "crashed").to_numpy(dtype=float).reshape(shape),
                (status == "diverged").reshape(shape),
                (status == "crashed").reshape(shape),
            )
        )
    return tuple(found)
