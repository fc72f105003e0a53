"""How often the gate cries wolf, on fresh noise, and how often it sees what is worse everywhere.

`python -m bench.studies.validate.gate [--samples N] [--write]` prints the tables of docs/gate.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
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
COMMAND = "python -m bench.studies.validate.gate --write"
END = "<!-- end -->"
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


# Losses before `(15, n)` -> what they are now.
Change = Callable[[Array, np.random.Generator], Array]


def _larger(by: float, noise: float) -> Change:
    return lambda old, rng: by * old * np.exp(noise * rng.standard_normal(old.shape))


def _without(old: Array, runs: int) -> Array:
    """With the first `runs` of all configurations lost, seed by seed."""
    new = old.copy()
    new.T.flat[:runs] = np.inf
    return new


CHANGES: dict[str, Change] = {
    "all losses 15% larger, under noise of 10%": _larger(1.15, 0.1),
    "all losses 30% larger, under noise of 25%": _larger(1.3, 0.25),
    "a tenth of all runs lost": lambda old, rng: _without(old, old.size // 10),
    "one run lost": lambda old, rng: _without(old, 1),
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


def power(change: Change, n: int, samples: int) -> tuple[float, float]:
    """How often some configuration by itself is found worse, and how often the gate says so."""
    rng = np.random.default_rng([n, samples])
    alone = seen = 0
    for _ in range(samples):
        old = np.exp(0.3 * rng.standard_normal((CONFIGURATIONS, n)))
        before = Baseline("none", {}, tuple(line(curves(x, i), 1) for i, x in enumerate(old)))
        found = check.check(before, [curves(x, i) for i, x in enumerate(change(old, rng))])
        alone += any(one.word == "worse" for one in found.findings)
        seen += found.word == "worse"
    return alone / samples, seen / samples


def alarms(samples: int = SAMPLES) -> Iterator[str]:
    """The lines of the table of false alarms, in percent."""
    yield "| noise | margin | " + " | ".join(f"n = {n}" for n in SIZES) + " |"
    yield "|---|--:|" + "---|" * len(SIZES)
    for name, law in NOISE.items():
        for margin in (1e-6, 0.1) if name == "losses within 5%" else (1e-6,):
            cells = [_cell(rates(law, n, samples, margin)) for n in SIZES]
            yield f"| {name} | {margin:.0%} | {' | '.join(cells)} |"


def powers(samples: int = SAMPLES // 10) -> Iterator[str]:
    """The lines of the table of what is seen, in percent: one by one, and in all."""
    yield "| what is worse | " + " | ".join(f"n = {n}" for n in SIZES) + " |"
    yield "|---|" + "---|" * len(SIZES)
    for name, change in CHANGES.items():
        found = [power(change, n, samples) for n in SIZES]
        cells = [f"{100 * alone:.0f}, {100 * seen:.0f}" for alone, seen in found]
        yield f"| {name} | {' | '.join(cells)} |"


def _cell(found: dict[str, float]) -> str:
    worse, unsure = (100 * found.get(word, 0.0) for word in ("worse", "cannot tell"))
    return f"{worse:.2f} ({unsure:.0f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(prog="python -m bench.studies.validate.gate")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples per number")
    parser.add_argument("--write", action="store_true", help=f"into docs/{DOCUMENT.name}")
    options: Any = parser.parse_args(arguments)
    tables = {
        "false alarms": "\n".join(alarms(options.samples)),
        "power": "\n".join(powers(max(1, options.samples // 10))),
    }
    if not options.write:
        print("\n\n".join(tables.values()))
        return
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, found in tables.items():
        begin = f"<!-- begin: {COMMAND}, {name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{found}\n\n{END}{rest.partition(END)[2]}"
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
