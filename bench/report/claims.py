"""The claims of a folder, decided by what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.manifest import Manifest
from bench.store import beforehand
from bench.store.store import Store
from bench.verdicts.claims import Claims

if TYPE_CHECKING:
    import pandas as pd


def decided(store: Store, manifest: Manifest, trials: pd.DataFrame | None = None) -> Claims:
    """The claims of `manifest` by what `store` has; `trials` with their costs, if at hand."""
    if not manifest.claims:
        return Claims()
    from bench.tables.headline import Headlines
    from bench.tables.marks import marks
    from bench.tables.trials import trials_frame
    from bench.verdicts.claims import decide
    from bench.verdicts.evidence import evidence_of

    if trials is None:
        trials = Headlines.of(manifest).costed(trials_frame(store, manifest))
    evidence = evidence_of(trials, manifest, marks(store, manifest))
    found = decide(manifest.claims, evidence, watched=manifest.until is not None)
    known = beforehand.record_of(store.meta)
    return Claims(found, beforehand.late(known, manifest.claimed))
