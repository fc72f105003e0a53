"""Training a stack: trials of one problem and one rule, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore import datasets, initializers, instruments  # noqa: F401  (they register)
from nncore.layers import Architecture
from nncore.metrics import LOSS, TRAIN_LOSS, applicable, columns, metrics, recorded
from nncore.rules import rules
from nncore.stack.arrivals import Arrivals
from nncore.stack.evaluation import Evaluation
from nncore.stack.layouts import Call, Layout, choose
from nncore.stack.oracle import BatchOracle
from nncore.stack.passes import Passes
from nncore.stack.probe import Gradients, StackProbe
from nncore.stack.samples import Data, orders
from nncore.stack.updates import Updates
from nncore.trial import (
    RUNAWAY,
    Configuration,
    Outcome,
    Problem,
    Seeds,
    Target,
    recorded_epochs,
    runaway,
)

Array = NDArray[Any]


# Parameters are checked at every record and at least after so many updates.
CHECK_UPDATES = 32


Drawn = Mapping[str, datasets.Part]
"""The parts of the data of one seed, as narrow as they are trained on."""


def nothing() -> None:
    """Note no progress."""


def train(
    problem: Problem,
    configurations: Sequence[Configuration],
    seeds: Sequence[int | Seeds],
    names: Sequence[str] | None = None,
    *,
    targets: Sequence[Target] = (),
    progress: Callable[[], None] = nothing,
) -> list[Outcome]:
    """Train one stack: trial i has `configurations[i]` and `seeds[i]`; all of one rule.

    A trial has one seed for all that it draws, or a seed for each of its streams.
    `names` are the metrics to record beside the loss, by default the built-in ones; those that say
    nothing about the problem are left out. `targets` are looked at after every epoch until they are
    reached. What is recorded or looked at changes nothing else. An outcome does not depend on the
    other trials of the stack, bit for bit. `progress` is called after each update and each seed's
    data. Raises ValueError when network, loss and data do not fit together, or a metric returns
    what is none.
    """
    with quietly():
        own = [Seeds.of(seed) for seed in seeds]
        drawn = draw(problem, own, {}, progress)
        return Training(problem, configurations, own, names, targets, progress, drawn).run()


@contextmanager
def quietly() -> Iterator[None]:
    """How trainings run: numbers may leave their range, and freed memory is kept."""
    keep_freed_memory()
    with np.errstate(all="ignore"):
        yield


def draw(
    problem: Problem,
    seeds: Sequence[Seeds],
    known: Mapping[int, Drawn],
    progress: Callable[[], None] = nothing,
) -> dict[int, Drawn]:
    """The data of trials with these seeds, by their seed; those `known` already are not drawn."""
    found = {}
    for seed in dict.fromkeys(own.data for own in seeds):
        # As narrow as it is trained on: of wide data, this is most of what a process holds.
        found[seed] = known.get(seed) or {
            name: part._replace(X=part.X.astype(problem.dtype, copy=False))
            for name, part in datasets.draw(problem.dataset, seed).items()
        }
        progress()
    return found


def keep_freed_memory() -> None:
    """Let the C library keep what rules free, up to 32 MB, instead of returning it page by page.

    glibc takes the size of the largest block freed so far as the one below which memory is worth
    keeping. Without this, new pages for the temporaries of a rule cost five times its arithmetic.
    """
    block = np.empty(1 << 24, np.uint8)
    del block


class Training:
    """The trials of one `train`: arrays, updates, and what is recorded of them.

    Updates are made of all trials at once, passes of at most `block`, by default of all: what a
    pass leaves is read while it is in the caches.
    """

    def __init__(
        self,
        problem: Problem,
        configurations: Sequence[Configuration],
        seeds: Sequence[int | Seeds],
        names: Sequence[str] | None = None,
        targets: Sequence[Target] = (),
        progress: Callable[[], None] = nothing,
        drawn: Mapping[int, Drawn] | None = None,
        block: int | None = None,
    ) -> None:
        self.problem, self.configurations = problem, configurations
        self.seeds = [Seeds.of(seed) for seed in seeds]
        self.progress, self._block = progress, block
        self.loss = datasets.loss_of(problem.loss, problem.dataset)
        self.epochs = recorded_epochs(problem.epochs, problem.record_every)
        self.drawn = drawn or draw(problem, self.seeds, {}, progress)
        first = self.drawn[self.seeds[0].data]
        some = first["train"].X
        self.network = Architecture.of(problem.layers, some.shape[1])
        self.batch = min(problem.batch_size or len(some), len(some))
        self.layout: Layout = choose(self.network, self.batch)
        self.updates_per_epoch = -(-len(some) // self.batch)

        asked = recorded() if names is None else [metrics[name] for name in names]
        some_metrics = applicable(asked, self.loss)
        self.metrics = [m for m in some_metrics if not m.on_training]
        self.instruments = [m for m in some_metrics if m.on_training]
        parts = list(first)
        self.columns = columns([m.quantity for m in some_metrics], parts)
        seen = columns([m.quantity for m in self.metrics], parts)
        self.losses = columns([metrics[LOSS].quantity], parts)
        self.curves = {
            name: np.full((len(seeds), len(self.epochs)), quantity.worst)
            for name, quantity in self.columns.items()
        }
        self.evaluations = np.zeros((len(seeds), len(self.epochs)), np.int64)
        self.arrivals = Arrivals(targets, seen, self.loss, len(seeds))
        self.ended: list[tuple[int, str] | None] = [None] * len(seeds)
        initial = {
            seed: initializers.draw(problem.initializer, self.network.parameters, seed)
            for seed in dict.fromkeys(own.start for own in self.seeds)
        }
        order = None
        if problem.shuffle and self.batch < len(some):
            order = orders([own.order for own in self.seeds], len(some))
        self._allocate(list(range(len(seeds))), order)
        self.initial = initial
        self.w[:] = np.stack([initial[self.seeds[i].start] for i in self.rows])
        self.before = np.array(self.w)
        self.seen = np.zeros(len(self.rows))

    def _allocate(self, rows: list[int], order: Mapping[int, Generator] | None) -> None:
        """Arrays for the trials `rows`; padding repeats a trial, and its results are not kept."""
        self.kept = len(rows)
        self.rows = rows + rows[:1] * (self.layout.least - len(rows))
        dtype, trials = np.dtype(self.problem.dtype), len(self.rows)
        self.blocks = self.layout.blocks(trials, self._block or trials)
        seeds = [self.seeds[i] for i in self.rows]
        self.w = self.layout.empty(dtype, trials, self.network.size)
        self.g = self.layout.empty(dtype, trials, self.network.size)
        self.data = Data(
            self.layout,
            self.drawn,
            [own.data for own in seeds],
            self.loss,
            self.network.outputs,
            dtype,
            self.batch,
            order,
            [own.order for own in seeds],
        )
        rule = rules[self.configurations[0].rule]
        self.oracle = None
        if self.configurations[0].evaluates:
            self.oracle = BatchOracle(self.layout, self.network, self.loss, dtype)
        self.updates = Updates(
            rule,
            [self.configurations[i] for i in self.rows],
            self.network.parameters,
            self.updates_per_epoch * self.problem.epochs,
            self.layout,
            self.w,
            self.g,
            seeds=[own.rule for own in seeds],
            oracle=self.oracle,
        )
        self.evaluate = Evaluation(
            self.layout,
            self.network,
            self.loss,
            self.metrics,
            self.data.parts,
            self.updates.evaluated,
            self.blocks,
        )
        self.gradients = None
        if self.instruments:
            train = self.data.parts["train"]
            self.gradients = Gradients(self.layout, self.network, self.loss, train, self.batch)
        # In full batch an update begins with the outputs of the network as it is.
        outputs = len(self.data.batches) == 1 and self.updates.evaluated is self.w
        self.arrivals.follow(rows, self.w, outputs=outputs)
        self._bind()

    def _bind(self) -> None:
        """The calls of one epoch: a list per batch, block of trials after block.

        In full batch, outputs are looked at in passing, if anything is to be seen: of all trials at
        once, or calls on a few would cost as much as a layer.
        """
        passes: dict[tuple[int, int], Passes] = {}
        whole = len(self.data.batches) == 1 and self.arrivals.passing
        several = len(self.blocks) > 1
        self.batches: list[list[Call]] = []
        for samples, gather in self.data.batches:
            calls, self.last_look = list(gather), []
            size = samples.x.shape[2]
            kept = size if whole and several else 0
            outputs = np.empty((len(self.rows), self.network.outputs, kept), self.w.dtype)
            for rows in self.blocks:
                x, Y = samples.x[rows], samples.Y[rows]
                key = size, rows.start
                if key not in passes:
                    some = self.w[rows], self.g[rows], self.loss, passes.get((size, 0))
                    passes[key] = Passes(self.layout, self.network, size, *some)
                p = passes[key].outputs
                then: list[Call] = []
                if self.updates.plateau.watches:
                    then.append(partial(self._watch, rows, p, Y))
                if whole:
                    see = partial(self._keep, outputs[rows]) if several else self._look
                    then.append(partial(see, p))
                forward, backward = passes[key].bind(x, Y)
                calls += forward + then + backward
                self.last_look += (forward + then) * whole
            if whole and several:
                look = partial(self._look, outputs)
                calls.append(look)
                self.last_look.append(look)
            if self.oracle is not None:
                calls.append(partial(self.oracle.see, samples))
            self.batches.append(calls)

    def _keep(self, outputs: Array, p: Array) -> None:
        """Keep a block's outputs, where they are to be looked at."""
        if self.arrivals.passing:
            outputs[:] = p

    def _look(self, p: Array) -> None:
        """Look at the outputs `(T, K, N)` of all trials, as they were after the last update."""
        self.arrivals.in_passing(self.updates.made, p, self.data.batches[0][0].Y)

    def _watch(self, rows: slice, p: Array, Y: Array) -> None:
        self.seen[rows] += np.add.reduce(self.loss.function(p, Y), axis=1)

    def run(self) -> list[Outcome]:
        """Train to the end, or until no trial is left."""
        check = max(1, CHECK_UPDATES // self.updates_per_epoch)
        records = {int(epoch): r for r, epoch in enumerate(self.epochs)}
        for epoch in range(self.problem.epochs + 1):
            if epoch:
                self.epoch()
            found = {}
            if epoch in records or self.arrivals.apart:
                found = self._measured(whole=epoch in records)
                self.arrivals.see(epoch, found)
            if epoch in records or epoch % check == 0:
                finite = np.logical_and.reduce(np.isfinite(self.w), axis=1)
                if epoch in records:
                    for name in self.losses:
                        finite &= np.isfinite(found[name])
                    self._record(records[epoch], found, finite)
                if not finite[: self.kept].all() and not self._retire(finite, epoch):
                    break
        else:
            for call in self.last_look:
                call()
        lacking = {
            name: np.logical_or.reduce(np.isnan(values), axis=1)
            for name, values in self.curves.items()
        }
        return [
            self._outcome(i, {name for name, some in lacking.items() if some[i]})
            for i in range(len(self.seeds))
        ]

    def epoch(self) -> None:
        """One pass over the training part."""
        self.data.shuffle()
        self.seen = np.zeros(len(self.rows))
        for number in range(len(self.batches)):
            self.update(number)
        if self.updates.plateau.watches:
            self.updates.plateau.see(self.seen / self.data.parts["train"].Y.shape[2])

    def update(self, number: int) -> None:
        """The update with batch `number` of an epoch."""
        for call in self.batches[number]:
            call()
        if self.instruments and number == len(self.batches) - 1:
            self.before = np.array(self.updates.evaluated)
        self.updates.step()
        self.progress()

    def _measured(self, *, whole: bool) -> dict[str, NDArray[np.float64]]:
        """Metrics by column `(T,)`: all that are recorded, or those that are looked at."""
        if not self.updates.made:
            self.updates.evaluated[:] = self.w
        found = self.evaluate(None if whole else self.arrivals.apart)
        return found | self._probed() if whole and self.instruments else found

    def _probed(self) -> dict[str, NDArray[np.float64]]:
        """What instruments say of the training, by column `(T,)`."""
        assert self.gradients is not None
        rule, made = rules[self.configurations[0].rule], self.updates.made
        evaluated = self.updates.evaluated
        probe = StackProbe(
            self.gradients,
            evaluated,
            self.before if made else evaluated,
            np.stack([self.initial[self.seeds[i].start] for i in self.rows]),
            self.network.parameters,
            [self.configurations[i] for i in self.rows],
            dict(zip(rule.buffers, self.updates.buffers, strict=False)),
            made,
        )
        return {f"train_{one.name}": one.function(probe) for one in self.instruments}

    def _record(self, r: int, found: Mapping[str, Array], finite: NDArray[np.bool_]) -> None:
        """Store record `r`: the metrics of trials that are `finite` (T,), and all evaluations."""
        trials = np.array(self.rows[: self.kept])
        self.evaluations[trials, r] = self.updates.evaluations[: self.kept]
        sound = np.flatnonzero(finite[: self.kept])
        for name, values in found.items():
            self.curves[name][trials[sound], r] = values[sound]

    def _retire(self, finite: NDArray[np.bool_], epoch: int) -> bool:
        """Take trials that are not finite out of the stack; returns whether any is left."""
        stay = [row for row in range(self.kept) if finite[row]]
        for row in range(self.kept):
            if not finite[row]:
                i = self.rows[row]
                self.ended[i] = (epoch, "a loss or parameter is not finite")
                self.evaluations[i, self.epochs >= epoch] = self.updates.evaluations[row]
        if not stay:
            return False
        w, old, order, before = self.w, self.updates, self.data.order, self.before
        self._allocate([self.rows[row] for row in stay], order)
        stay += stay[:1] * (len(self.rows) - len(stay))
        self.w[:], self.before = w[stay], before[stay]
        self.updates.keep(old, stay)
        return True

    def _curves(self, i: int, lacking: Set[str]) -> dict[str, NDArray[np.float64]]:
        """The metrics of trial i, some of them `lacking` values.

        NaN counts as the worst value, or if it is all there is, not.
        """
        ended = self.ended[i]
        measured = self.epochs < (np.inf if ended is None else ended[0])
        found = {name: values[i] for name, values in self.curves.items()}
        for name in lacking:
            nothing = np.isnan(found[name])
            if nothing[measured].all():
                del found[name]
            else:
                found[name] = np.where(nothing, self.columns[name].worst, found[name])
        return found

    def _outcome(self, i: int, lacking: Set[str]) -> Outcome:
        curves, ended = self._curves(i, lacking), self.ended[i]
        first, last = (float(curves[TRAIN_LOSS][record]) for record in (0, -1))
        constant = self.loss.constant(self.drawn[self.seeds[i].data]["train"].y)
        improved = last < first
        limit = runaway(first if constant is None else constant)
        if ended is None and not improved and last > limit:
            whose = "the initial one" if constant is None else "the constant predictor's"
            reason = f"the training loss {last:.4g} is above {RUNAWAY:g} times {whose}"
            if constant is not None:
                reason += f", and not below the initial one, {first:.4g}"
            ended = self.problem.epochs, reason
        epoch, reason = ended or (None, "")
        return Outcome(
            status="diverged" if ended else "ok",
            reason=reason,
            diverged_epoch=epoch,
            improved=improved,
            epochs=self.epochs,
            metrics=curves,
            evaluations=self.evaluations[i],
            constant=constant,
            arrivals=self.arrivals.of(i),
        )
