"""Document 004's stale second layer, as a dataset that a spec can name."""

import numpy as np

from nncore.datasets import dataset, log_linear


def hidden_features(X, layers):
    """Outputs `(N, units)` of the ReLU `layers`, pairs of weights and biases, for `X` (N, F)."""
    for weights, biases in layers:
        X = np.maximum(X @ weights + biases, 0)
    return X


@dataset(
    layers=["dense 1"],
    initializer={"name": "normal", "scale": 1.0, "biases": "same"},
    loss="half_mean_squared_error",
    batch_size="full",
    epochs=501,
    record_every=1,
)
def stale_log_linear(rng, law, *, samples=900, features=5, offset=20.0, units=4):
    """What document 004's full batch trains its output layer on: features that never change.

    Two hidden layers of `units` ReLU neurons each, all their parameters standard normal.
    """
    X, y = log_linear(rng, law, samples=samples, features=features, offset=offset)
    sizes = [(features, units), (units, units)]
    layers = [(law.standard_normal(shape), law.standard_normal(shape[1])) for shape in sizes]
    return hidden_features(X, layers), y
