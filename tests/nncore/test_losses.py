import math

import numpy as np
import pytest

from nncore.losses import losses
from nncore.stack.training import train
from tests.problems import (
    configuration,
    fixed,
    losses_and_gradients,
    outcome_of_outputs,
    samples,
    short,
)

# Test functions are tested on their own.
LOSSES = [name for name in losses if name != "objective"]

P = [[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]]
Y = [[1.0, -1.0, 0.5], [0.0, 2.0, -0.5]]
CLASSES = [1, 0]
DIFFERENCES = [p - y for ps, ys in zip(P, Y, strict=True) for p, y in zip(ps, ys, strict=True)]
SUMS = [sum(ps) - sum(ys) for ps, ys in zip(P, Y, strict=True)]
# loss -> (targets, the value at P by hand)
VALUES = {
    "categorical_crossentropy": (CLASSES, -(math.log(0.7) + math.log(0.5)) / 2),
    "mean_squared_error": (Y, sum(d * d for d in DIFFERENCES) / 6),
    "half_mean_squared_error": (Y, sum(d * d for d in DIFFERENCES) / 12),
    "squared_sum": (Y, sum(s * s for s in SUMS) / 2),
}
ONE_HOT = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
# loss -> (targets, the best loss of a prediction that ignores the inputs, or None)
CONSTANT = {
    "categorical_crossentropy": (
        np.array([0, 0, 0, 2]),
        -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)),
    ),
    # The means are 3 and 1; the squares of what is left sum up to 4 + 4 + 0 and to 1 + 1 + 4.
    "mean_squared_error": (np.array([[1.0, 0.0], [5.0, 0.0], [3.0, 3.0]]), 14 / 6),
    "half_mean_squared_error": (np.array([[1.0, 0.0], [5.0, 0.0], [3.0, 3.0]]), 14 / 12),
    "squared_sum": (np.array([[1.0, 0.0], [5.0, 0.0]]), None),
}


def test_every_loss_is_in_the_tables():
    assert set(VALUES) == set(LOSSES) == set(CONSTANT)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-15), ("float32", 2e-7)])
def test_value_by_hand(name, dtype, tolerance):
    y, value = VALUES[name]
    outcome = outcome_of_outputs(np.array(P), np.array(y), name, dtype=dtype)
    assert outcome.metrics["train_loss"][0] == pytest.approx(value, rel=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("right", "loss"), [(0.0, 16.11809565095832), (1.0, 1.00000005e-7), (-3.0, 16.11809565095832)]
)
def test_crossentropy_is_clipped(right, loss, dtype):
    outcome = outcome_of_outputs(
        np.array([[1 - right, right]]), np.array([1]), "categorical_crossentropy", dtype=dtype
    )
    # 1 - 1e-7 is 1 - 1.19e-7 in float32.
    tolerance = 1e-9 if dtype == "float64" else (1e-6 if loss > 1 else 0.2)
    assert outcome.metrics["train_loss"][0] == pytest.approx(loss, rel=tolerance)


@pytest.mark.parametrize("layers", [["linear"], ["softmax"]])
def test_integer_and_one_hot_classes_are_the_same(layers):
    outcomes = [
        outcome_of_outputs(np.array(P), y, "categorical_crossentropy", layers)
        for y in (np.array(CLASSES), ONE_HOT, ONE_HOT.astype(bool))
    ]
    for outcome in outcomes[1:]:
        for name, curve in outcomes[0].metrics.items():
            np.testing.assert_array_equal(curve, outcome.metrics[name])
    points = np.random.default_rng(0).standard_normal((2, 12))
    gradients = [
        losses_and_gradients(
            ["dense 3", "softmax"], "categorical_crossentropy", np.array(P), y, points
        )[1]
        for y in (np.array(CLASSES), ONE_HOT)
    ]
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("name", LOSSES)
def test_constant_predictor(name):
    y, value = CONSTANT[name]
    assert losses[name].constant(y) == (value and pytest.approx(value, rel=1e-14))


def test_constant_predictor_of_one_hot_classes():
    constant = losses["categorical_crossentropy"].constant
    assert constant(ONE_HOT) == pytest.approx(math.log(2), rel=1e-14)


@pytest.mark.parametrize(
    ("name", "y"),
    [
        ("categorical_crossentropy", np.zeros(4, dtype=int)),
        ("mean_squared_error", np.full((4, 1), 2.5)),
        ("half_mean_squared_error", np.full((4, 1), 2.5)),
    ],
)
def test_no_constant_predictor_where_targets_do_not_vary(name, y):
    assert losses[name].constant(y) is None


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("mean_squared_error", np.array([0, 1]), "numbers as targets"),
        ("mean_squared_error", np.ones((2, 2)), "3 outputs, the targets 2"),
        ("squared_sum", np.ones((2, 4)), "3 outputs, the targets 4"),
        ("categorical_crossentropy", np.array([0, 3]), "3 outputs, the dataset 4 classes"),
        ("categorical_crossentropy", np.ones((2, 3)), "one-hot"),
        ("categorical_crossentropy", np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), "one-hot"),
        ("categorical_crossentropy", np.eye(2), "one-hot rows of 3"),
    ],
)
def test_targets_that_do_not_fit(loss, y, message):
    with samples(np.ones((2, 2)), y) as dataset:
        trained = fixed(dataset, ["dense 3"], loss, np.ones(9))
        with pytest.raises(ValueError, match=message):
            train(trained, [configuration("sgd")], [0])


def test_more_outputs_than_classes_are_fine():
    [outcome] = train(
        short("blobs", layers=["dense 5", "softmax"]),
        [configuration("sgd", learning_rate=0.1)],
        [0],
    )
    assert outcome.status == "ok"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("y", "loss"), [(0, 1e-7), (1, 16.118)])
@pytest.mark.parametrize("activations", [["sigmoid"], ["softmax", "linear"]])
def test_outputs_of_exactly_zero_train_on(activations, y, loss, dtype):
    """As saturated sigmoids give; 0 / 0 would be NaN."""
    with samples(np.array([[2000.0, -2000.0]]), np.array([y])) as dataset:
        trained = fixed(
            dataset,
            ["dense 2", *activations],
            "categorical_crossentropy",
            [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            dtype=dtype,
            epochs=3,
        )
        [outcome] = train(trained, [configuration("sgd", learning_rate=0.1)], [0])
    assert outcome.metrics["train_loss"] == pytest.approx([loss] * 4, rel=0.2)
