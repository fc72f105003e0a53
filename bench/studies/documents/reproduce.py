"""The documents' printed numbers beside ours, compared as text, character by character.

`pages/*.json` holds what each cell printed and how it ran: the rule, the place in the
seeded stream, the arithmetic, the formats. A cell's `run` is trained again (`reruns`) and
every printed line is compared. Document 003 prints before an epoch's update, with the rate of the
update before; a line's `cut` names the field whose end the page cut off, so that only the first
characters of ours are compared.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from bench.studies.documents.reruns import RUNS, Texts
from nncore.text import drawing


@dataclass(frozen=True)
class Mismatch:
    """A printed line that ours differs from, with the fields that differ."""

    document: str
    cell: int
    at: str
    printed: Texts
    ours: Texts

    def __str__(self) -> str:
        fields = [f"{name} {text}, ours {self.ours[name]}" for name, text in self.printed.items()]
        where = f"document {self.document}, cell {self.cell}, {self.at}"
        return f"{where}: printed {'; printed '.join(fields)}"


@dataclass(frozen=True)
class Row:
    """A cell: how many `unit` it printed and which of them differ, in the order of the page."""

    document: str
    cell: int
    what: str
    unit: str
    printed: int
    mismatches: tuple[Mismatch, ...]

    @property
    def matched(self) -> int:
        """How many of the printed lines are ours, too."""
        return self.printed - len(self.mismatches)


@dataclass(frozen=True)
class Reproduction:
    """Every cell of the documents asked for."""

    rows: tuple[Row, ...]

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Those of all rows."""
        return tuple(mismatch for row in self.rows for mismatch in row.mismatches)

    @property
    def totals(self) -> list[str]:
        """A line per document, such as `document 002: 220 of 220 lines, 6 of 6 ...`."""
        counts: dict[str, dict[str, list[int]]] = {}
        for row in sorted(self.rows, key=lambda row: (row.document, row.unit != "lines")):
            count = counts.setdefault(row.document, {}).setdefault(row.unit, [0, 0])
            count[0] += row.matched
            count[1] += row.printed
        return [
            f"document {document}: "
            + ", ".join(f"{matched} of {printed} {u}" for u, (matched, printed) in units.items())
            for document, units in counts.items()
        ]


def load() -> dict[str, dict[str, Any]]:
    """The traces of every document by its number, as `pages` has them."""
    files = resources.files("bench.studies.documents").joinpath("pages").iterdir()
    pages = [json.loads(f.read_text("utf-8")) for f in files if f.name.endswith(".json")]
    return {page["document"]: page for page in sorted(pages, key=lambda page: page["document"])}


def reproduce(
    document: str | None = None, documents: Mapping[str, Mapping[str, Any]] | None = None
) -> Reproduction:
    """Run every cell of `document`, or of all, and compare what it prints with the page.

    `documents` defaults to `load()`. Raises ValueError for a document that has no exact numbers.

    >>> reproduce("001").totals
    ['document 001: 4 of 4 values']
    """
    documents = load() if documents is None else documents
    _keep_freed_memory()
    exact_ones = [name for name, page in documents.items() if page["cells"]]
    if document is not None and document not in exact_ones:
        why = "ran without a seed" if document in documents else "is unknown"
        raise ValueError(f"document {document} {why}; reproducible: {', '.join(exact_ones)}")
    return Reproduction(
        tuple(
            _row(name, cell)
            for name in exact_ones
            if document in (None, name)
            for cell in documents[name]["cells"]
        )
    )


def main(document: str | None = None) -> int:
    """Print the comparison; returns 0 if every line matches, else 1. Raises as `reproduce`."""
    report = reproduce(document)
    console = Console(file=drawing(sys.stdout), highlight=False, soft_wrap=True)
    console.print(table(report))
    for mismatch in report.mismatches:
        console.print(str(mismatch), markup=False)
    for total in report.totals:
        console.print(total)
    return 1 if report.mismatches else 0


def table(report: Reproduction) -> Table:
    """A row per cell: lines printed, lines matched, and where the first mismatch is."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))  # fits 80 columns
    for heading in ("page", "cell", "what", "printed", "matched", "first mismatch"):
        result.add_column(heading, justify="right" if heading in ("printed", "matched") else "left")
    for row in report.rows:
        first = row.mismatches[0].at if row.mismatches else "-"
        counts = str(row.printed), str(row.matched)
        result.add_row(row.document, str(row.cell), row.what, *counts, first)
    return result


def _keep_freed_memory() -> None:
    """Let the allocator keep the memory of arrays that are freed, for those of the next epoch.

    The GNU C library returns it as soon as twice its largest freed block lies unused at the top of
    the heap; faulting it in again takes five of thirteen seconds.
    """
    np.empty(1 << 24, dtype=np.int8)


def _row(document: str, cell: Mapping[str, Any]) -> Row:
    lines = cell["lines"]
    ours = RUNS[cell["run"]["kind"]](cell["run"], [line["at"] for line in lines])
    mismatches = []
    for line, texts in zip(lines, ours, strict=True):
        fields = {name: text for name, text in line.items() if name not in ("at", "cut")}
        wrong = {
            name: text
            for name, text in fields.items()
            if text != (texts[name][: len(text)] if name == line.get("cut") else texts[name])
        }
        if wrong:
            mismatches.append(Mismatch(document, cell["cell"], line["at"], wrong, texts))
    what, unit = cell["what"], cell["unit"]
    return Row(document, cell["cell"], what, unit, len(lines), tuple(mismatches))
