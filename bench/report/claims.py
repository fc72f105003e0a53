"""The claims of a folder, decided by what is stored."""

from __future__ import annotations

from bench.plan.manifest import Manifest
from bench.store import beforehand
from bench.store.store import Store
from bench.verdicts.claims import Claims


def decided(store: Store, manifest: Manifest) -> Claims:
    """The claims of `manifest` by what `store` has."""
    if not manifest.claims:
        return Claims()
    from bench.tables.headline import Headlines
    from bench.tables.marks import marks
    from bench.tables.trials import trials_frame
    from bench.verdicts.claims import decide
    from bench.verdicts.evidence import evidence_of

    trials = Headlines.of(manifest).costed(trials_frame(store, manifest))
    evidence = evidence_of(trials, manifest, marks(store, manifest))
    found = decide(manifest.claims, evidence, watched=manifest.until is not None)
    known = beforehand.record_of(store.meta)
    return Claims(found, beforehand.late(known, manifest.claimed))
