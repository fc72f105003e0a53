"""Run the study: `python -m bench.studies.validate [--samples N] [--write]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from bench.studies.validate import alarms, answers, intervals

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
    for case in chain(intervals.cases(), alarms.cases(), answers.cases()):
        rates = [case.rate(n, samples) for n in SIZES]
        cells = [f"{100 * rate:.1f} {case.side(rate, samples)}".rstrip() for rate in rates]
        lines.append(f"| {case.estimate} | {case.method} | {case.law} | {' | '.join(cells)} |")
    lines += ["", "| difference | seeds advised | power |", "|---|--:|--:|"]
    lines += [f"| {law} | {n} | {100 * p:.1f} |" for law, n, p in alarms.powers(samples)]
    return "\n".join(lines)


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
