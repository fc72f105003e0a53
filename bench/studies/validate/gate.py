"""How often the gate cries wolf: results compared with themselves on fresh noise.

`python -m bench.studies.validate.gate [--samples N] [--write]` prints the table of docs/gate.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from bench.gate import check
from bench.gate.baseline import Baseline, line
from bench.gate.curves import Curves
from bench.stats.arrays import Array
from bench.studies.validate.laws import LAWS, Law
from nncore.trial import Configuration, Problem

CONFIGURATIONS = 15
SAMPLES = 4_000
SIZES = (10, 20, 50)
DOCUMENT = Path(__file__).parents[3] / "docs" / "gate.md"
BEGIN, END = "<!-- begin: python -m bench.studies.validate.gate --write -->", "<!-- end -->"
PROBLEM = Problem(
    dataset={"name": "none"},
    layers=(),
    initializer={"name": "none"},
    loss="none",
    shuffle=False,
    epochs=1,
    record_every=1,
)
# Losses are positive: laws of any sign are those of their logarithms.
NOISE: dict[str, Law] = {
    "losses within 5%": lambda u: np.exp(0.05 * ndtri(u)),
    "log-normal, over decades": LAWS["log-normal, over decades"],
    "48% stuck": lambda u: np.exp(LAWS["48% stuck"](u)),
    "10% diverged": LAWS["10% diverged"],
    "40% diverged": LAWS["40% diverged"],
}


def curves(losses: Array, number: int) -> Curves:
    """Configuration `number` with final losses `(n,)`."""
    rows = np.stack([np.ones(len(losses)), losses], axis=1)
    return Curves(
        problem_name="problem",
        optimizer=f"optimizer {number}",
        problem=PROBLEM,
        configuration=Configuration("sgd", {"learning_rate": float(number + 1)}),
        configuration_index=number,
        random=True,
        seeds=tuple(range(len(losses))),
        epochs=np.array([0, 1]),
        losses=rows,
        diverged=np.isinf(losses),
    )


def rates(law: Law, n: int, samples: int, margin: float) -> dict[str, float]:
    """How often the gate says each word of `CONFIGURATIONS` configurations that did not change."""
    rng = np.random.default_rng([n, samples])
    counts: dict[str, int] = {}
    for _ in range(samples):
        old, new = law(rng.random((2, CONFIGURATIONS, n)))
        before = Baseline("none", {}, tuple(line(curves(x, i), 1) for i, x in enumerate(old)))
        found = check.check(before, [curves(x, i) for i, x in enumerate(new)], margin=margin)
        counts[found.word] = counts.get(found.word, 0) + 1
    return {word: count / samples for word, count in counts.items()}


def table(samples: int = SAMPLES) -> Iterator[str]:
    """The lines of the table, in percent."""
    yield "| noise | margin | " + " | ".join(f"n = {n}" for n in SIZES) + " |"
    yield "|---|--:|" + "---|" * len(SIZES)
    for name, law in NOISE.items():
        for margin in (1e-6, 0.1) if name == "losses within 5%" else (1e-6,):
            cells = [_cell(rates(law, n, samples, margin)) for n in SIZES]
            yield f"| {name} | {margin:.0%} | {' | '.join(cells)} |"


def _cell(found: dict[str, float]) -> str:
    worse, unsure = (100 * found.get(word, 0.0) for word in ("worse", "cannot tell"))
    return f"{worse:.2f} ({unsure:.0f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or write it into the document."""
    parser = argparse.ArgumentParser(prog="python -m bench.studies.validate.gate")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples per number")
    parser.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    options: Any = parser.parse_args(arguments)
    found = "\n".join(table(options.samples))
    if not options.write:
        print(found)
        return
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{found}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
