"""Document 004 as printed: last samples, and the layer that is never computed again."""

import numpy as np

from bench.studies.documents import (
    log_linear,
    runs,
)
from nncore import initializers
from nncore.datasets import datasets, draw
from nncore.layers import Architecture
from nncore.reference.network import SGD, network, steps
from nncore.stack.training import train
from tests.problems import fixed, samples


def regression(name):
    experiment = runs.experiment("004_log_linear")
    [problem] = [p.problem for p in experiment.problems if p.name == name]
    return problem, experiment.optimizers[0].configurations[0]


def start(problem, seed):
    X, y = draw(problem.dataset, seed)["train"]
    architecture = Architecture.of(problem.layers, X.shape[1])
    flat = initializers.draw(problem.initializer, architecture.parameters, seed)
    return log_linear.layered(architecture, flat), X, y


def as_the_page_loops(problem, rate, seed, epochs):
    """Losses that document 004's per-sample loop prints after each epoch."""
    parameters, X, y = start(problem, seed)
    net, optimizer = network(problem.layers, parameters, problem.loss), SGD({"learning_rate": rate})
    losses = []
    with np.errstate(all="ignore"):
        for made in steps(net, optimizer, X, y, batch_size=1):
            if made % len(X) == len(X) - 1:
                losses.append(np.mean((y - net.outputs) ** 2))
            if len(losses) == epochs:
                return np.nan_to_num(losses, nan=np.inf)


def test_last_samples_are_what_the_pages_loop_prints():
    """Among them a run that leaves the stack in the first epochs, and one that dies."""
    problem, configuration = regression("per_sample")
    seeds = (0, 1, 2, 3, 35)
    found = log_linear.last_samples(problem, configuration, seeds, (0, 3))
    for seed, losses in zip(seeds, found.printed, strict=True):
        expected = as_the_page_loops(problem, 0.1, seed, 4)[[0, 3]]
        np.testing.assert_allclose(losses, expected, rtol=1e-8)
    assert found.dead.any()
    assert not found.dead.all()


def stale_regression(problem, rate, seed, updates):
    """The output layer descends alone, on what the initial hidden layers make of the data."""
    [(W1, b1), (W2, b2), (W3, b3)], X, y = start(problem, seed)
    A = np.maximum(np.maximum(X @ W1 + b1, 0) @ W2 + b2, 0)
    losses = []
    for _ in range(updates + 1):
        residual = A @ W3 + b3 - y
        losses.append(np.mean(residual**2))
        W3, b3 = W3 - rate * A.T @ residual / len(X), b3 - rate * residual.mean(axis=0)
    return losses


def test_a_stale_layer_makes_the_page_a_linear_regression():
    problem, configuration = regression("full_batch")
    seeds = (0, 4)
    found = log_linear.stale(problem, configuration, seeds, 30)
    for seed, losses in zip(seeds, found, strict=True):
        np.testing.assert_allclose(losses, stale_regression(problem, 0.1, seed, 30), rtol=1e-8)


def test_the_stale_dataset_trains_as_the_stale_layer_does():
    """The spec's way, an output layer on fixed features, against the reference's StaleDense."""
    runs.experiment("004_as_printed")  # loads the plugin
    problem, configuration = regression("full_batch")
    features = datasets["stale_log_linear"].function.__globals__["hidden_features"]
    [*layers, (W3, b3)], X, y = start(problem, 2)
    with samples(features(X, layers), y) as dataset:
        flat = np.r_[W3.ravel(), b3.ravel()]
        given = fixed(dataset, ["dense 1"], "half_mean_squared_error", flat, epochs=30)
        [outcome] = train(given, [configuration], [0])
    expected = log_linear.stale(problem, configuration, [2], 30)[0]
    np.testing.assert_allclose(2 * outcome.metrics["train_loss"], expected, rtol=1e-8)
