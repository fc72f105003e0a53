import math

import numpy as np
import pytest
from scipy import stats

from nncore.initializers import BIASES, draw, initializers, is_random
from nncore.registry import UnknownNameError
from nncore.stack.training import train
from tests.problems import configuration, dense, short

SHAPES = [(40, 50), (50, 30), (30, 3)]
# (parameters, limits or None, standard deviation) of the weights of an I x O layer
LAWS = {
    "normal": ({"scale": 0.01}, None, lambda i, o: 0.01),
    "uniform": ({"low": -1.0, "high": 3.0}, lambda i, o: (-1, 3), lambda i, o: 4 / math.sqrt(12)),
    "glorot_uniform": (
        {},
        lambda i, o: (-math.sqrt(6 / (i + o)), math.sqrt(6 / (i + o))),
        lambda i, o: math.sqrt(2 / (i + o)),
    ),
    "glorot_normal": ({}, None, lambda i, o: math.sqrt(2 / (i + o))),
    "he_uniform": (
        {},
        lambda i, o: (-math.sqrt(6 / i), math.sqrt(6 / i)),
        lambda i, o: math.sqrt(2 / i),
    ),
    "he_normal": ({}, None, lambda i, o: math.sqrt(2 / i)),
}
# A correct initializer fails one of these tests once in 10^6 seeds; the seeds are fixed.
UNLIKELY = 1e-6


def layers_of(parameters, shapes):
    """Weights and biases of each layer, cut by hand."""
    found, start = [], 0
    for inputs, outputs in shapes:
        cut = start + inputs * outputs
        found.append((parameters[start:cut], parameters[cut : cut + outputs]))
        start = cut + outputs
    assert start == len(parameters)
    return found


def assert_follows(sample, limits, deviation):
    """Every number lies within the limits, and all together follow the law."""
    if limits is None:
        law = stats.norm(0, deviation)
    else:
        low, high = limits
        assert sample.min() >= low
        assert sample.max() < high
        assert (high - low) / math.sqrt(12) == pytest.approx(deviation)
        law = stats.uniform(low, high - low)
    assert stats.kstest(sample, law.cdf).pvalue > UNLIKELY
    assert abs(sample.mean() - law.mean()) < 5 * deviation / math.sqrt(len(sample))


def test_every_random_initializer_is_in_the_table():
    assert {name for name in initializers if is_random({"name": name})} == set(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_law_of_weights(name):
    parameters, limits, deviation = LAWS[name]
    definition = {"name": name, **parameters, "biases": "zeros"}
    for shape, (weights, biases) in zip(
        SHAPES, layers_of(draw(definition, dense(SHAPES), 7), SHAPES), strict=True
    ):
        assert_follows(weights, limits and limits(*shape), deviation(*shape))
        assert not biases.any()


@pytest.mark.parametrize("name", LAWS)
def test_biases_drawn_the_same_way(name):
    parameters, limits, deviation = LAWS[name]
    shapes = [(3, 900), (900, 700)]
    drawn = draw({"name": name, **parameters, "biases": "same"}, dense(shapes), 3)
    for shape, (weights, biases) in zip(shapes, layers_of(drawn, shapes), strict=True):
        assert_follows(weights, limits and limits(*shape), deviation(*shape))
        assert_follows(biases, limits and limits(*shape), deviation(*shape))
        assert not np.isin(biases, weights).any()


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("biases", BIASES)
def test_seed_decides(name, biases):
    definition = {"name": name, **initializers[name].parameters, "biases": biases}
    some, again, other = (draw(definition, dense(SHAPES), seed) for seed in (0, 0, 1))
    assert some.dtype == np.float64
    np.testing.assert_array_equal(some, again)
    assert not (some == other)[some != 0].any()


def test_one_shape_s_numbers_are_not_another_s():
    definition = {"name": "normal", "scale": 1.0, "biases": "zeros"}
    assert draw(definition, dense([(2, 3)]), 0)[0] != draw(definition, dense([(2, 4)]), 0)[0]


def test_scale_multiplies():
    some = draw({"name": "normal", "scale": 1.0}, dense(SHAPES), 0)
    assert np.std(some[some != 0]) == pytest.approx(1, abs=5 / math.sqrt(2 * 3590))


@pytest.mark.parametrize("biases", BIASES)
def test_zeros(biases):
    assert not draw({"name": "zeros", "biases": biases}, dense(SHAPES), 0).any()


def test_given_values():
    given = list(range(9))
    for seed in (0, 1):
        drawn = draw({"name": "values", "values": given}, dense([(2, 2), (2, 1)]), seed)
        assert drawn.tolist() == given
        assert drawn.dtype == np.float64


@pytest.mark.parametrize("count", [0, 8, 10])
def test_given_values_have_to_fill_the_network(count):
    with pytest.raises(ValueError, match=f"{count} values given, the network has 9 parameters"):
        draw({"name": "values", "values": [0.5] * count}, dense([(2, 2), (2, 1)]), 0)


def test_unknown_name():
    with pytest.raises(UnknownNameError, match='did you mean "he_normal"'):
        draw({"name": "henormal"}, dense(SHAPES), 0)


@pytest.mark.parametrize("name", [name for name in initializers if name != "values"])
def test_every_initializer_trains(name):
    definition = {**initializers[name].parameters, "name": name, "biases": "same"}
    some = train(
        short("people", initializer=definition), [configuration("sgd", learning_rate=0.1)], [0]
    )
    assert some[0].status == "ok"
