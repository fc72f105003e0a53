"""Run the study: `python -m bench.studies.validate [--samples N] [--write]`.

What is simulated is kept in `results/validate`, so that a study that was stopped goes on there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from bench.studies.validate import alarms, answers, intervals, problems, watched
from bench.studies.validate.case import Case
from bench.studies.validate.kept import FOLDER, Kept

SIZES = (10, 20, 50)
SAMPLES = 4_000
DOCUMENT = Path(__file__).parents[3] / "docs" / "statistics.md"
BEGIN, END = "<!-- begin: python -m bench.studies.validate --write -->", "<!-- end -->"


def tables(samples: int = SAMPLES, kept: Kept | None = None) -> str:
    """The tables of docs/statistics.md in Markdown, rates in percent; what is `kept` is taken."""
    cases = list(chain(intervals.cases(), alarms.cases(), answers.cases()))
    kept = kept or Kept(None, samples, len(cases) * len(SIZES))
    lines = [
        "| what | method | law | " + " | ".join(f"n = {n}" for n in SIZES) + " |",
        "|---|---|---|" + "--:|" * len(SIZES),
    ]
    for case in cases:
        rates = [kept.of(f"{case.name}, {n}", partial(_rate, case, n, samples))[0] for n in SIZES]
        cells = [f"{100 * rate:.1f} {case.side(rate, samples)}".rstrip() for rate in rates]
        lines.append(f"| {case.estimate} | {case.method} | {case.law} | {' | '.join(cells)} |")
    lines += ["", *over_problems(max(1, samples // 8), kept)]
    lines += ["", *advised(samples, kept), "", *decided(samples // 4, kept)]
    return "\n".join(lines)


def _rate(case: Case, n: int, samples: int) -> Sequence[float]:
    return [case.rate(n, samples)]


def over_problems(samples: int, kept: Kept) -> Iterator[str]:
    """The lines of the table of mean ranks over problems, coverage in percent, width in ranks."""
    sizes = " | ".join(f"{p} problems" for p in problems.PROBLEMS)
    yield f"| mean rank of 5, covers (width) | method | {sizes} |"
    yield "|---|---|" + "--:|" * len(problems.PROBLEMS)
    for law in problems.LAWS:
        for method in problems.METHODS:
            cells = []
            for p in problems.PROBLEMS:
                compute = partial(problems.rates, law, method, p, samples)
                rate, width = kept.of(f"over problems, {law}, {method}, {p}", compute)
                cells.append(f"{100 * rate:.1f} ({width:.2f})")
            yield f"| {law} | {method} | {' | '.join(cells)} |"


def advised(samples: int, kept: Kept) -> Iterator[str]:
    """The lines of the table of advice, rates in percent."""
    yield (
        f"| difference, one of {alarms.ASKED} pairs | seeds it takes | power | "
        f"range given after {alarms.SEEN} | range given, and wrong |"
    )
    yield "|---|--:|--:|--:|--:|"
    for name in alarms.DIFFERENCES:
        seeds, *rates = kept.of(f"advice, {name}", partial(_advice, name, samples))
        yield f"| {name} | {seeds:.0f} | {' | '.join(f'{100 * rate:.1f}' for rate in rates)} |"


def _advice(name: str, samples: int) -> Sequence[float]:
    one = alarms.advice(name, samples)
    return one.seeds, one.power, one.given, one.wrong


def decided(experiments: int, kept: Kept) -> Iterator[str]:
    """The lines of the table of seeds until decided, rates in percent."""
    yield "| seeds until decided | false decisions | seeds needed | decided | decided by 200 |"
    yield "|---|--:|--:|--:|--:|"
    for family in watched.FAMILIES:
        name = f"until decided, {family.name}"
        shares = kept.of(name, partial(watched.shares, family, experiments))
        yield f"| {family.name} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.studies.validate", description=main.__doc__
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples per number")
    parser.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    options = parser.parse_args(arguments)
    if not options.write:
        print(tables(options.samples))
        return
    numbers = len(SIZES) * len([*intervals.cases(), *alarms.cases(), *answers.cases()])
    numbers += len(problems.LAWS) * len(problems.METHODS) * len(problems.PROBLEMS)
    numbers += len(alarms.DIFFERENCES) + len(watched.FAMILIES)
    found = tables(options.samples, Kept(FOLDER / "statistics.jsonl", options.samples, numbers))
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n\n{found}\n\n{END}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
