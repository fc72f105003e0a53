import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.datasets import draw
from nncore.initializers import draw as initial
from nncore.stack.training import train
from nncore.trial import recorded_epochs
from tests.problems import (
    BATCHES,
    configuration,
    dense,
    evaluate,
    noted,
    outcome_of_outputs,
    problem,
    run,
    shapes,
    short,
)


@pytest.mark.parametrize(
    ("epochs", "every", "expected"),
    [
        (10, 1, list(range(11))),
        (10, 5, [0, 5, 10]),
        (10, 4, [0, 4, 8, 10]),
        (3, 100, [0, 3]),
        (1, 1, [0, 1]),
        (10_001, 10_000, [0, 10_000, 10_001]),
    ],
)
def test_recorded_epochs(epochs, every, expected):
    found = recorded_epochs(epochs, every)
    assert (found.tolist(), found.dtype) == (expected, np.int64)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_first_and_last_epochs_are_recorded_once(epochs, every):
    found = recorded_epochs(epochs, every).tolist()
    assert found == sorted({e for e in range(epochs + 1) if e % every == 0 or e == epochs})


@pytest.mark.parametrize("batches", BATCHES)
def test_recording_more_often_does_not_alter_training(batches):
    stack = [configuration("sgd", learning_rate=r, momentum=0.9) for r in (0.1, 1e9, 1e300)]
    often, seldom, once = (
        run(short("spiral", **BATCHES[batches], epochs=11, record_every=every), *stack)
        for every in (1, 4, 100)
    )
    for a, b, c in zip(often, seldom, once, strict=True):
        assert a.epochs.tolist() == list(range(12))
        assert b.epochs.tolist() == [0, 4, 8, 11]
        assert c.epochs.tolist() == [0, 11]
        for name, curve in a.metrics.items():
            assert b.metrics[name].tobytes() == curve[b.epochs].tobytes()
            assert c.metrics[name].tobytes() == curve[c.epochs].tobytes()
        assert a.status == b.status == c.status
        assert a.improved == b.improved == c.improved


EVALUATED = {
    "spiral": problem("spiral", epochs=4, record_every=1, dtype="float64"),
    "more samples than a block": problem(
        "log_linear", {"samples": 1300}, epochs=3, record_every=1, dtype="float64"
    ),
    "large and many": short(
        "log_linear",
        {"samples": 1300},
        layers=["dense 20", "tanh", "dense 1"],
        record_every=1,
        dtype="float64",
    ),
    "per sample": problem(
        "log_linear",
        {"samples": 90},
        batch_size=1,
        epochs=2,
        record_every=1,
        loss="mean_squared_error",
        dtype="float64",
    ),
    "people": problem("people", epochs=4, record_every=1, dtype="float64"),
    "layer": problem("layer", epochs=4, record_every=1, dtype="float64"),
    "float32": problem("spiral", epochs=4, record_every=1),
    "tiny in float32": short("blobs", batch_size=3, record_every=1),
}


@pytest.mark.parametrize("case", EVALUATED)
def test_metrics_are_those_of_the_network(case):
    trained = EVALUATED[case]
    tolerance = 1e-10 if trained.dtype == "float64" else 2e-5
    with noted("adam") as (name, notes):
        outcomes = train(trained, [configuration(name, learning_rate=0.01)] * 2, [1, 2])
    per_epoch = len(notes) // trained.epochs
    for row, (seed, outcome) in enumerate(zip((1, 2), outcomes, strict=True)):
        parts = draw(trained.dataset, seed)
        layer_shapes = shapes(trained.layers, parts["train"].X.shape[1])
        start = initial(trained.initializer, dense(layer_shapes), seed)
        parameters = [start, *(note.w[row] for note in notes[per_epoch - 1 :: per_epoch])]
        score = "accuracy" if parts["train"].y.ndim == 1 else "r2"
        expected = {}
        for part, (X, y) in parts.items():
            metrics = [evaluate(trained.layers, trained.loss, w, X, y) for w in parameters]
            expected[f"{part}_loss"] = [m[0] for m in metrics]
            expected[f"{part}_{score}"] = [m[1] for m in metrics]
        if trained.dataset["name"] == "layer":
            del expected["train_r2"]  # all targets are equal
        assert list(outcome.metrics) == sorted(expected, key=lambda m: m.endswith(score))
        for metric, values in expected.items():
            slack = 0 if metric.endswith("loss") else tolerance
            # In float32, a sample may lie on either side of the border between two classes.
            slack = 2 / 300 if (trained.dtype, score) == ("float32", "accuracy") else slack
            np.testing.assert_allclose(
                outcome.metrics[metric], values, rtol=tolerance, atol=slack, err_msg=metric
            )


def test_accuracy_counts_the_largest_output():
    p = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    for y, right in ([0, 0, 2, 1], 0.5), ([1, 0, 2, 0], 1.0), ([2, 1, 0, 2], 0.0):
        outcome = outcome_of_outputs(p, np.array(y), "categorical_crossentropy")
        assert outcome.metrics["train_accuracy"].tolist() == [right, right]


@pytest.mark.parametrize("loss", ["mean_squared_error", "half_mean_squared_error"])
def test_r_squared_is_one_minus_the_share_left(loss):
    y = np.array([[0.0, 10.0], [2.0, 30.0], [4.0, 20.0]])
    total = 8 + 200  # squared distances from the means, 2 and 20
    aside, means = np.array([1.0, 0.0]), np.tile([2.0, 20.0], (3, 1))
    for p, left in (y, 0), (y + aside, 3), (means, total), (y - 9.0, 6 * 81):
        outcome = outcome_of_outputs(p, y, loss)
        assert outcome.metrics["train_r2"][0] == pytest.approx(1 - left / total, abs=1e-14)
