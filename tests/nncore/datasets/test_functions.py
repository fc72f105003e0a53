"""Test functions against their formulas: heights, slopes, lowest points, and descents to them."""

import itertools

import numpy as np
import pytest
import scipy.stats

from nncore.datasets import datasets, distance, draw, heights, minima
from nncore.datasets.functions import objective_of
from nncore.stack.paths import path
from nncore.stack.training import Training, train
from nncore.trial import is_random
from tests.nncore.datasets.test_datasets import defined
from tests.problems import assert_same, configuration, problem

FUNCTIONS = [name for name in datasets if datasets[name].kind == "function"]


def bowl(x):
    return sum(10 ** (-2 + 2 * i / 9) * a * a / 2 for i, a in enumerate(x))


# The functions as their sources write them, one point at a time, without the shift.
FORMULAS = {
    "quadratic": bowl,
    "noisy_quadratic": bowl,
    "rosenbrock": lambda x: sum(
        100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)
    ),
    "beale": lambda x: (
        (1.5 - x[0] + x[0] * x[1]) ** 2
        + (2.25 - x[0] + x[0] * x[1] ** 2) ** 2
        + (2.625 - x[0] + x[0] * x[1] ** 3) ** 2
    ),
    "himmelblau": lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
    "rastrigin": lambda x: 10 * len(x) + sum(a * a - 10 * np.cos(2 * np.pi * a) for a in x),
    "styblinski_tang": lambda x: (
        sum(a**4 - 16 * a * a + 5 * a for a in x) / 2 + 39.16616570377142 * len(x)
    ),
    "heavy_tailed_quadratic": bowl,
    "reddi": lambda x: x[0] / 3 + 3 * max(abs(x[0]) - 1, 0) ** 2 + 1 / 3 + 1 / 108,
}
# Rule, rate, epochs; parameters; of six starts, how many must end within 0.03 of a lowest point:
# descent finds a near minimum, which need not be the lowest, and Beale's plains have none.
HEAVY = {"samples": 40, "condition": 4.0, "freedom": 3.0}
NOISY = {"samples": 40, "condition": 4.0, "noise": 0.1}
DESCENTS = {
    "quadratic": ("sgd", 1.9, 1000, {}, 6),
    "noisy_quadratic": ("schedule_free_sgd", 0.5, 60, NOISY, 6),
    "rosenbrock": ("heavy_ball", 2e-4, 8000, {}, 5),
    "beale": ("adam", 0.02, 3000, {}, 3),
    "himmelblau": ("sgd", 0.005, 1000, {}, 6),
    "rastrigin": ("sgd", 0.001, 1000, {"dimension": 1}, 0),
    "styblinski_tang": ("sgd", 0.01, 1000, {"dimension": 1}, 2),
    "heavy_tailed_quadratic": ("schedule_free_sgd", 0.5, 60, HEAVY, 0),
    "reddi": ("sgd", 1e-3, 4000, {}, 6),
}


def test_every_function_has_a_formula():
    assert list(FORMULAS) == FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_equals_its_formula(name):
    definition = defined(name)
    dimension = minima(definition).shape[1]
    points = np.random.default_rng(0).uniform(-3, 3, (40, dimension))
    expected = [FORMULAS[name](x) for x in points]
    np.testing.assert_allclose(heights(definition, points), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_minima_are_minima(name):
    definition = defined(name)
    lowest = minima(definition)
    assert (np.abs(heights(definition, lowest)) < 1e-20).all()
    for step in (1e-3, 0.1):
        around = lowest + step * np.random.default_rng(0).standard_normal((200, *lowest.shape))
        assert (heights(definition, around) > 0).all()
        nearest = np.linalg.norm(around - lowest, axis=-1)
        found = distance(definition, around)
        assert (found <= nearest + 1e-15).all()
        assert found == pytest.approx(nearest, rel=1e-9) or name == "himmelblau"
    far = np.random.default_rng(1).uniform(-5, 5, (20_000, lowest.shape[1]))
    assert (heights(definition, far) > 0).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_is_the_slope(name):
    definition = defined(name)
    it, rng = objective_of(definition), np.random.default_rng(0)
    dimension = minima(definition).shape[1]
    x, Y = rng.uniform(-2, 2, (2, 3, dimension, 4))
    found, step = np.empty_like(x), 1e-6
    it.gradient(x, Y, found)
    for k in range(dimension):
        ahead, behind = x.copy(), x.copy()
        ahead[:, k] += step
        behind[:, k] -= step
        slope = (it.function(ahead, Y) - it.function(behind, Y)) / (2 * step) / 4
        np.testing.assert_allclose(found[:, k], slope, rtol=1e-6, atol=1e-6)


def ends(trained, one, seeds):
    """Where every seed begins, and where it ends, `(n, P)` each."""
    with np.errstate(all="ignore"):
        training = Training(trained, [one] * len(seeds), seeds)
        first = training.w.copy()
        for _ in range(trained.epochs):
            training.epoch()
    return first, training.updates.evaluated.copy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_training_descends_to_a_minimum(name, dtype):
    rule, rate, epochs, given, least = DESCENTS[name]
    trained = problem(name, given, epochs=epochs, record_every=epochs, dtype=dtype)
    assert is_random(trained)
    one, seeds = configuration(rule, learning_rate=rate), range(6)
    outcomes = train(trained, [one] * 6, seeds)
    starts, stops = ends(trained, one, seeds)
    for outcome, first, last in zip(outcomes, starts, stops, strict=True):
        assert next(iter(outcome.metrics)) == "train_loss"
        assert not any(metric.endswith("_r2") for metric in outcome.metrics)
        recorded = outcome.metrics["train_loss"]
        np.testing.assert_allclose(
            recorded, heights(trained.dataset, [first, last]), rtol=1e-4, atol=1e-5
        )
    gaps = [float(distance(trained.dataset, last)) for last in stops]
    assert sum(gap < 0.03 for gap in gaps) >= least
    assert len({first.tobytes() for first in starts}) == 6


@pytest.mark.parametrize("dimension", [1, 2, 1000])
@pytest.mark.parametrize("condition", [1.0, 1e6])
def test_quadratics_of_any_dimension_and_condition(dimension, condition):
    """Descent shrinks every coordinate at its own rate, through the whole machinery."""
    given = {"dimension": dimension, "condition": condition}
    trained = problem("quadratic", given, epochs=20, record_every=20, dtype="float64")
    points = path(trained, configuration("sgd", learning_rate=0.5), 3)
    curvature = np.geomspace(1 / condition, 1, dimension)
    expected = points[0] * (1 - 0.5 * curvature) ** np.arange(21)[:, None]
    np.testing.assert_allclose(points, expected, rtol=1e-12)
    assert np.abs(points[0]).max() <= 1


@pytest.mark.parametrize("rule", ["sgd", "adam", "shampoo", "lars", "prodigy", "schedule_free_sgd"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_point_s_neighbours_do_not_matter(name, rule):
    trained = problem(name, epochs=10, record_every=5, dtype="float32")
    one = configuration(rule, learning_rate=1e-3)
    together = train(trained, [one] * 3, [0, 1, 2])
    for seed in range(3):
        assert_same(train(trained, [one], [seed])[0], together[seed])


def test_noise_is_centred_and_leaves_the_gap():
    definition = defined("noisy_quadratic", noise=2.0)
    parts = draw(definition, 0)
    assert set(parts) == {"train", "validation", "test"}
    for X, y in parts.values():
        assert X.shape == (100, 0)
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-14)
        assert y.std() == pytest.approx(2, rel=0.1)
    y = parts["train"].y
    x = np.random.default_rng(0).standard_normal(10)
    curvature = np.geomspace(0.01, 1, 10)
    mean = np.mean([np.sum(curvature * (x - row) ** 2) / 2 for row in y])
    least = np.mean([np.sum(curvature * row**2) / 2 for row in y])
    assert heights(definition, x) == pytest.approx(mean - least)


def test_the_objective_is_for_functions():
    with pytest.raises(ValueError, match="spiral has samples"):
        train(problem("spiral", loss="objective"), [configuration("sgd")], [0])
    for name, parameter in [("rosenbrock", 1), ("rastrigin", 0), ("quadratic", 0)]:
        with pytest.raises(ValueError, match=f"dimension = {parameter}"):
            draw(defined(name, dimension=parameter), 0)


def test_heavy_tails_are_students():
    y = draw(defined("heavy_tailed_quadratic", samples=2000, freedom=1.5), 0)["train"].y
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-10)
    law = scipy.stats.t(1.5)
    spread = np.quantile(y, 0.75) - np.quantile(y, 0.25)
    assert spread == pytest.approx(law.ppf(0.75) - law.ppf(0.25), rel=0.05)
    assert np.abs(y).max() > 50 * spread
    odd = draw(defined("heavy_tailed_quadratic", samples=7), 0)["train"].y
    np.testing.assert_array_equal(odd[:3], -odd[3:6])
    np.testing.assert_array_equal(odd[6], 0)


def test_reddi_s_functions_come_in_turn():
    X, y = draw(defined("reddi", slope=4.0), 0)["train"]
    assert X.shape == (3, 0)
    it = objective_of(defined("reddi", slope=4.0))
    x = np.full((1, 1, 1), 0.25)
    for target, slope in zip(y, (4.0, -1.0, -1.0), strict=True):
        out = np.empty_like(x)
        it.gradient(x, target.reshape(1, 1, 1), out)
        assert out.item() == pytest.approx(slope)
    with pytest.raises(ValueError, match="slope = 2"):
        draw(defined("reddi", slope=2.0), 0)
