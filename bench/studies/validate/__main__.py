"""Run the study: `python -m bench.studies.validate [--samples N] [--write]`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from bench.studies.validate import alarms, answers, claims, intervals, watched

SIZES = (10, 20, 50)
SAMPLES = 4_000
DOCUMENT = Path(__file__).parents[3] / "docs" / "statistics.md"
BEGIN, END = "<!-- begin: python -m bench.studies.validate --write -->", "<!-- end -->"


def tables(samples: int = SAMPLES) -> str:
    """The tables of docs/statistics.md in Markdown, rates in percent."""
    lines = [
        "| what | method | law | " + " | ".join(f"n = {n}" for n in SIZES) + " |",
        "|---|---|---|" + "--:|" * len(SIZES),
    ]
    for case in chain(intervals.cases(), alarms.cases(), answers.cases(), claims.cases()):
        rates = [case.rate(n, samples) for n in SIZES]
        cells = [f"{100 * rate:.1f} {case.side(rate, samples)}".rstrip() for rate in rates]
        lines.append(f"| {case.estimate} | {case.method} | {case.law} | {' | '.join(cells)} |")
    lines += ["", *advised(samples), "", *decided(samples // 4)]
    return "\n".join(lines)


def advised(samples: int) -> Iterator[str]:
    """The lines of the table of advice, rates in percent."""
    yield (
        f"| difference, one of {alarms.ASKED} pairs | seeds it takes | power | "
        f"range given after {alarms.SEEN} | range given, and wrong |"
    )
    yield "|---|--:|--:|--:|--:|"
    for one in alarms.advice(samples):
        cells = (f"{100 * rate:.1f}" for rate in (one.power, one.given, one.wrong))
        yield f"| {one.law} | {one.seeds} | {' | '.join(cells)} |"


def decided(experiments: int) -> Iterator[str]:
    """The lines of the table of seeds until decided, rates in percent."""
    yield "| seeds until decided | false decisions | seeds needed | decided | decided by 200 |"
    yield "|---|--:|--:|--:|--:|"
    for name, *shares in watched.rows(experiments):
        yield f"| {name} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.studies.validate", description=main.__doc__
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples per number")
    parser.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    options = parser.parse_args(arguments)
    found = tables(options.samples)
    if not options.write:
        print(found)
        return
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n\n{found}\n\n{END}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
