"""Generated data: shapes in the plane, noise, and the model of the logistic regression."""

from dataclasses import replace

import numpy as np
import pytest

from nncore.datasets import default_problem, draw
from nncore.stack.training import train
from tests.nncore.datasets.test_datasets import defined
from tests.problems import configuration, problem


def test_shapes_in_the_plane():
    X, y = draw(defined("moons", noise=0.0), 0)["train"]
    np.testing.assert_allclose(np.hypot(*X[y == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(X[y == 1] - [1, 0.5]).T), 1)
    assert (X[y == 0, 1] >= -1e-15).all()
    assert (X[y == 1, 1] <= 0.5 + 1e-15).all()
    X, y = draw(defined("circles", noise=0.0, factor=0.3), 0)["train"]
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1, 0.3))
    np.testing.assert_allclose(X[y == 0].mean(axis=0), 0, atol=1e-15)
    X, y = draw(defined("xor", noise=0.0), 0)["train"]
    assert set(map(tuple, X[y == 0])) == {(1, 1), (-1, -1)}
    assert set(map(tuple, X[y == 1])) == {(1, -1), (-1, 1)}
    X, y = draw(defined("sine", noise=0.0, periods=3.0), 0)["train"]
    np.testing.assert_allclose(y, np.sin(3 * np.pi * X))
    assert np.abs(X).max() <= 1


@pytest.mark.parametrize("name", ["moons", "circles", "xor", "sine"])
def test_noise_has_its_deviation(name):
    pure, noisy = (draw(defined(name, samples=3000, noise=n), 0)["train"] for n in (0.0, 0.25))
    drift = noisy.y - np.sin(2 * np.pi * noisy.X) if name == "sine" else noisy.X - pure.X
    assert drift.std() == pytest.approx(0.25, rel=0.05)
    assert drift.mean() == pytest.approx(0, abs=0.02)


def test_logistic_regression_is_drawn_from_its_model():
    definition = defined("logistic_regression", samples=20_000, features=4, condition=100.0)
    parts = draw(definition, 0)
    X, y = parts["train"]
    np.testing.assert_allclose(X.std(axis=0), np.geomspace(1, 0.1, 4), rtol=0.05)
    # Newton's method on the training part: the model is right, so its coefficients predict the
    # validation part with the frequencies they say.
    b = np.zeros(4)
    for _ in range(20):
        p = 1 / (1 + np.exp(-X @ b))
        b += np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p))
    p = 1 / (1 + np.exp(-parts["validation"].X @ b))
    for low in np.arange(0, 1, 0.2):
        inside = (p >= low) & (p < low + 0.2)
        assert parts["validation"].y[inside].mean() == pytest.approx(p[inside].mean(), abs=0.03)
    assert default_problem(definition)["layers"] == ["dense 2", "softmax"]


def test_logistic_regression_is_convex():
    """From anywhere, descent ends at one loss."""
    trained = problem(
        "logistic_regression",
        {"condition": 1.0},
        initializer={"name": "normal", "scale": 1.0},
        epochs=3000,
        record_every=3000,
        dtype="float64",
    )
    found = []
    for scale in (0.1, 1.0, 3.0):
        start = {"name": "normal", "scale": scale, "biases": "same"}
        one = configuration("sgd", learning_rate=1.0)
        [outcome] = train(replace(trained, initializer=start), [one], [0])
        found.append(outcome.metrics["train_loss"][-1])
    assert found == pytest.approx([found[0]] * 3, rel=1e-6)
