"""How many trials make a stack, and roughly how long they take: from the problem alone.

Nothing here changes a result. The constants are nanoseconds measured on one core of one machine;
they only have to be right within a factor of two.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nncore import datasets
from nncore.layers import shapes
from nncore.rules import rules
from nncore.stack.layouts import TrialLast, choose
from nncore.streams import canonical

if TYPE_CHECKING:
    from nncore.trial import Problem

LARGEST_STACK = 2048
# Nanoseconds per product term, activation, parameter and call, by BLAS and in rows of trials.
BLAS = (0.03, 0.5, 2.0, 3000.0)
ROWS = (0.2, 1.0, 2.0, 30.0)


@cache
def cache_bytes() -> int:
    """Size of a core's second-level cache in bytes; 1 MiB where the system does not say."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text.rstrip("KM")) * {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
    except (OSError, ValueError):
        return 1 << 20


@lru_cache(maxsize=256)
def _sizes(dataset: str, layers: tuple[str, ...]) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Samples of the training part, and the layers' shapes."""
    X = datasets.draw(json.loads(dataset), 0)["train"].X
    return len(X), tuple(shapes(layers, X.shape[1]))


def sizes(problem: Problem) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Samples of the training part, and (inputs, outputs) of every dense layer."""
    return _sizes(canonical(dict(problem.dataset)), problem.layers)


def _terms(problem: Problem) -> tuple[int, int, int, int, int]:
    samples, layer_shapes = sizes(problem)
    batch = min(problem.batch_size or samples, samples)
    parameters = sum((i + 1) * o for i, o in layer_shapes)
    activations = sum(o for _, o in layer_shapes)
    return samples, batch, parameters, activations, layer_shapes[0][0]


def stack_size(problem: Problem, rule: str) -> int:
    """Trials per stack: enough to share the price of calls, few enough for the caches; 1 to 2048.

    The best size is flat: from two to six times the second-level cache, a step costs the same
    within a tenth. Smaller stacks pay calls, larger ones the way to memory.
    """
    _, batch, parameters, activations, features = _terms(problem)
    state = (4 + len(rules[rule].buffers)) * parameters
    touched = (2 * activations + features + 2) * batch + state
    bytes_per_trial = touched * np.dtype(problem.dtype).itemsize
    return int(min(LARGEST_STACK, max(1, 4 * cache_bytes() // bytes_per_trial)))


def step_cost(problem: Problem, rule: str) -> float:
    """Seconds per trial and epoch of training, records included."""
    samples, batch, parameters, activations, _ = _terms(problem)
    layout = choose(sizes(problem)[1], batch)
    product, element, parameter, call = ROWS if isinstance(layout, TrialLast) else BLAS
    steps = -(-samples // batch)
    passes = 1 + len(rules[rule].buffers) / 2
    train = 3 * product * parameters * samples + element * activations * samples
    train += steps * (parameter * passes * parameters / 2 + call)
    record = 3 * (product * parameters + element * activations) * samples + call
    width = np.dtype(problem.dtype).itemsize / 4
    return float((train + record / problem.record_every) * width * 1e-9)
