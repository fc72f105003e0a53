"""The data of a stack: its parts, and the batches of its training part, shuffled or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from nncore.datasets import Part
from nncore.losses import Loss, targets
from nncore.stack.layouts import Call, Layout
from nncore.streams import generator

Array = NDArray[Any]


class Samples(NamedTuple):
    """Some samples of a stack: `x` (T, F + 1, N), last row ones; targets `Y` (T, K, N)."""

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
    seed, `shuffle` chooses a fresh order of the training samples, for every trial that of its seed
    among `ordered` (by default the seeds of the data); batches of one size then share their arrays,
    and each is gathered when its turn comes. Without, they are views of the part.
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
        ordered: Sequence[int] | None = None,
    ) -> None:
        self._layout, self.order = layout, order
        self._seeds, self._seed_of = _distinct(seeds)
        self._orders, self._order_of = _distinct(seeds if ordered is None else ordered)
        self._features = drawn[seeds[0]]["train"].X.shape[1]
        self._count = count = len(drawn[seeds[0]]["train"].X)
        self.parts = {}
        for name in drawn[seeds[0]]:
            table = _table([drawn[seed][name] for seed in self._seeds], outputs, loss, dtype)
            rows = self._rows(np.arange(len(drawn[seeds[0]][name].X)))
            cut = name == "train" and batch < count and order is None
            part = (layout.samples if cut else layout.empty)(
                table.dtype, len(rows), table.shape[1], rows.shape[1]
            )
            layout.gather(table, rows, part)()
            self.parts[name] = self._split(part)
            if name == "train" and order is not None:
                shuffled = table
        cuts = [slice(start, min(start + batch, count)) for start in range(0, count, batch)]
        if order is None:
            x, Y = self.parts["train"]
            self.batches = [Batch(Samples(x[:, :, cut], Y[:, :, cut]), []) for cut in cuts]
        else:
            self._bind(shuffled, cuts)

    def _bind(self, table: Array, cuts: Sequence[slice]) -> None:
        """Batches that are gathered from `table` when their turn comes."""
        trials = len(self._seed_of)
        self._now = [(cut, np.empty((trials, cut.stop - cut.start), np.intp)) for cut in cuts]
        shared = {
            size: self._layout.samples(table.dtype, trials, table.shape[1], size)
            for size in {rows.shape[1] for _, rows in self._now}
        }
        self.batches = []
        for _, rows in self._now:
            into = shared[rows.shape[1]]
            self.batches.append(Batch(self._split(into), [self._layout.gather(table, rows, into)]))

    def shuffle(self) -> None:
        """A fresh order of the training samples; nothing where there is no order."""
        if self.order is not None:
            now = np.array([self.order[seed].permutation(self._count) for seed in self._orders])
            order = self._rows(now[self._order_of])
            for cut, rows in self._now:
                rows[:] = order[:, cut]

    def _rows(self, samples: Array) -> Array:
        """Where in a table the trials have these samples, `(N,)` or `(T, N)`: `(T, N)`."""
        return samples + samples.shape[-1] * self._seed_of[:, None]

    def _split(self, both: Array) -> Samples:
        """Views of the features with their row of ones, and of the targets below them."""
        return Samples(both[:, : self._features + 1], both[:, self._features + 1 :])


def _distinct(seeds: Sequence[int]) -> tuple[list[int], NDArray[np.intp]]:
    """Each of `seeds` once, and which of them each is."""
    place = {seed: i for i, seed in enumerate(dict.fromkeys(seeds))}
    return list(place), np.array([place[seed] for seed in seeds])


def _table(parts: Sequence[Part], outputs: int, loss: Loss, dtype: DTypeLike) -> Array:
    """Features, a one and targets of a sample in a row, one seed's samples after another's.

    `(S * N, F + 1 + K)`: what is gathered together lies together.
    """
    count, features = parts[0].X.shape
    table = np.empty((len(parts), count, features + 1 + outputs), dtype)
    for rows, part in zip(table, parts, strict=True):
        rows[:, :features] = part.X
        rows[:, features] = 1
        rows[:, features + 1 :] = targets(part.y, outputs, loss).T
    return table.reshape(-1, table.shape[2])
