"""Metrics of single epochs, where claims name them: `epoch_10_train_loss`, `initial_train_loss`."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from bench.plan.manifest import Manifest
from bench.spec.claims import Claim, column_of
from bench.spec.formulas import formula
from bench.store.store import Store
from bench.tables.records import curve_chunks

EPOCH = "epoch_"


def asked(claims: Collection[Claim]) -> dict[str, tuple[int, str]]:
    """The single records that claims name: by name their epoch and column."""
    found = {}
    for claim in claims:
        for name in formula(claim.metric).names if claim.metric else ():
            kind, column = column_of(name) or ("", "")
            if kind.startswith(EPOCH):
                found[f"{kind}_{column}"] = int(kind.removeprefix(EPOCH)), column
    return found


def marks(store: Store, manifest: Manifest) -> pd.DataFrame:
    """A row per trial, by its number, and a column per record that the claims name.

    Empty where they name none; trials without that record have NaN.
    """
    wanted, plan = asked(manifest.claims), manifest.plan
    found = pd.DataFrame(np.nan, plan.indexes if wanted else [], list(wanted))
    if not wanted:
        return found
    values = {name: np.full(len(plan), np.nan) for name in wanted}
    for chunk in curve_chunks(store, plan, manifest.columns):
        for name, (epoch, column) in wanted.items():
            here = np.flatnonzero(chunk.epochs == epoch)
            if column in chunk.metrics and len(here):
                record = chunk.values[:, chunk.metrics.index(column), here[0]]
                values[name][chunk.positions] = record
    return found.assign(**values)
