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
STEPS, TURNS = 10, 3
LONG = 1.0  # seconds of a turn after which there is no further one
OURS = ("sgd", "adam", "lbfgs")


class Bowl:
    """An oracle: half the squared distance from 0."""

    def __call__(self, rows: Sequence[int], points: Any) -> tuple[Any, Any]:
        return np.square(points, dtype=np.float64).sum(axis=1) / 2, points


def microseconds(name: str) -> float:
    """What a step of the rule takes, of each trial: the lowest of some turns."""
    rule = rules[name]
    network = Architecture.of(LAYERS, INPUTS)
    rng = np.random.default_rng(0)
    w = rng.standard_normal((TRIALS, network.size)).astype(np.float32)
    g = np.empty_like(w)
    row = Configuration(name, rule.hyperparameters)
    seeds = list(range(TRIALS))
    steps = STEPS * (TURNS + 1)
    updates = Updates(
        rule,
        [row] * TRIALS,
        network.parameters,
        steps,
        TrialFirst(),
        w,
        g,
        seeds=seeds,
        oracle=Bowl(),
    )
    found = []
    while len(found) < 2 or (len(found) <= TURNS and sum(found[1:]) < LONG):
        began = time.process_time()
        for _ in range(STEPS):
            g[:] = w
            updates.step()
        found.append(time.process_time() - began)
    # The first one compiles.
    return min(found[1:]) / STEPS / TRIALS * 1e6


def line(name: str) -> tuple[bool, str]:
    """Whether a rule runs, and its line of the table: what a step costs, or why there is none."""
    try:
        why = fault(replace(rules[name], options={}))
    except RefusedError as error:
        why = str(error)
    told = why.removeprefix(name).removeprefix(" cannot run here: ").strip()
    cost = "" if why else f"{microseconds(name):.3g}"
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
    head = f"{runs} of {len(found)} run ({version}).\n\n| rule | us | why not |\n|---|--:|---|"
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
