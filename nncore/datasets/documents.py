"""The documents' datasets: spirals, clouds, people, single samples, a logarithm."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from nncore.datasets.kinds import CLASSIFIER, XY, at_least, dataset

SPIRAL = {
    **CLASSIFIER,
    "layers": ["dense 64", "relu", "dense {classes}", "softmax"],
    "epochs": 10_001,
    "record_every": 100,
}


@dataset(**SPIRAL)
def spiral(rng: Generator, *, samples: int = 100, classes: int = 3, noise: float = 0.2) -> XY:
    """Spiral arms in the plane, one a class, `samples` points each. Document 003.

    The arm of class c has radius r = 0..1 and angle 2.5 * (4 * (c + r) + noise * normal).
    """
    at_least(1, samples=samples, classes=classes)
    radius = np.linspace(0.0, 1.0, samples)
    X, y = np.empty((classes * samples, 2)), np.repeat(np.arange(classes), samples)
    for c in range(classes):
        angle = np.linspace(4 * c, 4 * (c + 1), samples) + noise * rng.standard_normal(samples)
        arm = slice(c * samples, (c + 1) * samples)
        X[arm] = np.c_[radius * np.sin(2.5 * angle), radius * np.cos(2.5 * angle)]
    return X, y


@dataset(**{**SPIRAL, "epochs": 1000, "record_every": 10})
def vertical(rng: Generator, *, samples: int = 100, classes: int = 3, noise: float = 0.1) -> XY:
    """Clouds side by side, class c around (c / 3, 1/2), `samples` points each. Document 003."""
    at_least(1, samples=samples, classes=classes)
    X = noise * rng.standard_normal((classes * samples, 2)) + 0.5
    y = np.repeat(np.arange(classes), samples)
    X[:, 0] += y / 3 - 0.5
    return X, y


@dataset(
    **CLASSIFIER,
    layers=["dense 10", "relu", "dense {classes}", "softmax"],
    epochs=100,
    record_every=1,
)
def blobs(rng: Generator, *, samples: int = 5, classes: int = 2, noise: float = 0.1) -> XY:
    """Round clouds, class c around (2c, 2c), `samples` points each. Document 000."""
    at_least(1, samples=samples, classes=classes)
    y = np.repeat(np.arange(classes), samples)
    return noise * rng.standard_normal((len(y), 2)) + 2.0 * y[:, None], y


@dataset(
    layers=["dense 2", "sigmoid", "dense 1", "sigmoid"],
    initializer={"name": "normal", "scale": 1.0, "biases": "same"},
    loss="mean_squared_error",
    batch_size=1,
    shuffle=False,
    epochs=1000,
    record_every=10,
)
def people() -> XY:
    """Four people: weight and height less a constant, and a yes or no. Document 001."""
    X = [[-2.0, -1.0], [25.0, 6.0], [17.0, 4.0], [-15.0, -6.0]]
    return np.array(X), np.array([[1.0], [0.0], [0.0], [1.0]])


@dataset(
    layers=["dense 1", "relu"],
    initializer={"name": "values", "values": [-3.0, -1.0, 2.0, 1.0]},
    loss="mean_squared_error",
    batch_size="full",
    epochs=200,
    record_every=1,
)
def neuron() -> XY:
    """One sample of three inputs with target 0, for a single ReLU neuron. Document 002."""
    return np.array([[1.0, -2.0, 3.0]]), np.zeros((1, 1))


LAYER_WEIGHTS = [0.1, 0.5, 0.9, 0.2, 0.6, 1.0, 0.3, 0.7, 1.1, 0.4, 0.8, 1.2]
LAYER_BIASES = [0.1, 0.2, 0.3]


@dataset(
    layers=["dense 3", "relu"],
    initializer={"name": "values", "values": LAYER_WEIGHTS + LAYER_BIASES},
    loss="squared_sum",
    batch_size="full",
    epochs=200,
    record_every=1,
)
def layer() -> XY:
    """One sample of four inputs, for a layer of three neurons with a zero sum. Document 002."""
    return np.array([[1.0, 2.0, 3.0, 4.0]]), np.zeros((1, 3))


@dataset(
    layers=["dense 4", "relu", "dense 4", "relu", "dense 1"],
    initializer={"name": "normal", "scale": 1.0, "biases": "same"},
    loss="half_mean_squared_error",
    batch_size="full",
    epochs=501,
    record_every=10,
)
def log_linear(
    rng: Generator, law: Generator, *, samples: int = 900, features: int = 5, offset: float = 20.0
) -> XY:
    """Regression on y = log(X beta + offset), X and beta normal. Document 004.

    Samples with X beta + offset below 1e-3 (about 8 standard deviations out) take its logarithm.
    """
    at_least(1, samples=samples, features=features)
    beta = law.standard_normal((features, 1))
    X = rng.standard_normal((samples, features))
    return X, np.log(np.maximum(X @ beta + offset, 1e-3))
