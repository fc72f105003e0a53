"""Hyperparameters are as exact as Python's numbers, for every rule."""

import itertools

import numpy as np
import pytest

from nncore.rules import Hyperparameter, rules
from nncore.rules.kinds import FRACTION, domain
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.problems import dense

pytestmark = pytest.mark.usefixtures("in_a_training")

SHAPES = [(40, 7), (7, 30)]
COUNT = sum((inputs + 1) * outputs for inputs, outputs in SHAPES)
# Bounds on the error of float32 relative to the way: a few roundings of each of 100 updates.
BOUND = 2e-5
UPDATES = dict.fromkeys(rules, 100) | {"prodigy": 5}  # its estimated rate grows without end
FRACTIONS = [
    (name, parameter)
    for name, entry in rules.items()
    for parameter in entry.parameters
    if domain(parameter) is FRACTION
]


def path(name, dtype, **given):
    """The flat weights `(P,)` at first and after the updates, on one stream of gradients."""
    values = {**rules[name].parameters, "decay": 0.0, "learning_rate": 1e-2, **given}
    w, g = np.empty((1, COUNT), dtype), np.empty((1, COUNT), dtype)
    stream = np.random.default_rng(0)
    w[:] = start = stream.standard_normal((1, COUNT)).astype(np.float32)
    stack = [Configuration(name, values)]
    updates = Updates(rules[name], stack, dense(SHAPES), UPDATES[name], TrialFirst(), w, g)
    for _ in range(UPDATES[name]):
        g[:] = stream.standard_normal((1, COUNT)).astype(np.float32)
        updates.step()
    return start[0].astype(np.float64), w[0].astype(np.float64)


@pytest.mark.parametrize("value", [0.99999, 0.99999999])
@pytest.mark.parametrize(("name", "parameter"), FRACTIONS)
def test_what_is_nearly_one_is_as_good_in_float32_as_in_float64(name, parameter, value):
    start, expected = path(name, np.float64, **{parameter: value})
    _, found = path(name, np.float32, **{parameter: value})
    way = np.abs(expected - start).max()
    assert way > 0
    assert np.abs(found - expected).max() < BOUND * (1 + way)


NUMBERS = [0.99999999, 2.5e-3]
EXPRESSIONS = {
    "complement": lambda b, r: 1 - b,
    "correction": lambda b, r: r * (1 - b**7) ** 0.5 / (1 - r**7),
    "reflected": lambda b, r: 2 / (b + 3) - 0.96 ** (5 * r),
    "negative": lambda b, r: -b + abs(r),
    "function": lambda b, r: 1 - np.sqrt(b) * np.maximum(r, 1e-4),
    "scalar": lambda b, r: np.float64(1) - b,
    "item": lambda b, r: 1 - b[..., :],
    "powers": lambda b, r: b**r + 0.5**b + r**2 + r**2.0 + b**0.5,
}
MAKERS = {"column": Hyperparameter, "number": Hyperparameter.of}


def test_powers_of_a_number_have_the_bits_of_a_columns():
    bases = np.random.default_rng(0).uniform(0, 1, 2000)
    for base, power in itertools.product(bases, (3, 7, 1.5)):
        one, other = (make(np.full((3, 1), base), np.float64) for make in MAKERS.values())
        assert (one**power).exact.tobytes() == (other**power).exact.tobytes()
        assert (power**one).exact.tobytes() == (power**other).exact.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [n for n, entry in rules.items() if entry.per == "element"])
def test_whether_trials_share_a_value_changes_no_bit(name, dtype):
    entry, ways = rules[name], []
    values = {**entry.parameters, "learning_rate": 0.013}
    asked = {"memory": [{}] * 3} if "memory" in entry.needs else {}
    for make in MAKERS.values():
        stream, w = np.random.default_rng(1), np.ones((3, 9), dtype)
        state = [np.zeros_like(w) for _ in entry.buffers]
        given = {k: make(np.full((3, 1), v), dtype) for k, v in values.items()}
        for t in range(1, 30):
            g = stream.standard_normal(w.shape).astype(dtype)
            own = {"rng": [np.random.default_rng(t)] * 3} if "rng" in entry.needs else {}
            entry.function(w, g, t, *state, **given, **asked, **own)
        ways.append([array.tobytes() for array in (w, *state)])
    assert ways[0] == ways[1]


ODD = {
    "a row": lambda h, x: h * x[0],
    "one row": lambda h, x: x[:1] * h,
    "a list": lambda h, x: h * [1.0, 2.0],
    "a scalar": lambda h, x: h * np.float32(2),
    "an integer": lambda h, x: h - np.int64(2),
    "without axes": lambda h, x: h / np.array(2.0),
    "a complex": lambda h, x: h * 1j,
    "a sum": lambda h, x: np.sum(h * x[0], axis=-1),
    "compared": lambda h, x: h < x[0],
    "a product": lambda h, x: x.T @ h,
    "clipped": lambda h, x: np.clip(x[0], h, 2),
    "remainder": lambda h, x: h % x[0],
    "powers": lambda h, x: np.full(3, 2.0) ** h,
    "cells": lambda h, x: np.where(h > 0.1, h, x) + h[:, 0, None] + len(h) + h.shape[0],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("trials", [1, 3])
@pytest.mark.parametrize("odd", ODD)
def test_shapes_are_those_of_a_column(odd, trials, dtype):
    x = np.linspace(0.1, 2, trials * 2).reshape(trials, 2).astype(dtype)
    one, other = (
        np.asarray(ODD[odd](make(np.full((trials, 1), 0.3), dtype), x)) for make in MAKERS.values()
    )
    assert (one.shape, one.dtype) == (other.shape, other.dtype)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("power", [2.0, 0.5, -1.0, 3.0])
def test_powers_do_not_depend_on_the_exponents_of_others(power):
    x = np.random.default_rng(0).uniform(0, 2, (2, 2000))
    bases = [Hyperparameter.of(row[:, None], np.float64) for row in x]
    exponents = [np.array([[power], [last]]) for last in (power, power + 1)]
    for base in (x, np.asfortranarray(x)):
        shared, own = (base ** Hyperparameter.of(e, np.float64) for e in exponents)
        alone = base[:1] ** Hyperparameter.of(exponents[0][:1], np.float64)
        assert shared[:1].tobytes() == own[:1].tobytes() == alone.tobytes()
    among = np.full((2000, 1), power)
    among[-1] += 1
    several = (bases[0] ** Hyperparameter.of(among, np.float64)).exact
    one = Hyperparameter.of(among[:1], np.float64)
    for value, expected in zip(x[0, :-1], several, strict=False):
        alone = Hyperparameter.of(np.array([[value]]), np.float64) ** one
        assert alone.exact.tobytes() == expected.tobytes()


def test_a_zero_keeps_its_sign_beside_another():
    zeros = np.array([[0.0], [-0.0]])
    assert Hyperparameter.of(zeros, np.float32).exact.tobytes() == zeros.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("made", MAKERS)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_arithmetic_is_that_of_numbers_until_an_array_is_met(expression, made, dtype):
    compute = EXPRESSIONS[expression]
    b, r = (MAKERS[made](np.array([[x], [x]]), dtype) for x in NUMBERS)
    exact = np.array(
        [compute(np.array([b]), np.array([r])) for b, r in itertools.repeat(NUMBERS, 2)]
    )
    found = compute(b, r)
    assert type(found) is Hyperparameter
    np.testing.assert_array_equal(found.exact, exact)
    for meet in (lambda h, x: h * x, lambda h, x: x * h, lambda h, x: np.multiply(x, h)):
        x = np.full((2, 3), 3, dtype)
        product = meet(found, x)
        assert type(product) is np.ndarray
        assert product.tobytes() == (exact.astype(dtype) * x).tobytes()
    x = np.full((2, 3), 3, dtype)
    same = x
    x *= found
    assert x is same
    assert x.tobytes() == product.tobytes()
    x[:] = found
    np.testing.assert_array_equal(x, np.repeat(exact.astype(dtype), 3, axis=1))


@pytest.mark.parametrize("last", [0.5, 0.99999999])
def test_comparisons_are_arrays_of_exact_values(last):
    nearly = Hyperparameter.of(np.array([[0.99999999], [last]]), np.float32)
    for found in (nearly < 1, nearly != 1, nearly < Hyperparameter(np.ones((2, 1)), np.float32)):
        assert found.dtype == bool
        assert found.tolist() == [[True], [True]]


def test_one_number_is_a_number_and_several_are_not():
    one, several = (Hyperparameter.of(np.array([[0.0]] * n), np.float32) for n in (1, 2))
    assert (float(one), bool(one), len(several)) == (0.0, False, 2)
    for convert in (float, bool):
        with pytest.raises((TypeError, ValueError)):
            convert(several)


@pytest.mark.parametrize("name", [n for n, entry in rules.items() if entry.per == "element"])
def test_a_stack_of_one_computes_what_plain_numbers_do(name):
    """Bit for bit: a number among arrays has their dtype, and is a float64 among numbers."""
    entry, stream = rules[name], np.random.default_rng(1)
    (w, other), values = np.ones((2, 1, 9), np.float32), {**entry.parameters, "learning_rate": 0.01}
    given = {k: Hyperparameter(np.array([[v]]), np.float32) for k, v in values.items()}
    state, its = ([np.zeros_like(w) for _ in entry.buffers] for _ in range(2))
    for t in range(1, 20):
        g = stream.standard_normal(w.shape).astype(np.float32)
        entry.function(w, g, t, *state, **given)
        entry.function(other, g, t, *its, **values)
        assert w.tobytes() == other.tobytes()
