"""Run the gallery: `python -m bench.studies.gallery [NAME]... [--quick] [--jobs N] [--write]`.

Exit codes: 0 all answers are the expected ones; 1 one is another; 2 a spec has no claims, or one
without an expected answer.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.session import run as session
from bench.spec.experiment import Experiment, load
from bench.store.store import Store
from bench.verdicts.claim_words import evidence
from bench.verdicts.claims import Decided

ROOT = Path(__file__).parents[3]
SPECS = ROOT / "experiments" / "claims"
OUT = Path("results") / "claims"
QUICK = "quick:"  # begins the description of a spec that `--quick` runs too
DOCUMENT = ROOT / "docs" / "claims.md"
BEGIN, END = "<!-- begin: python -m bench.studies.gallery --write -->", "<!-- end -->"


@dataclass(frozen=True)
class Shown:
    """A claim of the gallery, decided; `figure` shows it, `scaled` says what was made smaller."""

    spec: str
    decided: Decided
    figure: Path
    scaled: str

    @property
    def as_expected(self) -> bool:
        """Whether the answer is the one that the spec expects."""
        return self.decided.answer.value == self.decided.claim.expected


def scaled(experiment: Experiment) -> str:
    """What a spec says it has made smaller."""
    return str(experiment.raw.get("description", "")).removeprefix(QUICK).strip()


def reproduce(spec: Path, jobs: int | None) -> list[Shown]:
    """Train a spec anew, draw its claims, and return them; raises SpecError for a wrong one."""
    from bench.report.claim_figures import figures
    from bench.report.claims import decided

    results = session.run(spec, out=OUT / spec.stem, jobs=jobs, fresh=True, report=False)
    experiment = load(spec)
    with Store.read(results.folder) as store:
        paths = figures(results.folder, store, results.manifest)
        found = decided(store, results.manifest)
    told = scaled(experiment)
    return [
        Shown(spec.stem, each, path, told) for each, path in zip(found.decided, paths, strict=True)
    ]


def lines(shown: Shown) -> Iterator[str]:
    """A claim in words: the answer, the claim, the evidence, where it comes from."""
    claim, answer = shown.decided.claim, shown.decided.answer.value
    unlike = "" if shown.as_expected else f", NOT {claim.expected} AS EXPECTED"
    yield f"{shown.spec}, claim {shown.decided.number}: {answer}{unlike}"
    yield f"    {claim.text}"
    yield f"    {evidence(shown.decided)}"
    yield f"    source: {claim.source}"
    yield f"    figure: {shown.figure}"


def markdown(some: Sequence[Shown]) -> Iterator[str]:
    """The gallery's table for docs/claims.md."""
    yield "| spec | claim | source | answer | scaled down |"
    yield "|---|---|---|---|---|"
    before = ""
    for each in some:
        claim = each.decided.claim
        told = "" if each.spec == before else each.scaled
        name = f"`{each.spec}`" if each.spec != before else ""
        before = each.spec
        cells = (name, claim.text, claim.source, each.decided.answer.value, told)
        yield "| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |"


def write(some: Sequence[Shown]) -> None:
    """Put the table into docs/claims.md."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(markdown(some))
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def chosen(names: Sequence[str], *, quick: bool) -> list[Path]:
    """The specs of the gallery with these names, or all, in order; `quick` ones alone."""
    specs = [path for path in sorted(SPECS.glob("*.toml")) if not names or path.stem in names]
    if unknown := set(names) - {path.stem for path in specs}:
        known = ", ".join(path.stem for path in sorted(SPECS.glob("*.toml")))
        raise SystemExit(f"there is no {', '.join(sorted(unknown))} in {SPECS}; known: {known}")
    if not quick:
        return specs
    return [s for s in specs if str(load(s).raw.get("description", "")).startswith(QUICK)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gallery and print its claims; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.studies.gallery")
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="specs of the gallery; default: all"
    )
    parser.add_argument("--jobs", type=int, help="worker processes; default: one a core")
    parser.add_argument("--quick", action="store_true", help="only specs that are marked quick")
    parser.add_argument("--write", action="store_true", help=f"the table into docs/{DOCUMENT.name}")
    options = parser.parse_args(arguments)
    began, found = time.perf_counter(), list[Shown]()
    for spec in chosen(options.names, quick=options.quick):
        mine = reproduce(spec, options.jobs)
        if not mine or any(each.decided.claim.expected is None for each in mine):
            print(f"{spec}: every claim of the gallery has an expected answer", file=sys.stderr)
            return 2
        for each in mine:
            print("\n".join(lines(each)), flush=True)
        found += mine
    unlike = sum(not each.as_expected for each in found)
    seconds = time.perf_counter() - began
    print(f"{len(found)} claims, {unlike} not as expected, {seconds:.0f} s")
    if options.write:
        write(found)
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main())
