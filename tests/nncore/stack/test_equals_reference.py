"""The stacked core trains as the reference does: every rule, dataset and loss of the documents."""

import math

import numpy as np
import pytest

from nncore import initializers
from nncore.datasets import datasets, draw
from nncore.losses import losses, targets
from nncore.reference.network import OPTIMIZERS
from nncore.reference.network import train as train_reference
from nncore.stack.samples import orders
from nncore.stack.training import train
from tests.problems import configuration, dense, noted, problem, shapes

UPDATES = 20
BOUND = 1e-10
SEEDS = (3, 0, 1)
FROM_THE_DOCUMENTS = ("spiral", "vertical", "blobs", "people", "neuron", "layer", "log_linear")
# What a rule is tried with, one trial each; the last has biases of its own.
SETTINGS = {
    "sgd": [{}, {"momentum": 0.9}, {"momentum": 0.5, "decay": 0.01, "bias__momentum": 0.0}],
    "adagrad": [{}, {"decay": 0.1}, {"epsilon": 1e-3, "bias__learning_rate": 0.001}],
    "rmsprop": [{}, {"rho": 0.5, "decay": 0.1}, {"epsilon": 1e-3, "bias__rho": 0.99}],
    "adam": [{}, {"beta_1": 0.5, "decay": 0.1}, {"beta_2": 0.9, "bias__beta_1": 0.0}],
}
BATCHES = {
    "full batch": {"batch_size": "full"},
    "per sample": {"batch_size": 1, "shuffle": False},
    "in a fresh order": {"batch_size": 1, "shuffle": True},
    "batches with a remainder": {"batch_size": 7, "shuffle": True},
}


def loss_fits(loss, given):
    """Whether `loss` can be trained on the dataset's own network; squared_sum's targets are 0."""
    y = draw(given.dataset, 0)["train"].y
    try:
        found = targets(y, outputs(given), losses[loss])
    except ValueError:
        return False
    return loss != "squared_sum" or not found.any()


def outputs(given):
    return int(next(x for x in reversed(given.layers) if x.startswith("dense")).split()[1])


def fitting():
    return [
        (dataset, loss)
        for dataset in FROM_THE_DOCUMENTS
        for loss in (name for name in losses if name != "objective")
        if loss_fits(loss, problem(dataset))
    ]


def layered(parameters, layer_shapes):
    """Flat parameters as the reference has them: weights and biases of every layer."""
    layers, start = [], 0
    for fan_in, fan_out in layer_shapes:
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        weights = parameters[start:middle].reshape(fan_in, fan_out)
        layers.append((weights, parameters[middle:end].reshape(1, fan_out)))
        start = end
    return layers


def by_the_reference(given, setting, seed):
    """The flat parameters after `UPDATES` updates of one network."""
    X, y = draw(given.dataset, seed)["train"]
    layer_shapes = shapes(given.layers, X.shape[1])
    stream = orders([seed], len(X))[seed]
    order = [stream.permutation(len(X)) for _ in range(UPDATES + 1)] if given.shuffle else None
    trained = train_reference(
        layered(initializers.draw(given.initializer, dense(layer_shapes), seed), layer_shapes),
        X,
        y,
        layers=given.layers,
        loss=given.loss,
        rule=setting.rule,
        hyperparameters=setting.hyperparameters,
        updates=UPDATES,
        batch_size=given.batch_size,
        order=order,
    )
    return np.concatenate([array.ravel() for layer in trained for array in layer])


@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize(("dataset", "loss"), fitting())
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_the_stack_trains_as_the_reference_does(rule, dataset, loss, batches):
    samples, size = (
        len(draw(problem(dataset).dataset, 0)["train"].X),
        BATCHES[batches]["batch_size"],
    )
    epochs = UPDATES if size == "full" else math.ceil(UPDATES / math.ceil(samples / size))
    changes = {"loss": loss, "epochs": epochs, "record_every": epochs, "dtype": "float64"}
    if problem(dataset).initializer["name"] == "normal":
        # Below, gradients are near epsilon, and g / (|g| + epsilon) carries their rounding on.
        changes["initializer"] = {"name": "normal", "scale": 0.3, "biases": "same"}
    given = problem(dataset, **BATCHES[batches], **changes)
    rate = 0.001 if dataset in ("neuron", "layer") else 0.005
    settings = [configuration(rule, learning_rate=rate, **h) for h in SETTINGS[rule]]
    with noted(rule) as (name, notes):
        train(given, [configuration(name, **s.hyperparameters) for s in settings], SEEDS)
    assert len(notes) >= UPDATES
    for w, before, setting, seed in zip(
        notes[UPDATES - 1].w, notes[0].before, settings, SEEDS, strict=False
    ):
        reference = by_the_reference(given, setting, seed)
        assert np.abs(w - reference).max() < BOUND * np.abs(reference).max()
        assert np.abs(w - before).max() > 1e6 * BOUND * np.abs(reference).max(), "nothing moved"


def test_every_rule_dataset_and_loss_of_the_documents_takes_part():
    cited = {name for name, entry in datasets.items() if "Document 0" in entry.summary}
    assert cited == set(FROM_THE_DOCUMENTS)
    assert set(SETTINGS) == set(OPTIMIZERS)
    assert {loss for _, loss in fitting()} == set(losses) - {"objective"}
    assert {dataset for dataset, _ in fitting()} == set(FROM_THE_DOCUMENTS)
