"""How many trials make a stack, and roughly how long they take: from the problem alone.

Nothing here changes a result. The constants are nanoseconds measured on one core of one machine;
they only have to be right within a factor of two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nncore import datasets
from nncore.layers import Architecture
from nncore.rules import Rule, rules
from nncore.stack.layouts import TrialLast, choose
from nncore.streams import canonical
from nncore.wrappers import Wrapper, wrappers

if TYPE_CHECKING:
    from nncore.trial import Problem

LARGEST_STACK = 2048
# In second-level caches: between these, some size of a stack is the fastest.
SMALLEST, LARGEST = 0.25, 4.0
# Nanoseconds per product term, activation, parameter and call, by BLAS and in rows of trials.
BLAS = (0.03, 0.5, 2.0, 3000.0)
ROWS = (0.2, 1.0, 2.0, 30.0)
# Nanoseconds of calls that a stack's trials share: of an update, more for every buffer of its rule,
# and of a record.
CALLS, CALLS_PER_BUFFER, CALLS_PER_RECORD = 20e3, 10e3, 150e3
# Nanoseconds of an update, of each trial, where rules take trials one by one: as a textbook has
# them, of PyTorch, of optax.
TEXTBOOK, PYTORCH, OPTAX = 30e3, 200e3, 5e3
# Evaluations of a batch beside the update's own: where a rule asks for a gradient elsewhere, where
# it searches along a line, and where it makes many steps of one, as PyTorch's L-BFGS.
ELSEWHERE, SEARCHED, ITERATED = 1.0, 2.0, 20.0


@cache
def cache_bytes() -> int:
    """Size of a core's second-level cache in bytes; 1 MiB where the system does not say."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text.rstrip("KM")) * {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
    except (OSError, ValueError):
        return 1 << 20


@lru_cache(maxsize=256)
def _sizes(dataset: str, layers: tuple[str, ...]) -> tuple[int, Architecture]:
    X = datasets.draw(json.loads(dataset), 0)["train"].X
    return len(X), Architecture.of(layers, X.shape[1])


def sizes(problem: Problem) -> tuple[int, int, Architecture]:
    """Samples of the training part and of a batch, and the network."""
    samples, network = _sizes(canonical(dict(problem.dataset)), problem.layers)
    return samples, min(problem.batch_size or samples, samples), network


def updates_per_epoch(problem: Problem) -> int:
    """Batches of the training part, the last of which may be smaller."""
    samples, batch, _ = sizes(problem)
    return -(-samples // batch)


def stack_size(problem: Problem, rule: str, wraps: Sequence[str] = (), caches: float = 1.0) -> int:
    """Trials whose arrays fill so many second-level caches, 1 to 2048.

    One cache is a fair size for a stack: smaller ones pay calls, larger ones the way to memory.
    Which size is the best is found by trying (`nncore.stack.fitting`).
    """
    _, batch, network = sizes(problem)
    state = (4 + _buffers(rule, wraps)) * network.size
    touched = (2 * network.cells + network.features + 2) * batch + state
    bytes_per_trial = touched * np.dtype(problem.dtype).itemsize
    return int(min(LARGEST_STACK, max(1, caches * cache_bytes() // bytes_per_trial)))


def step_cost(problem: Problem, rule: str, wraps: Sequence[str] = ()) -> float:
    """Seconds per trial and epoch of training, records included, beside the `shared_cost`."""
    samples, batch, network = sizes(problem)
    parameters, cells = network.size, network.cells
    layout = choose(network, batch)
    product, element, parameter, call = ROWS if isinstance(layout, TrialLast) else BLAS
    steps = updates_per_epoch(problem)
    passes = 1 + _buffers(rule, wraps) / 2
    train = 3 * product * parameters * samples + element * cells * samples
    train *= 1 + sum(map(_elsewhere, _pieces(rule, wraps)))
    train += steps * (parameter * passes * parameters / 2 + call)
    record = 3 * (product * parameters + element * cells) * samples + call
    width = np.dtype(problem.dtype).itemsize / 4
    own = steps * _one_by_one(rules[rule])
    return float(((train + record / problem.record_every) * width + own) * 1e-9)


def shared_cost(problem: Problem, rule: str, wraps: Sequence[str] = ()) -> float:
    """Seconds per epoch of a stack, however many trials are in it."""
    update = CALLS + CALLS_PER_BUFFER * _buffers(rule, wraps)
    calls = updates_per_epoch(problem) * update + CALLS_PER_RECORD / problem.record_every
    return calls * 1e-9


def worthwhile(problem: Problem, rule: str, wraps: Sequence[str] = ()) -> int:
    """Trials, 1 at least, beside which what they share costs an eighth of what each has itself."""
    return max(1, round(8 * shared_cost(problem, rule, wraps) / step_cost(problem, rule, wraps)))


def _pieces(rule: str, wraps: Sequence[str]) -> list[Rule | Wrapper]:
    return [rules[rule], *(wrappers[name] for name in wraps)]


def _buffers(rule: str, wraps: Sequence[str]) -> int:
    return sum(len(piece.buffers) for piece in _pieces(rule, wraps))


def _elsewhere(piece: Rule | Wrapper) -> float:
    """About how many evaluations an update makes beside its own."""
    if not piece.evaluates:
        return 0.0
    if isinstance(piece, Rule) and piece.package:
        return ITERATED if "gradient" in piece.needs else ELSEWHERE
    return SEARCHED if "loss" in piece.needs else ELSEWHERE


def _one_by_one(rule: Rule) -> float:
    """Nanoseconds of an update beyond arithmetic on arrays."""
    if rule.per == "trial":
        return PYTORCH if rule.package else TEXTBOOK
    return OPTAX if rule.package else 0.0
