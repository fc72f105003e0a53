"""What an epoch of training takes, rule by rule: measured apart from any trial.

A property of problem and rule, in what wraps it, alone: all rules update the same arrays of as many
trials, in turns, so that whatever else the machine does meets all of them alike. Seconds are a
processor's: while the system lets others work, they stand still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nncore.rules import rules
from nncore.stack.costs import stack_size
from nncore.stack.training import Training, keep_freed_memory
from nncore.stack.updates import Updates
from nncore.trial import JOINED, Configuration, Problem
from nncore.wrappers import wrappers

ROUNDS = 9  # with 9, the second lowest and the second highest enclose the median with 96%
SLICE_SECONDS = 0.008  # of a rule's turn, or one update where that takes longer
# As many trials side by side for every rule, as few as of one with two buffers.
MODEL = "adam"

Clock = Callable[[], float]


def epoch_seconds(
    problem: Problem,
    names: Sequence[str],
    *,
    rounds: int = ROUNDS,
    trials: int | None = None,
    progress: Callable[[], None] = lambda: None,
    clock: Clock = time.process_time,
) -> NDArray[np.float64]:
    """Seconds per trial and epoch of the rules `names`, in every round: `(len(names), rounds)`.

    A name is as `Configuration` has it: `adam`, or `adam + lookahead` with its wrappers. A turn
    takes about `SLICE_SECONDS` and at least one update; an epoch of more updates than fit is taken
    to go on at that pace. Rules and wrappers have their defaults, no schedule and no clipping, and
    every turn begins at the untrained networks. Records are no part of it: they cost all rules the
    same. `trials` are side by side, by default as many as suit the problem; `progress` is called
    after every turn. Raises whatever a rule raises.
    """
    keep_freed_memory()
    count = trials or stack_size(problem, MODEL)
    with np.errstate(all="ignore"):
        turns = _Turns(problem, names, count, clock)
        sizes = []
        for k in range(len(names)):
            sizes.append(turns.size(k))
            progress()
        found = np.empty((len(names), rounds))
        for r in range(rounds):
            for k, size in enumerate(sizes):
                found[k, r] = turns.take(k, size)
                progress()
    return found


def _usual(name: str) -> Configuration:
    """The configuration of that name with the defaults of all its parts."""
    rule, *around = name.split(JOINED)
    chain = [{"name": each, **wrappers[each].parameters} for each in around]
    return Configuration(rule, rules[rule].hyperparameters, {"wrap": chain} if chain else {})


class _Turns:
    """One stack, and the updates of every rule on it."""

    def __init__(self, problem: Problem, names: Sequence[str], trials: int, clock: Clock) -> None:
        configurations = [_usual(name) for name in names]
        self.clock = clock
        problem = replace(problem, epochs=1, record_every=1)  # room for no more records
        # A rule that evaluates batches by itself needs a stack on which it can.
        first = max(configurations, key=lambda each: each.evaluates)
        self.stack = Training(problem, [first] * trials, [0] * trials, [])
        self.start = self.stack.w.copy()
        self.per_epoch = len(self.stack.batches)
        self.updates = [
            Updates(
                rules[each.rule],
                [each] * len(self.stack.rows),
                self.stack.network.parameters,
                self.per_epoch,
                self.stack.layout,
                self.stack.w,
                self.stack.g,
                seeds=[0] * len(self.stack.rows),
                oracle=self.stack.oracle if each.evaluates else None,
            )
            for each in configurations
        ]

    def size(self, k: int) -> int:
        """Updates of rule `k` that fit into a turn; the first, which prepares much, is not one."""
        self.take(k, 1)
        epoch = self.take(k, 1) * len(self.stack.rows)
        return max(1, int(SLICE_SECONDS * self.per_epoch / max(epoch, 1e-9)))

    def take(self, k: int, size: int) -> float:
        """Seconds per trial and epoch of rule `k`, at the pace of `size` updates."""
        epochs, some = max(1, size // self.per_epoch), min(size, self.per_epoch)
        self.stack.w[:] = self.start
        shuffling = stepping = 0.0
        for _ in range(epochs):
            began = self.clock()
            self.stack.data.shuffle()
            shuffled = self.clock()
            for calls in self.stack.batches[:some]:
                for call in calls:
                    call()
                self.updates[k].step()
            shuffling += shuffled - began
            stepping += self.clock() - shuffled
        each = shuffling + stepping * self.per_epoch / some
        return each / (epochs * len(self.stack.rows))
