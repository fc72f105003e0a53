"""More generated data: shapes in the plane, a curve, a logistic model."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from nncore.datasets.kinds import CLASSIFIER, XY, at_least, dataset

PLANE = {
    **CLASSIFIER,
    "initializer": {"name": "he_normal"},
    "layers": ["dense 16", "relu", "dense 2", "softmax"],
    "epochs": 1000,
    "record_every": 10,
}


@dataset(**PLANE)
def moons(rng: Generator, *, samples: int = 100, noise: float = 0.1) -> XY:
    """Two half circles that reach into each other, `samples` points each. https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html

    (cos a, sin a) and (1 - cos a, 1/2 - sin a) with a from 0 to pi, plus `noise` * normal.
    """
    at_least(1, samples=samples)
    angle = np.linspace(0, np.pi, samples)
    upper = np.c_[np.cos(angle), np.sin(angle)]
    X = np.r_[upper, [1.0, 0.5] - upper]
    return X + noise * rng.standard_normal(X.shape), np.repeat([0, 1], samples)


@dataset(**PLANE)
def circles(rng: Generator, *, samples: int = 100, noise: float = 0.1, factor: float = 0.5) -> XY:
    """Two circles around 0, of radius 1 and `factor`, `samples` points each. https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_circles.html"""
    at_least(1, samples=samples)
    angle = 2 * np.pi * np.arange(samples) / samples
    outer = np.c_[np.cos(angle), np.sin(angle)]
    X = np.r_[outer, factor * outer]
    return X + noise * rng.standard_normal(X.shape), np.repeat([0, 1], samples)


@dataset(**PLANE)
def xor(rng: Generator, *, samples: int = 100, noise: float = 0.3) -> XY:
    """Clouds around the corners of a square; opposite corners are of one class. https://doi.org/10.7551/mitpress/11301.001.0001

    `samples` points a class, in turn at (1, 1) and (-1, -1), or (1, -1) and (-1, 1).
    """
    at_least(1, samples=samples)
    y = np.repeat([0, 1], samples)
    side = np.tile(np.where(np.arange(samples) % 2 == 0, 1.0, -1.0), 2)
    corners = np.c_[side, np.where(y == 0, side, -side)]
    return corners + noise * rng.standard_normal(corners.shape), y


@dataset(
    layers=["dense 32", "tanh", "dense 1"],
    initializer={"name": "glorot_normal"},
    loss="mean_squared_error",
    batch_size="full",
    epochs=2000,
    record_every=20,
)
def sine(rng: Generator, *, samples: int = 100, noise: float = 0.1, periods: float = 2.0) -> XY:
    """Regression on y = sin(pi * periods * x) with x uniform on [-1, 1], plus `noise` * normal."""
    at_least(1, samples=samples)
    x = rng.uniform(-1, 1, (samples, 1))
    return x, np.sin(np.pi * periods * x) + noise * rng.standard_normal((samples, 1))


@dataset(
    layers=["dense {classes}", "softmax"],
    initializer={"name": "zeros"},
    loss="categorical_crossentropy",
    batch_size="full",
    epochs=500,
    record_every=5,
)
def logistic_regression(
    rng: Generator,
    law: Generator,
    *,
    samples: int = 200,
    features: int = 10,
    classes: int = 2,
    condition: float = 10.0,
) -> XY:
    """Classes drawn from a softmax of normal features: a convex problem. https://arxiv.org/abs/1606.04838

    Feature i has a standard deviation between 1 and 1 / sqrt(condition), evenly spaced in its
    logarithm; the true weights are normal, twice as large as would give sums of variance 1.
    """
    at_least(1, samples=samples, features=features, classes=classes, condition=condition)
    scale = np.geomspace(1, condition**-0.5, features)
    weights = 2 * law.standard_normal((features, classes)) / np.sqrt(np.sum(scale**2))
    X = scale * rng.standard_normal((samples, features))
    # The largest of sums with Gumbel noise is a draw from their softmax.
    return X, np.argmax(X @ weights + rng.gumbel(size=(samples, classes)), axis=1)
