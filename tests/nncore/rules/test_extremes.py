"""Rates of zero, gradients of zero, and numbers whose squares are no numbers, for every rule."""

from contextlib import contextmanager

import numpy as np
import pytest

from nncore.rules import rules
from nncore.schedules import schedules
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.problems import added, bowl, dense

pytestmark = pytest.mark.usefixtures("in_a_training")

SHAPES = [(5, 4), (4, 3)]
COUNT = sum((inputs + 1) * outputs for inputs, outputs in SHAPES)
UPDATES = 30


@contextmanager
def scheduled(factor):
    """A schedule of a plugin's: `factor` of the number of updates made."""
    with added(schedules, "constant", function=lambda t, total: factor(t), parameters={}) as name:
        yield {"name": name}


def descent(name, *, factor=np.ones_like, scale=1.0, start=1.0, dtype="float32", **given):
    """Weights at first, after every update (U, P), and where metrics are taken at the end.

    Gradients are normal numbers times `scale`, the same whatever the weights.
    """
    values = {**rules[name].parameters, "decay": 0.0, **given}
    w, g = np.empty((1, COUNT), dtype), np.empty((1, COUNT), dtype)
    stream = np.random.default_rng(0)
    w[:] = start * stream.standard_normal((1, COUNT))
    found = [w[0].copy()]
    with scheduled(factor) as schedule, np.errstate(all="ignore"):
        stack = [Configuration(name, values, {"schedule": schedule})]
        oracle = bowl(np.dtype(dtype).type(1))
        updates = Updates(
            rules[name], stack, dense(SHAPES), UPDATES, TrialFirst(), w, g, oracle=oracle
        )
        for _ in range(UPDATES):
            g[:] = stream.standard_normal((1, COUNT)).astype(np.float32)
            g *= np.dtype(dtype).type(scale)
            oracle.see(w, g)
            updates.step()
            found.append(w[0].copy())
    return found[0], np.array(found[1:]), updates.evaluated[0].copy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", rules)
def test_a_first_rate_of_zero_harms_nobody(name, dtype):
    start, path, evaluated = descent(name, factor=lambda t: (t > 0) * 1.0, dtype=dtype)
    assert np.isfinite(path).all()
    assert np.isfinite(evaluated).all()
    if name != "rprop":  # whose steps have a least size
        np.testing.assert_allclose(path[0], start, rtol=1e-6)
    assert not np.allclose(path[-1], start, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("factor", [0.0, 1e-30, 1e-44])
@pytest.mark.parametrize("name", [name for name in rules if name != "rprop"])
def test_rates_too_small_to_move_leave_the_weights_finite(name, factor):
    start, path, evaluated = descent(name, factor=lambda t: np.full_like(t, factor))
    np.testing.assert_allclose(path[-1], start, rtol=1e-5)
    np.testing.assert_allclose(evaluated, start, rtol=1e-5)


@pytest.mark.parametrize("name", rules)
def test_no_gradient_is_no_step(name):
    decays = {"weight_decay": 0.0} if "weight_decay" in rules[name].parameters else {}
    for at in (0.0, 1.0):
        start, path, evaluated = descent(name, scale=0.0, start=at, **decays)
        np.testing.assert_allclose(path[-1], start, rtol=1e-5)
        np.testing.assert_allclose(evaluated, start, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e-12, 1e12])
@pytest.mark.parametrize("name", rules)
def test_gradients_of_any_size_lead_to_numbers(name, scale):
    _, path, evaluated = descent(name, scale=scale)
    assert np.isfinite(path).all()
    assert np.isfinite(evaluated).all()


@pytest.mark.parametrize("scale", [2.0**-90, 2.0**60])
@pytest.mark.parametrize("name", ["signsgd", "signum", "lion", "rprop", "lars"])
def test_a_rule_of_directions_does_not_see_the_gradients_size(name, scale):
    _, expected, _ = descent(name)
    _, found, _ = descent(name, scale=scale)
    assert found.tobytes() == expected.tobytes()


def average(path, rates):
    """Of points (U, P), weighted with the squares of the rates."""
    weights = np.square(rates, dtype=np.float64)
    return weights @ path / weights.sum()


WARMUPS = {
    "from zero": lambda t: np.minimum(t / 5, 1.0),
    "squares of which are zero": lambda t: 1e-30 * np.minimum((t + 1) / 5, 1.0),
    "nothing between": lambda t: (t % 3 != 1) * 1.0,
}


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("name", [name for name in rules if name.startswith("schedule_free")])
def test_averages_weigh_updates_by_the_squares_of_their_rates(name, warmup):
    """With beta_1 = 0, the weights are the points that are averaged."""
    factor = WARMUPS[warmup]
    rates = factor(np.arange(UPDATES, dtype=np.float64))
    given = {"factor": factor, "scale": 1 / rates.max(), "beta_1": 0.0}
    start, path, evaluated = descent(name, **given, dtype="float64")
    np.testing.assert_allclose(evaluated, average(path, rates / rates.max()), rtol=1e-9)
    _, _, found = descent(name, **given)
    np.testing.assert_allclose(found, evaluated, rtol=1e-4, atol=1e-5 * np.abs(start).max())
