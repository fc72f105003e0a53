"""Where the trial axis lies in memory, and the products of weights and samples that depend on it.

Every array of a stack is addressed as `(T, ...)`, trials first; a layout decides the order of its
axes in memory, which the rest of the core does not know: elementwise functions and sums give the
same result in any order. Only products of weights and samples care:

- `TrialFirst` makes one BLAS call per trial, for networks large enough to feed it;
- `TrialLast` multiplies and adds long rows of trials, for tiny networks, where the price of a call
  would exceed that of its arithmetic.

The choice follows from the problem alone, never from `T`: a trial's bits do not depend on its
neighbours.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import threadpool_info

from nncore.layers import Architecture
from nncore.layers.kinds import Call, Products
from nncore.stack.parts import parts

Array = NDArray[Any]
# Multiplications per product below which TrialLast is faster (both cores of one machine, float32).
TINY = 1200
# OpenBLAS multiplies matrices with 2 or 3 rows or columns at half the speed of as many vectors,
# from about so many samples on, ...
THIN, MANY_SAMPLES = (2, 3), 32
# ... except with these kernels, which have code of their own for small matrices.
SMALL_MATRIX_KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}

# Samples that TrialLast turns round at once.
GATHERED = 8192

# Bytes that caches move at once, on whose borders rows of numbers had better begin: products of
# thin matrices take a quarter less time. A row may become so much longer for it.
LINE = 64
ROOM = 9 / 8


class Layout(Products, Protocol):
    """A memory order with its products, and how samples are brought there."""

    least: int
    """The smallest stack whose bits equal those of larger ones."""

    def width(self, dtype: DTypeLike, samples: int) -> int:
        """Samples that a row of so many had better have room for."""

    def samples(self, dtype: DTypeLike, trials: int, features: int, samples: int) -> Array:
        """As `empty`, in an order from which single samples and small batches are cut fast."""

    def blocks(self, trials: int, size: int) -> list[slice]:
        """Which trials pass together, at most `size` if it can be; the first is the largest."""

    def gather(self, table: Array, rows: Array, out: Array) -> Call:
        """A call that writes rows of `table` (M, F), contiguous, to `out` (T, F, N).

        Which ones stands in `rows` (T, N) when it is called.
        """


class TrialFirst:
    """One matrix product per trial, by BLAS, on contiguous `(features, samples)` arrays.

    `forward` is `matmul(W^T, x)`, `gradient` is `matmul(x, d^T)`, `backward` is `matmul(W, d)`;
    where the result is thin, the same by a matrix-vector product for each of its rows or columns.
    """

    least = 1

    def width(self, dtype: DTypeLike, samples: int) -> int:  # noqa: D102
        step = LINE // np.dtype(dtype).itemsize
        wide = -(-samples // step) * step
        return wide if wide <= ROOM * samples else samples

    def empty(self, dtype: DTypeLike, trials: int, *shape: int) -> Array:  # noqa: D102
        return _aligned(dtype, (trials, *shape))

    def samples(self, dtype: DTypeLike, trials: int, features: int, samples: int) -> Array:  # noqa: D102
        return _aligned(dtype, (trials, samples, features)).transpose(0, 2, 1)

    def blocks(self, trials: int, size: int) -> list[slice]:  # noqa: D102
        return parts(trials, size)

    def gather(self, table: Array, rows: Array, out: Array) -> Call:  # noqa: D102
        # A row as one item is moved as a whole, in two thirds of the time.
        row, into = np.dtype((np.void, table.itemsize * table.shape[1])), out.transpose(0, 2, 1)
        items = table.view(row)[:, 0]
        if into.flags.c_contiguous:
            places = into.view(row)[:, :, 0]
            return lambda: np.take(items, rows, out=places, mode="clip")

        def call() -> None:
            for trial, mine in zip(into, rows, strict=True):
                trial[:] = np.take(items, mine).view(table.dtype).reshape(trial.shape)

        return call

    def forward(self, W: Array, x: Array, out: Array) -> Call:  # noqa: D102
        Wt = W.transpose(0, 2, 1)
        if _thin(W.shape[2], x.shape[2]):
            return lambda: np.vecmat(Wt, x[:, None], out=out)
        return lambda: np.matmul(Wt, x, out=out)

    def gradient(self, x: Array, d: Array, out: Array) -> Call:  # noqa: D102
        dt, outt = d.transpose(0, 2, 1), out.transpose(0, 2, 1)
        if _thin(x.shape[1], x.shape[2]):
            return lambda: np.matvec(d[:, None], x, out=out)
        if _thin(d.shape[1], x.shape[2]):
            return lambda: np.matvec(x[:, None], d, out=outt)
        return lambda: np.matmul(x, dt, out=out)

    def backward(self, W: Array, d: Array, out: Array) -> Call:  # noqa: D102
        if _thin(W.shape[1], d.shape[2]):
            return lambda: np.vecmat(W, d[:, None], out=out)
        return lambda: np.matmul(W, d, out=out)


def _thin(count: int, samples: int) -> bool:
    return count in THIN and samples >= MANY_SAMPLES and not _has_small_matrix_kernels()


@cache
def _has_small_matrix_kernels() -> bool:
    return any(
        library.get("architecture") in SMALL_MATRIX_KERNELS
        for library in threadpool_info()
        if "scipy.libs" not in library["filepath"]  # SciPy brings a BLAS of its own
    )


class TrialLast:
    """Sums of elementwise products over rows of trials, contiguous in memory.

    With a single trial, NumPy would merge the axis it sums over with the one of trials and add in
    another order, so a stack has at least two.
    """

    least = 2

    def width(self, dtype: DTypeLike, samples: int) -> int:  # noqa: D102
        return samples

    def empty(self, dtype: DTypeLike, trials: int, *shape: int) -> Array:  # noqa: D102
        return np.moveaxis(_aligned(dtype, (*shape, trials)), -1, 0)

    def samples(self, dtype: DTypeLike, trials: int, features: int, samples: int) -> Array:  # noqa: D102
        return _aligned(dtype, (samples, features, trials)).transpose(2, 1, 0)

    def blocks(self, trials: int, size: int) -> list[slice]:  # noqa: D102
        return [slice(0, trials)]  # rows of trials are what it lives on

    def gather(self, table: Array, rows: Array, out: Array) -> Call:  # noqa: D102
        # Some trials at a time: the neighbours of a number, in another order, are still in a cache.
        block = max(16, GATHERED // rows.shape[1])
        parts = [slice(start, start + block) for start in range(0, len(rows), block)]

        def call() -> None:
            for trials in parts:
                out[trials] = np.take(table, rows[trials], axis=0).transpose(0, 2, 1)

        return call

    def forward(self, W: Array, x: Array, out: Array) -> Call:  # noqa: D102
        return lambda: np.einsum("tio,tin->ton", W, x, out=out)

    def gradient(self, x: Array, d: Array, out: Array) -> Call:  # noqa: D102
        if x.shape[2] == 1:
            d = d.transpose(0, 2, 1)
            return lambda: np.multiply(x, d, out=out)
        return lambda: np.einsum("tin,ton->tio", x, d, out=out)

    def backward(self, W: Array, d: Array, out: Array) -> Call:  # noqa: D102
        return lambda: np.einsum("tio,ton->tin", W, d, out=out)


def _aligned(dtype: DTypeLike, shape: tuple[int, ...]) -> Array:
    """An uninitialised array that begins on the border of a line of the caches."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype).reshape(shape)


def choose(architecture: Architecture, batch: int) -> Layout:
    """The faster layout for these layers on batches of that size."""
    largest = max(layer.size for layer in architecture.layers) * batch
    return TrialLast() if largest <= TINY else TrialFirst()
