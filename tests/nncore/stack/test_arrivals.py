"""Arrivals at targets are those of the curve that records every epoch, whatever is recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nncore.metrics import quantity
from nncore.rules import rules
from nncore.stack.training import train
from nncore.trial import Configuration, Target
from tests.problems import BATCHES, added, assert_same, configuration, fixed, samples, short

EPOCHS = 24
COLUMNS = {
    "spiral": ["train_loss", "train_accuracy", "validation_loss", "test_accuracy"],
    "log_linear": ["train_loss", "train_r2", "validation_r2"],
}
# The last one measures elsewhere than where it takes gradients.
RULES = ["sgd", "adam", "schedule_free_sgd"]


def first(outcome, target):
    """The first recorded epoch at which the target is reached, by plain comparison."""
    lower = quantity(target.column.partition("_")[2]).lower
    for epoch, value in zip(outcome.epochs, outcome.metrics[target.column], strict=True):
        if value <= target.value if lower else value >= target.value:
            return float(epoch)
    return np.inf


def goals(outcomes, columns):
    """Of each column the initial value, values on the way, and one that nobody reaches."""
    found = []
    for column in columns:
        values = np.ravel([outcome.metrics[column][[0, 5, 11, EPOCHS]] for outcome in outcomes])
        beyond = -1e9 if quantity(column.partition("_")[2]).lower else 1e9
        found += [Target(column, float(value)) for value in {*values, beyond}]
    return found


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("name", COLUMNS)
def test_they_are_exact_to_the_epoch_whatever_is_recorded(name, batches, rule):
    trained = short(name, **BATCHES[batches], epochs=EPOCHS, record_every=1)
    default = rules[rule].parameters["learning_rate"]
    stack = [configuration(rule, learning_rate=default * factor) for factor in (0.02, 0.3, 1e9)]
    seeds = [0, 1, 2]
    whole = train(trained, stack, seeds)
    targets = goals(whole, COLUMNS[name])
    of_losses = [target for target in targets if target.column == "train_loss"]
    for every, asked in ((7, of_losses), (1, targets), (7, targets), (100, targets)):
        problem = replace(trained, record_every=every)
        found = train(problem, stack, seeds, targets=asked)
        for outcome, curve in zip(found, whole, strict=True):
            assert outcome.arrivals == {target: first(curve, target) for target in asked}
        for outcome, unlooked in zip(found, train(problem, stack, seeds), strict=True):
            assert_same(outcome, unlooked)
    [alone] = train(trained, stack[1:2], seeds[1:2], targets=targets)
    assert alone.arrivals == found[1].arrivals
    reached = {epoch for outcome in found for epoch in outcome.arrivals.values()}
    assert reached - {0, np.inf}


def leap(ends, dataset, layers, loss, start, targets, **changes):
    """The outcome of a training whose parameters are `ends`, one set after another."""

    def function(w, g, t, *, learning_rate):
        w[:] = ends[min(t, len(ends)) - 1]

    entry = {"function": function, "parameters": {"learning_rate": 1.0}, "buffers": ()}
    with added(rules, "sgd", **entry) as rule:
        trained = fixed(dataset, layers, loss, start, epochs=40, **changes)
        only = [Configuration(rule, {"learning_rate": 1.0, "decay": 0.0})]
        return train(trained, only, [0], targets=targets)[0]


@pytest.mark.parametrize("batch_size", [None, 2, 1])
@pytest.mark.parametrize("every", [1, 40])
def test_a_network_that_is_not_finite_has_not_arrived(every, batch_size):
    # A neuron that is off for ever leaves the loss finite: here it is even 0.
    start, off = np.array([[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]] * 2)
    off[[3, 4, 6]] = -np.inf, 0.0, 2.0
    target = Target("train_loss", 0.5)
    with samples(np.ones((2, 1)), np.full((2, 1), 2.0)) as dataset:
        given = dataset, ["dense 2", "relu", "dense 1"], "mean_squared_error"
        changes = {"batch_size": batch_size, "record_every": every}
        fine = leap([np.nan_to_num(off, neginf=-9.0)], *given, start * 0, [target], **changes)
        gone = leap([off], *given, start * 0, [target], **changes)
    assert (fine.status, fine.arrivals) == ("ok", {target: 1.0})
    assert (gone.status, gone.arrivals) == ("diverged", {target: np.inf})


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("every", [1, 40])
def test_nor_has_one_whose_outputs_are_none(every, batch_size):
    # The largest of outputs that are not a number is the first: three of four would be right.
    target = Target("train_accuracy", 0.7)
    X, y = np.full((4, 1), 100.0), np.array([0, 0, 0, 1])
    with samples(X, y) as dataset:
        start = [0.0, 0.0, 0.0, 1.0]
        ends = [[0.0, 1e38, 0.0, 0.0]]
        given = dataset, ["dense 2", "softmax"], "categorical_crossentropy", start, [target]
        changes = {"batch_size": batch_size, "record_every": every, "dtype": "float32"}
        outcome = leap(ends, *given, **changes)
    assert outcome.arrivals == {target: np.inf}


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("every", [1, 40])
def test_a_run_that_arrives_and_blows_up_has_arrived(every, batch_size):
    target = Target("train_loss", 0.25)
    X, y = np.ones((4, 1)), np.array([[0.0], [0.0], [1.0], [1.0]])
    with samples(X, y) as dataset:
        per_epoch = 1 if batch_size is None else 2
        ends = [[0.0, 3.0]] * 2 * per_epoch + [[0.0, 0.5]] * per_epoch + [[0.0, np.inf]]
        changes = {"batch_size": batch_size, "record_every": every}
        outcome = leap(
            ends, dataset, ["dense 1"], "mean_squared_error", [0.0, 3.0], [target], **changes
        )
    assert (outcome.status, outcome.arrivals) == ("diverged", {target: 3.0})


def test_of_columns_that_the_problem_has_not_nothing_is_said():
    trained = short("people", epochs=3)
    targets = [Target("train_accuracy", 0.5), Target("validation_loss", 1e9)]
    [outcome] = train(trained, [configuration("sgd")], [0], targets=targets)
    known = {target.column for target in outcome.arrivals}
    assert known == {"validation_loss"} & set(outcome.metrics)
