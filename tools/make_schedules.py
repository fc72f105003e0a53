"""Factors of PyTorch's schedulers, stored as the tests' data.

In the environment of tools/requirements-trajectories.txt, from the project's folder:

    python -m tools.make_schedules

writes tests/references/trajectories/schedules.json: for each case the name and parameters of the
project's schedule and the rates of PyTorch's, over 40 updates at a rate of 1.
"""

from __future__ import annotations

import json
import random
from typing import Any

import torch
from torch.optim import lr_scheduler

from tests.references.registry import FOLDER

TOTAL = 40
PATH = FOLDER / "schedules.json"


def rates(make: Any, losses: list[float] | None = None, rate: float = 1.0) -> list[float]:
    """The rate of every update; of every epoch, with `losses`."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], rate)
    scheduler = make(optimizer)
    found = []
    for t in range(TOTAL):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([losses[t]] if losses else []))
    return found


def main() -> None:
    """Write every case."""
    noise = random.Random(3)
    losses = [1.0 + max(0.0, 10 - t) / 10 + 0.02 * noise.random() for t in range(TOTAL)]
    patient = {"factor": 0.3, "patience": 2, "threshold": 1e-3, "cooldown": 3, "end": 0.02}
    cases = [
        ("constant", {}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0), None),
        ("exponential", {"factor": 0.9, "every": 1}, lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        ("step", {"factor": 0.3, "every": 7}, lambda o: lr_scheduler.StepLR(o, 7, 0.3)),
        (
            "piecewise",
            {"boundaries": [5, 20, 33], "factors": [0.1, 0.01, 0.001]},
            lambda o: lr_scheduler.MultiStepLR(o, [5, 20, 33], 0.1),
        ),
        (
            "polynomial",
            {"power": 1.7},
            lambda o: lr_scheduler.PolynomialLR(o, total_iters=TOTAL, power=1.7),
        ),
        ("linear", {"end": 0.1}, lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=TOTAL)),
        ("cosine", {"end": 0.05}, lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, 0.05)),
        (
            "cosine",
            {"restarts": 3},
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=TOTAL // 4),
        ),
        (
            # 5 + 10 + 20 updates, the fourth cycle cut off: with 3 restarts, 75 updates in all.
            "cosine",
            {"restarts": 3, "growth": 2, "total": 75},
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2),
        ),
        (
            # Its last update is the end itself, its peak an update earlier: one update more.
            "one_cycle",
            {"peak": 0.3, "start": 1 / 25, "end": 1 / 25e4},
            lambda o: lr_scheduler.OneCycleLR(
                o,
                max_lr=1.0,
                total_steps=TOTAL + 1,
                pct_start=(0.3 * TOTAL + 1) / (TOTAL + 1),
                cycle_momentum=False,
            ),
        ),
        (
            "inverse_sqrt",
            {"scale": 4, "warmup": 3},
            lambda o: lr_scheduler.LambdaLR(
                o, lambda t: 2 * min((t + 1) ** -0.5, (t + 1) * 4**-1.5)
            ),
        ),
        (
            "warmup_stable_decay",
            {"warmup": 4, "cooldown": 10},
            lambda o: lr_scheduler.SequentialLR(
                o,
                [
                    lr_scheduler.LinearLR(o, 1 / 5, 1.0, total_iters=4),
                    lr_scheduler.ConstantLR(o, 1.0),
                    lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=10),
                ],
                [4, TOTAL - 10],
            ),
        ),
        (
            "plateau",
            patient,
            lambda o: lr_scheduler.ReduceLROnPlateau(
                o, factor=0.3, patience=2, threshold=1e-3, cooldown=3, min_lr=0.02, eps=0.0
            ),
            losses,
        ),
    ]
    stored = []
    for name, parameters, make, *watched in cases:
        parameters = dict(parameters)
        total = parameters.pop("total", TOTAL)
        seen = watched[0] if watched else None
        case = {"schedule": name, "parameters": parameters, "total": total}
        stored.append({**case, "losses": seen, "rates": rates(make, seen)})
    text = json.dumps({"made_by": f"torch {torch.__version__}", "cases": stored}, indent=1)
    PATH.write_text(text.replace("\n    ", " ").replace("\n   ]", " ]") + "\n")


if __name__ == "__main__":
    main()
