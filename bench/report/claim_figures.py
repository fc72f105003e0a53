"""The figures of claims alone, without the rest of a report."""

from __future__ import annotations

from pathlib import Path

from bench.plan.manifest import Manifest
from bench.store.store import Store

PAGE = "claim"


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
