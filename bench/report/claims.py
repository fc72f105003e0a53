"""The claims of a folder, decided by what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.plan.manifest import Manifest
from bench.store import beforehand
from bench.store.store import Store
from bench.verdicts.claims import Claims

if TYPE_CHECKING:
    import pandas as pd

PAGE = "claim"


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


def figures(folder: Path, store: Store, manifest: Manifest) -> list[Path]:
    """Draw the figures of the claims alone, in their order; returns the files."""
    from bench.figures import pages, style
    from bench.report.write import material_of
    from bench.tables.bundle import Tables

    material = material_of(store, manifest, Tables.of(store, manifest))
    [page] = [each for each in pages.of(()) if each.name == PAGE]
    (folder / "figures").mkdir(exist_ok=True)
    found = []
    for key in page.when(material):
        with style.applied():
            path = folder / "figures" / f"{'_'.join([PAGE, *key])}.png"
            found.append(style.save(page.function(material, *key), path))
    return found
