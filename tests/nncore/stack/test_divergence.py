import math

import numpy as np
import pytest

from nncore.datasets import draw
from nncore.rules import rules
from nncore.stack.training import train
from nncore.trial import Configuration
from tests.problems import (
    BATCHES,
    added,
    configuration,
    fixed,
    noted,
    problem,
    run,
    samples,
    shapes,
    short,
)

RULES = ("sgd", "adagrad", "rmsprop", "adam")


def assert_no_nan(outcome):
    for curve in outcome.metrics.values():
        assert curve.dtype == np.float64
        assert curve.shape == outcome.epochs.shape
        assert not np.isnan(curve).any()


def jump(dataset, loss, start, end, layers=("dense 1",), epochs=1, **changes):
    """The outcome of a training that goes from parameters `start` to `end` in its last update."""

    def leap(w, g, t, *, learning_rate):
        if t == epochs:
            w[:] = end

    with added(rules, "sgd", function=leap, parameters={"learning_rate": 1.0}, buffers=()) as rule:
        trained = fixed(dataset, layers, loss, start, epochs=epochs, **changes)
        return train(trained, [Configuration(rule, {"learning_rate": 1.0, "decay": 0.0})], [0])[0]


X = np.array([[0.0], [0.0], [0.0], [0.0]])
TARGETS = np.array([[1.0], [1.0], [1.0], [5.0]])  # mean 2, variance 3
FOUR_CLASSES = np.array([0, 0, 0, 1])
ENTROPY = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))


# Biases: two with an error above that of every end, one with an error below.
STARTS = {"higher": 100.0, "lower": 2.1}


@pytest.mark.parametrize(
    ("loss", "constant"), [("mean_squared_error", 3.0), ("half_mean_squared_error", 1.5)]
)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("factor", [1.999, 2.001])
def test_diverged_above_twice_the_variance_and_no_lower_than_it_began(
    loss, constant, start, factor
):
    # Output 2 + d has a mean squared error of 3 + d^2.
    distance = math.sqrt(3 * factor - 3)
    with samples(X, TARGETS) as dataset:
        outcome = jump(dataset, loss, [0.0, STARTS[start]], [0.0, 2 + distance], epochs=3)
    diverged = factor > 2 and start == "lower"
    assert outcome.metrics["train_loss"][-1] == pytest.approx(constant * factor)
    assert outcome.constant == constant
    assert (outcome.status == "diverged", outcome.improved) == (diverged, start == "higher")
    assert outcome.diverged_epoch == (3 if diverged else None)
    assert bool(outcome.reason) == diverged
    assert "constant predictor" in outcome.reason or not diverged


def test_what_ends_where_it_began_has_not_come_down():
    with samples(X, TARGETS) as dataset:
        outcome = jump(dataset, "mean_squared_error", [0.0, 100.0], [0.0, 100.0])
    assert (outcome.status, outcome.improved) == ("diverged", False)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize(("factor", "status"), [(0.999, "ok"), (1.001, "diverged")])
def test_diverged_above_twice_the_entropy(factor, status, one_hot):
    # Logits (0, z): the loss is log(1 + e^z) - z / 4, which grows with z from z = 0 on.
    low, high = 0.0, 10.0
    for _ in range(60):
        z = (low + high) / 2
        loss = math.log(1 + math.exp(z)) - z / 4
        low, high = (z, high) if loss < 2 * ENTROPY * factor else (low, z)
    y = np.eye(2)[FOUR_CLASSES] if one_hot else FOUR_CLASSES
    with samples(X, y) as dataset:
        outcome = jump(
            dataset,
            "categorical_crossentropy",
            np.zeros(4),
            [0.0, 0.0, 0.0, z],
            ["dense 2", "softmax"],
        )
    assert outcome.metrics["train_loss"][-1] == pytest.approx(2 * ENTROPY * factor)
    assert (outcome.status, outcome.improved) == (status, False)


@pytest.mark.parametrize(
    ("loss", "y", "layers", "parameters"),
    [
        ("squared_sum", TARGETS, ["dense 1"], 2),
        ("mean_squared_error", TARGETS * 0, ["dense 1"], 2),
        ("half_mean_squared_error", TARGETS * 0, ["dense 1"], 2),
    ],
)
@pytest.mark.parametrize(("factor", "status"), [(1.999, "ok"), (2.001, "diverged")])
def test_diverged_above_twice_the_initial_loss(loss, y, layers, parameters, factor, status):
    start, end = np.zeros(parameters), np.zeros(parameters)
    start[-1] = 10.0 + y.mean()
    with samples(X, y) as dataset:
        [first] = {jump(dataset, loss, start, start).metrics["train_loss"][0]}
        spread = 3.0 if y.any() else 0.0  # of the squares, where targets differ
        base = (start[-1] - y.mean()) ** 2 + spread
        end[-1] = y.mean() + math.sqrt(base * factor - spread)
        outcome = jump(dataset, loss, start, end)
    assert outcome.metrics["train_loss"][-1] == pytest.approx(first * factor)
    assert (outcome.status, outcome.improved, outcome.constant) == (status, False, None)
    assert outcome.reason == "" or "initial" in outcome.reason


@pytest.mark.parametrize(("bias", "improved"), [(3.9, True), (4.0, False), (4.1, False)])
def test_improved_is_below_the_initial_loss(bias, improved):
    with samples(X, TARGETS) as dataset:
        outcome = jump(dataset, "mean_squared_error", [0.0, 4.0], [0.0, bias])
    assert outcome.improved is improved


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_runaways_that_stay_finite_have_diverged(dtype):
    trained = problem("spiral", epochs=60, record_every=20, dtype=dtype)
    with noted("sgd") as (name, notes):
        outcomes = run(
            trained, *(configuration(name, learning_rate=r) for r in (0.5, 100, 1e3, 1e6))
        )
    assert np.isfinite(notes[-1].w).all()
    assert outcomes[0].status == "ok"
    for outcome in outcomes[1:]:
        assert (outcome.status, outcome.diverged_epoch) == ("diverged", 60)
        assert np.isfinite(outcome.metrics["train_loss"]).all()
        assert outcome.metrics["train_loss"][-1] > 2 * math.log(3)
        assert not outcome.improved
        assert "twice" in outcome.reason or "2 times" in outcome.reason


@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize(
    ("name", "dtype"), [("spiral", "float32"), ("log_linear", "float32"), ("log_linear", "float64")]
)
def test_what_is_not_finite_stops_early(name, dtype, batches):
    trained = short(name, **BATCHES[batches], dtype=dtype, epochs=400, record_every=200)
    with noted("sgd") as (rule, notes):
        [outcome] = run(trained, configuration(rule, learning_rate=1e300))
    per_epoch = math.ceil(len(draw(trained.dataset, 0)["train"].X) / (trained.batch_size or 1e9))
    assert len(notes) <= max(64, 2 * per_epoch)
    assert (outcome.status, outcome.improved) == ("diverged", False)
    assert outcome.diverged_epoch == len(notes) / per_epoch
    assert "not finite" in outcome.reason
    assert_no_nan(outcome)
    worst = {"loss": np.inf, "accuracy": 0.0, "r2": -np.inf}
    for metric, curve in outcome.metrics.items():
        assert np.isfinite(curve[0])
        assert curve[1:].tolist() == [worst[metric.rpartition("_")[2]]] * 2


def test_a_runaway_leaves_its_stack():
    """Work ends with the last trial that is finite, and shrinks with every one that is not."""
    trained = short("spiral", epochs=500, record_every=100)
    with noted("sgd") as (rule, notes):
        outcomes = run(
            trained, *(configuration(rule, learning_rate=r) for r in (1e300, 0.1, 1e300, 0.2, 0.3))
        )
    assert [o.status == "ok" for o in outcomes] == [False, True, False, True, True]
    assert len(notes) == 500
    assert sum(len(note.w) == 5 for note in notes) <= 64
    assert {len(note.w) for note in notes} == {5, 3}


def test_infinite_parameter_of_a_finite_loss():
    """A neuron that is off for ever leaves the loss finite."""
    start, end = np.array([[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]] * 2)
    end[3] = -np.inf
    layers = ["dense 2", "relu", "dense 1"]
    with samples(np.ones((2, 1)), np.array([[0.0], [2.0]])) as dataset:
        outcome = jump(dataset, "mean_squared_error", start, end, layers)
    assert (outcome.status, outcome.diverged_epoch) == ("diverged", 1)
    assert "not finite" in outcome.reason
    assert outcome.metrics["train_loss"].tolist() == [2.0, np.inf]


def test_infinite_loss_of_finite_parameters():
    with samples(np.ones((2, 1)), np.zeros((2, 1))) as dataset:
        outcome = jump(
            dataset, "mean_squared_error", [1.0, 0.0], [1e25, 0.0], epochs=4, dtype="float32"
        )
    assert (outcome.status, outcome.diverged_epoch, outcome.improved) == ("diverged", 4, False)
    assert outcome.metrics["train_loss"].tolist() == [1, 1, 1, 1, np.inf]


def test_not_finite_from_the_start():
    with samples(np.full((2, 1), 1e30), np.array([[0.0], [1.0]])) as dataset:
        outcome = jump(dataset, "mean_squared_error", [1.0, 0.0], [0.0, 0.0], dtype="float32")
    assert (outcome.status, outcome.diverged_epoch, outcome.improved) == ("diverged", 0, False)
    assert outcome.metrics["train_loss"].tolist() == [np.inf] * 2
    assert outcome.metrics["train_r2"].tolist() == [-np.inf] * 2


def test_validation_alone_is_not_finite():
    there = (np.full((2, 1), 1e30), np.array([[0.0], [1.0]]))
    with samples(np.ones((2, 1)), np.array([[0.0], [1.0]]), validation=there) as dataset:
        outcome = jump(
            dataset, "mean_squared_error", [0.0, 0.5], [1.0, 0.0], epochs=2, dtype="float32"
        )
    assert (outcome.status, outcome.diverged_epoch) == ("diverged", 2)
    assert_no_nan(outcome)


HOSTILE = {
    "one class": (np.eye(3), np.zeros(3, dtype=int), ["dense 1", "softmax"]),
    "one class of two": (np.eye(3), np.ones(3, dtype=int), ["dense 2", "softmax"]),
    "one sample": (np.ones((1, 2)), np.array([1]), ["dense 3", "relu", "dense 2", "softmax"]),
    "one sample of numbers": (np.ones((1, 2)), np.array([[7.0]]), ["dense 2", "tanh", "dense 1"]),
    "constant target": (np.eye(3), np.full((3, 1), 5.0), ["dense 1"]),
    "constant inputs": (np.zeros((3, 2)), np.array([0, 1, 1]), ["dense 2", "softmax"]),
    "huge inputs": (np.full((3, 2), 1e37), np.array([0, 1, 1]), ["dense 2", "softmax"]),
    "beyond float32": (np.full((3, 2), 1e39), np.array([0, 1, 1]), ["dense 2", "softmax"]),
    "huge targets": (np.eye(3), np.array([[1e38], [-1e38], [3e38]]), ["dense 1"]),
    "huge and tiny": (np.array([[1e30], [1e-30]]), np.array([[1.0], [2.0]]), ["dense 1", "relu"]),
    "sure sigmoid": (np.full((3, 2), 1e4), np.array([0, 1, 1]), ["dense 2", "sigmoid"]),
    "one-hot": (np.eye(3), np.eye(3), ["dense 3", "softmax"]),
    "equal inputs, other targets": (np.ones((4, 1)), np.arange(4.0)[:, None], ["dense 1"]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [None, 1, 2])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", HOSTILE)
def test_no_data_make_nan(case, rule, batch_size, dtype):
    inputs, y, layers = HOSTILE[case]
    loss = "mean_squared_error" if layers[-1] not in ("softmax", "sigmoid") else None
    loss = loss or "categorical_crossentropy"
    count = sum((i + 1) * o for i, o in shapes(layers, inputs.shape[1]))
    start = np.linspace(-0.5, 1.0, count)
    with samples(inputs, y) as dataset:
        trained = fixed(
            dataset,
            layers,
            loss,
            start,
            batch_size=batch_size,
            shuffle=batch_size is not None,
            epochs=4,
            dtype=dtype,
        )
        rates = (0.1, 1e3, 1e30, 1e300)
        for outcome in run(trained, *(configuration(rule, learning_rate=r) for r in rates)):
            assert_no_nan(outcome)
            assert outcome.metrics
            assert outcome.status in ("ok", "diverged")
            assert (outcome.diverged_epoch is None) == (outcome.status == "ok")
            assert bool(outcome.reason) == (outcome.status == "diverged")


def test_constant_targets_have_no_r_squared():
    with samples(np.eye(3), np.full((3, 1), 5.0)) as dataset:
        outcome = jump(dataset, "mean_squared_error", np.zeros(4), np.zeros(4))
    assert list(outcome.metrics) == ["train_loss"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_in_the_data_is_refused(bad):
    inputs = np.ones((3, 2))
    inputs[1, 1] = bad
    with samples(inputs, np.array([0, 1, 0])) as dataset:
        trained = fixed(
            dataset, ["dense 2", "softmax"], "categorical_crossentropy", np.zeros(6), epochs=2
        )
        with pytest.raises(ValueError, match="NaN or infinite"):
            run(trained, configuration("sgd"))
