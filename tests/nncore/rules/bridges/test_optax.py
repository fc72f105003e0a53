"""optax's transformations as rules: their own numbers, and a trial's bits are its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nncore.layers import Architecture
from nncore.registry import RefusedError
from nncore.rehearsal import fault
from nncore.rules import rules
from nncore.rules.bridges import names
from nncore.rules.bridges import optax as bridge
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.nncore.rules.bridges.bridged import alike
from tests.problems import configuration

pytestmark = [pytest.mark.bridges, pytest.mark.usefixtures("in_a_training")]


@pytest.fixture(autouse=True, scope="module", name="optax")
def _optax() -> Any:
    """Imported for the tests that run: it takes seconds, and a gigabyte."""
    return pytest.importorskip("optax", reason="optax is not installed")


# Of every kind: elementwise, sums over a network and over tensors, the loss, random numbers.
KINDS: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "adam": ({"nesterov": True}, {"learning_rate": 0.01, "b1": 0.5}),
    "lamb": ({}, {"learning_rate": 0.01}),
    "polyak_sgd": ({}, {"learning_rate": 0.5}),
    "noisy_sgd": ({}, {"learning_rate": 0.1}),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_trial_is_its_own(name: str) -> None:
    options, given = KINDS[name]
    alike(f"optax:{name}", options, "large", "float32", **given)


def test_a_trial_is_its_own_in_rows_of_trials() -> None:
    alike("optax:adam", {}, "tiny", "float64", learning_rate=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_does_what_optax_does(dtype: str, optax: Any) -> None:
    """Two configurations and two rates in one stack, each against optax by itself."""
    import jax

    network = Architecture.of(["dense 5", "relu", "dense 3"], 4)
    rng = np.random.default_rng(0)
    start = rng.standard_normal((3, network.size)).astype(dtype)
    gradients = rng.standard_normal((12, 3, network.size)).astype(dtype)
    given = [
        {"learning_rate": 0.1, "b2": 0.99},
        {"learning_rate": 0.02, "b2": 0.99},
        {"learning_rate": 0.1, "b2": 0.9},
    ]
    w, g = start.copy(), np.empty_like(start)
    rule = rules["optax:adamw"]
    rows = [
        Configuration(rule.name, configuration(rule.name, **each).hyperparameters) for each in given
    ]
    updates = Updates(rule, rows, network.parameters, 12, TrialFirst(), w, g, seeds=[0, 1, 2])
    with jax.enable_x64(dtype == "float64"):
        made = [optax.adamw(**each) for each in given]
        theirs = [jax.numpy.asarray(row) for row in start]
        states = [one.init(row) for one, row in zip(made, theirs, strict=True)]
        for slopes in gradients:
            g[:] = slopes
            updates.step()
            for i, one in enumerate(made):
                change, states[i] = one.update(jax.numpy.asarray(slopes[i]), states[i], theirs[i])
                theirs[i] = optax.apply_updates(theirs[i], change)
        units = 1e-5 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(w, np.stack(theirs), rtol=units, atol=units)


def test_all_of_optax_can_be_named_or_says_why_not() -> None:
    refused = {}
    for name in (found := names("optax")):
        try:
            assert rules[f"optax:{name}"].parameters["learning_rate"] > 0
        except RefusedError as error:
            refused[name] = str(error)
    assert list(refused) == ["lbfgs"]
    assert "value_fn" in refused["lbfgs"]
    assert len(found) - len(refused) >= 27


@pytest.mark.parametrize("first", [1, 4])
def test_streams_of_random_numbers_differ_between_seeds(first: int) -> None:
    """Whatever the number of its first step is."""
    network = Architecture.of(["dense 1"], 2)
    w, g = np.zeros((2, 3)), np.zeros((2, 3))
    rule = rules["optax:noisy_sgd"]
    row = configuration(rule.name, learning_rate=1.0)
    updates = Updates(rule, [row, row], network.parameters, 3, TrialFirst(), w, g, seeds=[0, 1])
    updates.made = first - 1
    updates.step()
    assert not np.array_equal(w[0], w[1])


@pytest.mark.parametrize("every", [4, 50])
def test_one_that_collects_gradients_runs(optax: Any, every: int) -> None:
    def collecting(learning_rate: float) -> optax.GradientTransformation:
        return optax.MultiSteps(optax.adam(learning_rate), every).gradient_transformation()

    assert fault(bridge.bridged("optax:collecting", collecting)) == ""
