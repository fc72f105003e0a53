"""Everything of the page in its order, as one text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.figures.material import Material
from bench.page import content as contents
from bench.page import library, sections
from bench.page.document import asset, document
from bench.page.markup import element
from bench.plan.manifest import Manifest
from bench.store.store import Store

SCRIPTS = ("data", "state", "figures", "kinds", "plots", "tables", "page")
# Nothing may be loaded from anywhere: the page is all there is.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


def page(
    store: Store,
    manifest: Manifest,
    material: Material,
    tables: Mapping[str, pd.DataFrame],
    picture: bytes | None = None,
) -> str:
    """`report.html`: `material` is what it shows, `tables` those of the report by name.

    `picture` is the ranking as a PNG. The same stored results give the same text. What two runs of
    one spec need not have in common stands in two of its lines, those with the ids `clock` and
    `machine`. Raises LibraryError where plotly.js is not installed.
    """
    found = contents.content(store, manifest, material, tables)
    definitions = {name: problem.content for name, problem in manifest.problems.items()}
    meta = store.meta
    body = [
        sections.header(manifest, material),
        sections.navigation(material.problems),
        '<div id="controls" hidden></div>',
        "<main>",
        sections.verdicts(material, picture, found.left_out),
        *[
            sections.problem(material, i, definitions[name])
            for i, name in enumerate(material.problems)
        ],
        sections.tables(),
        sections.audit(material),
        sections.made(manifest),
        sections.machine(
            _table(meta.get("environment")), _table(meta.get("fingerprint")), material.tables.costs
        ),
        "</main>",
        '<p id="status" role="status" class="hidden"></p>',
    ]
    data = {"plotly": library.script(), **found.blobs}
    return document(
        f"{manifest.name}: a comparison of optimizers",
        [
            *body,
            *[
                f'<script type="text/plain" id="data-{name}">{blob}</script>'
                for name, blob in data.items()
            ],
            element(
                "script", '"use strict";(()=>{\n', *[asset(f"{n}.js") for n in SCRIPTS], "})();"
            ),
        ],
        policy=POLICY,
        generator=f"bench; plotly.js of plotly {library.version()}",
    )


def _table(value: Any) -> Mapping[str, Any]:
    """A table of what is stored, which may be anything."""
    return value if isinstance(value, Mapping) else {}
