"""The table of docs/bridges.md: which optimizers of other packages run here, and what each costs.

`python tools/bridges.py` writes it, with the packages that are installed where it runs; those that
are not keep the lines they have. Minutes.
"""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from nncore.layers import Architecture
from nncore.registry import RefusedError
from nncore.rehearsal import fault
from nncore.rules import bridges, rules
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bridges.md"
# Whose optimizers: modules, each with a part of the page between marks of its name.
MODULES = ("torch.optim", "optax", "pytorch_optimizer")
TRIALS, LAYERS, INPUTS = 8, ("dense 64", "relu", "dense 3"), 2
STEPS, TURNS = 10, 11
LONG = 3.0  # seconds after which there is no further turn
OURS = ("sgd", "adam", "lbfgs")
# The rule of ours beside which the others are measured, turn by turn; more often, for it is quick.
BESIDE, TIMES = "adam", 3


class Bowl:
    """An oracle: half the squared distance from 0."""

    def __call__(self, rows: Sequence[int], points: Any) -> tuple[Any, Any]:
        return np.square(points, dtype=np.float64).sum(axis=1) / 2, points


class Steps:
    """The steps of a rule, on a stack of its own."""

    def __init__(self, name: str) -> None:
        network = Architecture.of(LAYERS, INPUTS)
        self._w = np.random.default_rng(0).standard_normal((TRIALS, network.size)).astype("f4")
        self._g = np.empty_like(self._w)
        rule = rules[name]
        self._updates = Updates(
            rule,
            [Configuration(name, rule.hyperparameters)] * TRIALS,
            network.parameters,
            STEPS * (TURNS + 1),
            TrialFirst(),
            self._w,
            self._g,
            seeds=list(range(TRIALS)),
            oracle=Bowl(),
        )
        self.turn()  # compiles, and makes what is made once

    def turn(self) -> float:
        """Microseconds of the processor's that a step takes, of each trial, in some steps."""
        began = time.process_time()
        for _ in range(STEPS):
            self._g[:] = self._w
            self._updates.step()
        return (time.process_time() - began) / STEPS / TRIALS * 1e6


def microseconds(name: str) -> float:
    """What a step takes, of each trial: the lowest of some turns."""
    steps = Steps(name)
    return min(steps.turn() for _ in range(TURNS * TIMES))


def price(name: str) -> float:
    """What a step costs beside one of ours: the lowest of some turns of each, taken in turns."""
    steps, ours = Steps(name), Steps(BESIDE)
    mine, beside = [], []
    began = time.process_time()
    while not mine or (len(mine) < TURNS and time.process_time() - began < LONG):
        mine.append(steps.turn())
        beside += [ours.turn() for _ in range(TIMES)]
    return min(mine) / min(beside)


def line(name: str) -> tuple[bool, str]:
    """Whether a rule runs, and its line of the table: what a step costs, or why there is none."""
    try:
        why = fault(replace(rules[name], options={}))
    except RefusedError as error:
        why = str(error)
    told = why.removeprefix(name).removeprefix(" cannot run here: ").strip()
    cost = "" if why else f"{float(f'{price(name):.2g}'):g}"
    return not why, f"| `{name}` | {cost} | {short(told)} |"


def short(text: str) -> str:
    """A reason that fits into a cell."""
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= 160 else f"{text[:157]}..."


def section(module: str) -> str:
    """The table of a module's optimizers."""
    found = []
    for name in bridges.names(module):
        found.append(line(f"{module}:{name}"))
        print(found[-1][1], file=sys.stderr, flush=True)
    version = rules[f"{module}:{bridges.names(module)[0]}"].package
    runs = sum(good for good, _ in found)
    head = (
        f"{runs} of {len(found)} run ({version}).\n\n| rule | x {BESIDE} | why not |\n|---|--:|---|"
    )
    return "\n".join([head, *(text for _, text in found)])


def main() -> None:
    """Write the tables of what is installed."""
    for module in MODULES:
        try:
            metadata.version(module.partition(".")[0].replace("_", "-"))
        except metadata.PackageNotFoundError:
            continue
        table = section(module)
        rewrite(rf"(<!-- {re.escape(module)} -->\n).*?(<!-- end -->)", f"{table}\n")
    ours = ", ".join(f"`{name}` {microseconds(name):.3g}" for name in OURS)
    rewrite(r"(<!-- ours -->).*?(<!-- end -->)", ours)


def rewrite(pattern: str, text: str) -> None:
    """Write a text between two marks of the page."""
    page = PAGE.read_text()
    PAGE.write_text(
        re.sub(pattern, lambda found: f"{found[1]}{text}{found[2]}", page, flags=re.DOTALL)
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    main()
