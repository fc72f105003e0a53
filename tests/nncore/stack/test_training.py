import math
from dataclasses import replace

import numpy as np
import pytest

from nncore.datasets import draw
from nncore.initializers import draw as initial
from nncore.reference import network
from nncore.rules import rules
from nncore.stack.training import train
from nncore.streams import generator
from nncore.trial import Configuration, is_random
from tests.problems import (
    BATCHES,
    GENERATED,
    assert_same,
    configuration,
    dense,
    fixed,
    noted,
    problem,
    run,
    samples,
    shapes,
    short,
)

SETTINGS = {
    "sgd": {"learning_rate": 0.05, "decay": 1e-2, "momentum": 0.9, "bias.momentum": 0.5},
    "adagrad": {"learning_rate": 0.1, "decay": 1e-3},
    "rmsprop": {"learning_rate": 0.01, "rho": 0.95, "epsilon": 1e-3},
    "adam": {"learning_rate": 0.02, "decay": 5e-3, "beta_2": 0.99, "bias.beta_1": 0.5},
}


def run_seeds(trained, configuration, seeds):
    return train(trained, [configuration] * len(seeds), seeds)


def layered(parameters, layer_shapes):
    """Flat parameters as (weights, biases) of each layer."""
    found, start = [], 0
    for inputs, outputs in layer_shapes:
        cut = start + inputs * outputs
        weights = parameters[start:cut].reshape(inputs, outputs)
        found.append((weights, parameters[cut : cut + outputs].reshape(1, -1)))
        start = cut + outputs
    return found


@pytest.mark.parametrize("rule", SETTINGS)
@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("name", ["spiral", "log_linear"])
def test_stack_trains_as_the_reference_does(name, batches, rule):
    trained = short(name, **BATCHES[batches], dtype="float64", epochs=3)
    given = configuration(rule, **SETTINGS[rule]).hyperparameters
    with noted(rule) as (copy, notes):
        train(trained, [Configuration(copy, given)] * 2, [5, 6])
    for row, seed in enumerate((5, 6)):
        X, y = draw(trained.dataset, seed)["train"]
        layer_shapes = shapes(trained.layers, X.shape[1])
        order = None
        if trained.shuffle:
            stream = generator("order", len(X), seed)
            order = [stream.permutation(len(X)) for _ in range(4)]  # one more than it needs
        expected = network.train(
            layered(initial(trained.initializer, dense(layer_shapes), seed), layer_shapes),
            X,
            y,
            layers=trained.layers,
            loss=trained.loss,
            rule=rule,
            hyperparameters=given,
            updates=len(notes),
            batch_size=trained.batch_size,
            order=order,
        )
        assert len(notes) == 3 * math.ceil(len(X) / (trained.batch_size or len(X)))
        for some, other in zip(layered(notes[-1].w[row], layer_shapes), expected, strict=True):
            np.testing.assert_allclose(some[0], other[0], rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(some[1], other[1], rtol=1e-9, atol=1e-11)


def visited(count, seed, *, epochs, shuffle, batch_size=1, rule="sgd"):
    """The samples of each batch, in turn: sample k alone moves weight k."""
    with (
        samples(np.eye(count), np.ones((count, 1))) as dataset,
        noted(rule) as (name, notes),
    ):
        trained = fixed(
            dataset,
            ["dense 1"],
            "mean_squared_error",
            np.zeros(count + 1),
            batch_size=batch_size,
            shuffle=shuffle,
            epochs=epochs,
        )
        train(trained, [configuration(name, learning_rate=1e-9)], [seed])
    return [set(np.flatnonzero(note.g[0, :-1]).tolist()) for note in notes]


@pytest.mark.parametrize("count", [1, 6, 50])
def test_samples_in_their_own_order(count):
    assert visited(count, 3, epochs=2, shuffle=False) == [{k} for k in range(count)] * 2


def test_batches_in_their_own_order():
    found = visited(7, 3, epochs=2, shuffle=False, batch_size=3)
    assert found == [{0, 1, 2}, {3, 4, 5}, {6}] * 2


@pytest.mark.parametrize("rule", rules)
def test_every_rule_sees_the_seed_s_order(rule):
    stream = generator("order", 50, 3)
    expected = [{int(k)} for _ in range(3) for k in stream.permutation(50)]
    assert visited(50, 3, epochs=3, shuffle=True, rule=rule) == expected


def test_order_is_fresh_in_every_epoch_and_for_every_seed():
    some, other = (visited(50, seed, epochs=2, shuffle=True) for seed in (0, 1))
    for epoch in (some[:50], some[50:], other[:50], other[50:]):
        assert set.union(*epoch) == set(range(50))
    assert len({str(e) for e in (some[:50], some[50:], other[:50], other[50:])}) == 4


def test_batches_are_cut_from_the_same_order():
    singles = visited(50, 4, epochs=2, shuffle=True)
    batches = visited(50, 4, epochs=2, shuffle=True, batch_size=8)
    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 8, 8, 2] * 2
    starts = [50 * epoch + k for epoch in (0, 1) for k in range(0, 50, 8)]
    ends = [min(k + 8, 50 * (k // 50 + 1)) for k in starts]
    assert batches == [set.union(*singles[a:b]) for a, b in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("name", ["spiral", "people"])
def test_samples_in_order_as_in_a_plain_loop(name):
    """Gradient descent on one linear neuron, in plain floats."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    w1, w2, b = 0.3, -0.2, 0.1
    with samples(X, y) as dataset, noted("sgd") as (rule, notes):
        layers = ["dense 1"] if name == "people" else ["dense 1", "linear"]
        trained = fixed(
            dataset, layers, "half_mean_squared_error", [w1, w2, b], batch_size=1, epochs=3
        )
        train(trained, [configuration(rule, learning_rate=0.1, decay=0.5)], [0])
    t = 0
    for _ in range(3):
        for (x1, x2), [target] in zip(X.tolist(), y.tolist(), strict=True):
            rate = 0.1 / (1 + 0.5 * t)
            residual = w1 * x1 + w2 * x2 + b - target
            w1, w2, b = w1 - rate * residual * x1, w2 - rate * residual * x2, b - rate * residual
            assert notes[t].w[0] == pytest.approx([w1, w2, b], rel=1e-12)
            t += 1


@pytest.mark.parametrize("name", GENERATED)
def test_a_batch_of_all_samples_or_more_is_the_full_batch(name):
    given = configuration("sgd", learning_rate=0.01, momentum=0.5)
    [full] = run(short(name, batch_size="full", shuffle=False), given)
    count = len(draw(short(name).dataset, 0)["train"].X)
    for batch_size in (count, 10_000):
        [other] = run(short(name, batch_size=batch_size, shuffle=False), given)
        assert_same(other, full)


def test_outcomes_come_in_the_order_of_the_trials():
    trained = short("spiral")
    stack = [(r, s) for r in (0.1, 1e300, 0.3) for s in (2, 0, 2)]
    configurations = [configuration("sgd", learning_rate=r) for r, _ in stack]
    together = train(trained, configurations, [s for _, s in stack])
    for c, (_, seed), outcome in zip(configurations, stack, together, strict=True):
        assert_same(train(trained, [c], [seed])[0], outcome)


def test_training_leaves_numpy_as_it_was():
    state, errors = np.random.get_state()[1].tolist(), np.geterr()  # noqa: NPY002
    run(short("spiral", batch_size=4), configuration("sgd", learning_rate=1e300))
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    assert np.geterr() == errors


@pytest.mark.parametrize(
    ("trained", "random"),
    [
        (problem("neuron"), False),
        (problem("layer"), False),
        (problem("people"), True),
        (problem("people", initializer={"name": "values", "values": [0.1] * 9}), False),
        (problem("people", initializer={"name": "zeros"}), False),
        (problem("people", initializer={"name": "zeros"}, shuffle=True), True),
        (problem("neuron", initializer={"name": "he_normal"}), True),
        (problem("blobs", layers=["dense 2", "softmax"], initializer={"name": "zeros"}), True),
    ],
    ids=str,
)
def test_is_random(trained, random):
    assert is_random(trained) is random
    two_epochs = replace(trained, epochs=2, dtype="float64")
    some, other = run_seeds(two_epochs, configuration("sgd", learning_rate=0.1), [0, 1])
    same = some.metrics["train_loss"].tobytes() == other.metrics["train_loss"].tobytes()
    assert same is not random
