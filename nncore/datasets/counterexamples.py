"""Data and functions on which published comparisons of optimizers rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore.datasets.functions import Function, bowl, function
from nncore.datasets.kinds import XY, at_least, dataset

Array = NDArray[Any]


@dataset(
    layers=["dense 1"],
    initializer={"name": "zeros"},
    loss="mean_squared_error",
    batch_size="full",
    epochs=500,
    record_every=50,
)
def separable_sparse(rng: Generator, part: int, *, samples: int = 200, positive: float = 0.6) -> XY:
    """Labels that one feature tells, among many that distract. Wilson et al. 2017, https://arxiv.org/abs/1705.08292

    As in section 3.3: the first feature is the label, the second is 1, and so is the network's bias
    (the paper has a third feature for it). Of features of its own, which no other sample of any
    part has, a sample has one if its label is 1, which has the chance `positive`, else five; all
    others are 0.
    """
    at_least(1, samples=samples)
    if not 0 < positive < 1:
        raise ValueError(f"positive = {positive}: between 0 and 1")
    y = np.where(rng.random(samples) < positive, 1.0, -1.0)
    X = np.zeros((samples, 2 + 3 * 5 * samples))
    X[:, 0], X[:, 1] = y, 1.0
    for i, label in enumerate(y):
        first = 2 + 5 * (part * samples + i)
        X[i, first : first + (1 if label > 0 else 5)] = 1.0
    return X, y[:, None]


@dataset(
    layers=["dense 50", "tanh", "dense 50", "tanh", "dense 1"],
    initializer={"name": "glorot_uniform"},
    loss="half_mean_squared_error",
    batch_size="full",
    epochs=4000,
    record_every=100,
)
def chebyshev(*, samples: int = 20, degree: int = 4) -> XY:
    """Regression on a Chebyshev polynomial, at evenly spaced points of [-1, 1]. Cohen et al. 2021, https://arxiv.org/abs/2103.00065"""
    at_least(1, samples=samples, degree=degree)
    x = np.linspace(-1, 1, samples)
    y = np.polynomial.chebyshev.chebval(x, [0.0] * degree + [1.0])
    return x[:, None], y[:, None]


@dataset(
    layers=["dense {classes}", "softmax"],
    initializer={"name": "zeros"},
    loss="categorical_crossentropy",
    batch_size="full",
    epochs=500,
    record_every=10,
)
def long_tailed(
    rng: Generator, law: Generator, *, classes: int = 63, features: int = 64, noise: float = 0.1
) -> XY:
    """Classes as frequent as 1 / rank, of normal features. Kunstner et al. 2024, https://arxiv.org/abs/2402.19449

    The `classes`, 2^K - 1, are K groups: group k has 2^k classes of 2^(K - 1 - k) samples each, so
    that all groups have as many samples; they are numbered by group, the most frequent first. The
    features of a class are those of its centre, standard normal, plus `noise` * normal.
    """
    at_least(1, classes=classes, features=features)
    groups = (classes + 1).bit_length() - 1
    if 2**groups != classes + 1:
        raise ValueError(f"classes = {classes}: a power of 2 less 1, as 31, 63 or 127")
    counts = np.concatenate([np.full(2**k, 2 ** (groups - 1 - k)) for k in range(groups)])
    centres = law.standard_normal((len(counts), features))
    y = np.repeat(np.arange(len(counts)), counts)
    return centres[y] + noise * rng.standard_normal((len(y), features)), y


@function(low=-1.0, high=1.0, noisy=True, batch_size=1, epochs=20, record_every=1)
def heavy_tailed_quadratic(
    *, samples: int = 100, dimension: int = 10, condition: float = 100.0, freedom: float = 1.5
) -> Function:
    """As `noisy_quadratic`, with heavy-tailed noise. Zhang et al. 2020, https://arxiv.org/abs/1912.03194

    The noise has Student's law, which has no variance up to 2 degrees of `freedom`, and comes in
    pairs of opposite signs: the mean of a finite sample would be that of its largest values.
    """
    at_least(1, samples=samples, dimension=dimension, condition=condition)
    at_least(0.1, freedom=freedom)

    def draw(rng: Generator) -> NDArray[np.float64]:
        half = rng.standard_t(freedom, (samples // 2, dimension))
        return np.concatenate([half, -half, np.zeros((samples % 2, dimension))])

    return Function(*bowl(dimension, condition), minima=np.zeros((1, dimension)), draw=draw)


@function(low=-1.0, high=1.0, layers=["dense 1"], batch_size=1, shuffle=False, epochs=2000)
def reddi(*, slope: float = 3.0) -> Function:
    """Linear functions in turn: Adam minimises the wrong ones. Reddi et al. 2018, https://openreview.net/forum?id=ryQu7f-RZ

    Samples are `slope` * x, -x and -x, whose mean falls to the left; the paper's bounds, -1 and 1,
    are soft here: beyond them every sample has slope * (|x| - 1)^2 more. Batches of one sample in
    this order; `slope` above 2.
    """
    if not slope > 2:
        raise ValueError(f"slope = {slope}: above 2")
    tilt = (slope - 2) / 3  # of the mean; targets are the samples' own slopes beside it
    least = -1 - tilt / (2 * slope)

    def value(x: Array, Y: Array) -> Array:
        inside = tilt * (x + 1) + slope * ((1 + least) ** 2 + np.maximum(x - 1, 0) ** 2)
        return np.add.reduce(np.where(x < -1, slope * (x - least) ** 2, inside) + Y * x, axis=1)

    def gradient(x: Array, Y: Array) -> Array:
        over = np.maximum(np.abs(x) - 1, 0)
        return tilt + 2 * slope * over * np.sign(x) + Y

    def draw() -> NDArray[np.float64]:
        return np.array([[slope], [-1.0], [-1.0]]) - tilt

    return Function(value, gradient, np.array([[least]]), draw)
