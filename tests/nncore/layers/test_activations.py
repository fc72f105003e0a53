import math

import numpy as np
import pytest

from tests.problems import losses_and_gradients, outcome_of_outputs
from tests.references.layers import REFERENCES

Z = [-30.0, -2.5, -1e-3, 0.0, 1e-3, 0.7, 1.0, 30.0]
ELEMENTWISE = ["linear", "relu", "sigmoid", "tanh"]
SOFTMAX = {
    (0.0, 0.0, 0.0): (1 / 3, 1 / 3, 1 / 3),
    (math.log(2), math.log(5), math.log(3)): (0.2, 0.5, 0.3),
    (1000.0, 1000.0, 1000.0 + math.log(2)): (0.25, 0.25, 0.5),
    (-1000.0 + math.log(3), -1000.0, -2000.0): (0.75, 0.25, 1e-7),
    (3e4, 0.0, 0.0): (1 - 1e-7, 1e-7, 1e-7),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value(name, dtype):
    tolerance = {"float32": 1e-6, "float64": 1e-13}[dtype]
    for z in Z:
        # One output and one sample: the loss of target -40 is the square of the value above it.
        outcome = outcome_of_outputs(
            np.array([[z]]), np.array([[-40.0]]), "mean_squared_error", [name], dtype
        )
        found = math.sqrt(outcome.metrics["train_loss"][0]) - 40
        assert found == pytest.approx(REFERENCES[name]([z])[0], rel=tolerance, abs=40 * tolerance)


@pytest.mark.parametrize("z", SOFTMAX)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-5), ("float64", 1e-12)])
def test_softmax(z, dtype, tolerance):
    for k, p in enumerate(SOFTMAX[z]):
        outcome = outcome_of_outputs(
            np.array([z]), np.array([k]), "categorical_crossentropy", ["softmax"], dtype
        )
        # 1 - 1e-7 is 1 - 1.19e-7 in float32; log(1000) has few digits left after the point.
        found = math.exp(-outcome.metrics["train_loss"][0])
        assert found == pytest.approx(p, rel=tolerance, abs=0 if p < 1e-6 else 3e-8)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "softmax"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_sums_neither_warn_nor_make_nan(name, dtype):
    z = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 0.5]])
    outcome = outcome_of_outputs(z, np.zeros((3, 3)), "mean_squared_error", [name], dtype)
    assert np.isfinite(outcome.metrics["train_loss"][0])


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("count", [1, 500])
def test_relu_is_flat_at_zero(zero, count):
    """One sample and many, so that both ways of multiplying are seen."""
    X, y = np.full((count, 1), 1.0), np.ones((count, 3))
    points = np.full((1, 6), zero)
    for layers in (["dense 3", "relu"], ["dense 3", "linear", "relu"], ["dense 3", "tanh", "relu"]):
        _, gradients = losses_and_gradients(layers, "mean_squared_error", X, y, points)
        assert not gradients.any()
