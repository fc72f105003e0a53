"""A reproduction in words: what the pages print beside ours, cell by cell. Pure: it only tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.studies.documents import printed
from bench.studies.documents.reproduce import Line, Reproduction, Row

WIDTH = 80  # of a terminal; what does not fit beside each other stands one above the other
CUT = "…"  # where the page ends within a number
MARK = "  <- differs"


def lines(report: Reproduction, documents: Sequence[str], *, every: bool = False) -> Iterator[str]:
    """The numbers of every cell side by side, then what differs and how much matches.

    Of a cell the first line, the last and those that differ; all of them with `every`. What
    `documents` print that ran without a seed is counted.
    """
    for row in report.rows:
        yield from _cell(row, every)
        yield ""
    yield from map(str, report.mismatches)
    yield from report.totals
    for trace in printed.unseeded():
        if trace.document in documents:
            what = trace.problem.replace("_", " ")
            yield (
                f"document {trace.document}: {len(trace.texts)} losses ({what}) were printed "
                "without a seed: its figure has them among ours"
            )


def _cell(row: Row, every: bool) -> Iterator[str]:
    fields = ", ".join(name.replace("_", " ") for name in row.lines[0].printed)
    matched = f"{row.matched} of {row.printed} {row.unit}"
    yield f"document {row.document}, cell {row.cell}: {row.what} ({fields}), {matched}"
    heads = ("", "printed", "ours")
    ends = (row.lines[0], row.lines[-1])
    shown = [line for line in row.lines if every or line.wrong or line in ends]
    texts = [(line.at, *map("  ".join, zip(*_pairs(line), strict=True))) for line in shown]
    wide = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
    beside = 2 + sum(wide) + 2 * 2 + len(MARK) <= WIDTH
    if beside:
        yield _columns(heads, wide)
    last = 0
    for line, text in zip(shown, texts, strict=True):
        place = row.lines.index(line)
        if place > last + 1:
            yield "  ..."
        last = place
        if beside:
            yield _columns(text, wide) + (MARK if line.wrong else "")
        else:
            yield from _stacked(line, wide[0])


def _stacked(line: Line, wide: int) -> Iterator[str]:
    """A line whose numbers are long: ours under what is printed; field by field, where they are."""
    pairs, at = _pairs(line), line.at
    together = tuple(map("  ".join, zip(*pairs, strict=True)))
    for texts in [together] if len(together[0]) <= WIDTH else pairs:
        for head, text in zip(("printed", "ours"), texts, strict=True):
            yield _columns((at, head, text), [wide, len("printed"), 0])
            at = ""
    if line.wrong:
        yield f"  {'':{wide}}{MARK}"


def _columns(texts: Sequence[str], wide: Sequence[int]) -> str:
    padded = (text.ljust(width) for text, width in zip(texts, wide, strict=True))
    return "  " + "  ".join(padded).rstrip()


def _pairs(line: Line) -> list[tuple[str, str]]:
    """Of every printed field: the text of the page, and ours."""
    return [
        (text + CUT * (name == line.cut), line.ours[name]) for name, text in line.printed.items()
    ]
