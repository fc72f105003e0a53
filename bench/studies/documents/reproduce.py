"""The documents' printed numbers beside ours, compared as text, character by character.

`pages/*.json` holds what each cell printed and how it ran: the rule, the place in the
seeded stream, the arithmetic, the formats. A cell's `run` is trained again (`reruns`) and
every printed line is compared. Document 003 prints before an epoch's update, with the rate of the
update before; a line's `cut` names the field whose end the page cut off, so that only the first
characters of ours are compared. `told` has the comparison in words, `compared` in figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from bench.studies.documents.reruns import RUNS, Texts


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
class Line:
    """A printed line and ours at the same place; `cut` names a field whose end the page cut off."""

    at: str
    printed: Texts
    ours: Texts
    cut: str = ""

    @property
    def wrong(self) -> Texts:
        """The printed fields that ours differ from, compared as far as the page goes."""
        return {
            name: text
            for name, text in self.printed.items()
            if text != (self.ours[name][: len(text)] if name == self.cut else self.ours[name])
        }


@dataclass(frozen=True)
class Row:
    """A cell, what it `run`s, and its lines of a `unit`, in the order of the page."""

    document: str
    cell: int
    what: str
    unit: str
    run: Mapping[str, Any]
    lines: tuple[Line, ...]

    @property
    def printed(self) -> int:
        """How many lines the page prints."""
        return len(self.lines)

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """The lines that differ."""
        return tuple(
            Mismatch(self.document, self.cell, line.at, line.wrong, line.ours)
            for line in self.lines
            if line.wrong
        )

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

    `documents` defaults to `load()`. Documents that ran without a seed have no cell that can come
    out. Raises ValueError for an unknown document.

    >>> reproduce("001").totals
    ['document 001: 4 of 4 values']
    """
    documents = load() if documents is None else documents
    _keep_freed_memory()
    if document is not None and document not in documents:
        raise ValueError(f"document {document} is unknown; there are {', '.join(documents)}")
    return Reproduction(
        tuple(
            _row(name, cell)
            for name, page in documents.items()
            if document in (None, name)
            for cell in page["cells"]
        )
    )


def _keep_freed_memory() -> None:
    """Let the allocator keep the memory of arrays that are freed, for those of the next epoch.

    The GNU C library returns it as soon as twice its largest freed block lies unused at the top of
    the heap; faulting it in again takes five of thirteen seconds.
    """
    np.empty(1 << 24, dtype=np.int8)


def _row(document: str, cell: Mapping[str, Any]) -> Row:
    lines = cell["lines"]
    ours = RUNS[cell["run"]["kind"]](cell["run"], [line["at"] for line in lines])
    compared = []
    for line, texts in zip(lines, ours, strict=True):
        printed = {name: text for name, text in line.items() if name not in ("at", "cut")}
        compared.append(Line(line["at"], printed, texts, line.get("cut", "")))
    return Row(document, cell["cell"], cell["what"], cell["unit"], cell["run"], tuple(compared))
