"""The data of a stack: its parts, and the batches of its training part, shuffled or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from nncore.datasets import Part
from nncore.layouts import Call, Layout
from nncore.losses import Loss, targets
from nncore.streams import generator

Array = NDArray[Any]


class Samples(NamedTuple):
    """Some samples of a stack: `x` (T, F + 1, N), last row ones; targets `Y` (T, K, N).

    In a table of samples a row each: `x` (M, F + 1), last column ones; `Y` (M, K).
    """

    x: Array
    Y: Array


def orders(seeds: Sequence[int], samples: int) -> dict[int, Generator]:
    """A stream of sample orders for each distinct seed."""
    return {seed: generator("order", samples, seed) for seed in dict.fromkeys(seeds)}


class Batch(NamedTuple):
    """The samples of one update, and what must be called before to bring them there."""

    samples: Samples
    calls: list[Call]


class Data:
    """Parts by name in `parts`, batches of the training part in `batches`.

    `drawn` has the parts of every seed, `seeds` the seed of every trial. With `order`, streams by
    seed, `shuffle` chooses a fresh order of the training samples; batches of one size then share
    their arrays, and each is gathered when its turn comes. Without, they are views of the part.
    """

    def __init__(
        self,
        layout: Layout,
        drawn: Mapping[int, Mapping[str, Part]],
        seeds: Sequence[int],
        loss: Loss,
        outputs: int,
        dtype: DTypeLike,
        batch: int,
        order: Mapping[int, Generator] | None = None,
    ) -> None:
        self._layout, self._dtype, self.order = layout, dtype, order
        self._seeds = list(dict.fromkeys(seeds))
        self._seed_of = np.array([self._seeds.index(seed) for seed in seeds])
        self._count = count = len(drawn[seeds[0]]["train"].X)
        self.parts = {}
        for name in drawn[seeds[0]]:
            views = name == "train" and batch < count and order is None
            table = self._table([drawn[seed][name] for seed in self._seeds], outputs, loss)
            rows = self._rows(np.arange(len(drawn[seeds[0]][name].X)))
            self.parts[name] = self._empty(table, rows.shape[1], views)
            self._gather(table, rows, self.parts[name])
            if name == "train" and order is not None:
                self._train, self._now = table, rows
        cuts = [slice(start, min(start + batch, count)) for start in range(0, count, batch)]
        if order is None:
            x, Y = self.parts["train"]
            self.batches = [Batch(Samples(x[:, :, cut], Y[:, :, cut]), []) for cut in cuts]
        else:
            sizes = {cut.stop - cut.start for cut in cuts}
            shared = {size: self._empty(self._train, size, cut=True) for size in sizes}
            self.batches = []
            for cut in cuts:
                into = shared[cut.stop - cut.start]
                call = partial(self._gather, self._train, self._now[:, cut], into)
                self.batches.append(Batch(into, [call]))

    def shuffle(self) -> None:
        """A fresh order of the training samples; nothing where there is no order."""
        if self.order is not None:
            now = np.array([self.order[seed].permutation(self._count) for seed in self._seeds])
            self._now[:] = self._rows(now[self._seed_of])

    def _table(self, parts: Sequence[Part], outputs: int, loss: Loss) -> Samples:
        """Features and ones `(S * N, F + 1)`, targets `(S * N, K)`: one seed after another."""
        X = np.concatenate([part.X.astype(self._dtype) for part in parts])
        Y = np.concatenate([targets(part.y, outputs, loss).T for part in parts])
        return Samples(np.c_[X, np.ones(len(X), self._dtype)], Y.astype(self._dtype, order="C"))

    def _rows(self, samples: Array) -> Array:
        """Where in a table the trials have these samples, `(N,)` or `(T, N)`: `(T, N)`."""
        return samples + samples.shape[-1] * self._seed_of[:, None]

    def _empty(self, table: Samples, samples: int, cut: bool) -> Samples:
        """Arrays for so many samples of every trial, which will be `cut` into batches or not."""
        new = self._layout.samples if cut else self._layout.empty
        trials = len(self._seed_of)
        return Samples(*(new(self._dtype, trials, a.shape[1], samples) for a in table))

    def _gather(self, table: Samples, rows: Array, into: Samples) -> None:
        """Bring the rows `(T, N)` of a table to `into`."""
        self._layout.gather(table.x, rows, into.x)
        self._layout.gather(table.Y, rows, into.Y)
