import numpy as np
import pytest

from nncore.activations import activations
from nncore.layers import LAYERS, parse, shapes
from nncore.losses import losses
from nncore.stack.layouts import choose
from nncore.stack.network import bias_mask
from tests.problems import losses_and_gradients

STEP = 1e-6
# (features, width, samples): the first is multiplied in rows of trials, the second by BLAS.
SIZES = {"tiny": (3, 4, 5), "large": (5, 16, 80)}


def network(activation, depth, width, outputs=3):
    layers = []
    for _ in range(depth - 1):
        layers += [f"dense {width}", activation]
    return [*layers, f"dense {outputs}", activation]


def data(rng, loss, features, samples, outputs=3):
    X = rng.standard_normal((samples, features))
    if losses[loss].classes:
        return X, rng.integers(outputs, size=samples)
    return X, rng.standard_normal((samples, outputs))


def some_parameters(rng, layers, features, activation, loss):
    """Parameters with living neurons, and outputs above 0 where cross-entropy needs them."""
    pieces = []
    for inputs, outputs in shapes(layers, features):
        biases = 0.5 + 0.1 * rng.standard_normal(outputs)
        pieces.append(np.r_[rng.standard_normal(inputs * outputs) / np.sqrt(inputs), biases])
    if losses[loss].classes and activation not in ("softmax", "sigmoid"):
        inputs, outputs = shapes(layers, features)[-1]
        pieces[-1][:-outputs] *= 0.1
    return np.concatenate(pieces)


def test_small_and_large_networks_are_multiplied_in_different_ways():
    kinds = {
        type(choose(shapes(network("relu", 2, width), features), samples))
        for features, width, samples in SIZES.values()
    }
    assert len(kinds) == 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("loss", [name for name in losses if name != "objective"])
@pytest.mark.parametrize("activation", activations)
def test_gradient_is_the_slope_of_the_loss(activation, loss, depth, size):
    features, width, n = SIZES[size]
    rng = np.random.default_rng([depth, n])
    X, y = data(rng, loss, features, n)
    layers = network(activation, depth, width)
    w = some_parameters(rng, layers, features, activation, loss)
    directions = rng.standard_normal((4, len(w)))
    points = [w]
    for d in directions:
        points += [w + STEP * d, w - STEP * d]
    found, gradients = losses_and_gradients(layers, loss, X, y, np.array(points))
    slopes = (found[1::2] - found[2::2]) / (2 * STEP)
    # The outputs of a softmax sum to 1, whatever the parameters.
    assert np.abs(slopes).max() > 1e-4 or (activation, loss) == ("softmax", "squared_sum")
    np.testing.assert_allclose(directions @ gradients[0], slopes, rtol=2e-6, atol=2e-8)


@pytest.mark.parametrize("size", SIZES)
def test_softmax_and_crossentropy_fused_and_separate_agree(size):
    features, width, n = SIZES[size]
    rng = np.random.default_rng(0)
    X, y = data(rng, "categorical_crossentropy", features, n)
    fused = network("softmax", 2, width)
    points = rng.standard_normal((3, sum((i + 1) * o for i, o in shapes(fused, features))))
    # A layer after the softmax, though it does nothing, leaves the two gradients separate.
    some, other = (
        losses_and_gradients(layers, "categorical_crossentropy", X, y, points)
        for layers in (fused, [*fused, "linear"])
    )
    np.testing.assert_array_equal(some[0], other[0])
    np.testing.assert_allclose(some[1], other[1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_activations_follow_one_another(size):
    features, width, n = SIZES[size]
    rng = np.random.default_rng(1)
    X, y = data(rng, "mean_squared_error", features, n)
    # Three in a row, two, none, and two at the end.
    layers = [f"dense {width}", "tanh", "relu", "sigmoid", f"dense {width}", "relu", "tanh"]
    layers += [f"dense {width}", "dense 3", "softmax", "tanh"]
    w = rng.standard_normal(sum((i + 1) * o for i, o in shapes(layers, features)))
    d = rng.standard_normal(len(w))
    points = np.array([w, w + STEP * d, w - STEP * d])
    found, gradients = losses_and_gradients(layers, "mean_squared_error", X, y, points)
    slope = (found[1] - found[2]) / (2 * STEP)
    np.testing.assert_allclose(d @ gradients[0], slope, rtol=2e-6, atol=1e-9)


def test_bias_mask_marks_the_last_row_of_every_layer():
    assert bias_mask([(2, 3), (3, 1)]).tolist() == [False] * 6 + [True] * 3 + [False] * 3 + [True]


def test_layers_are_dense_or_activations():
    assert set(LAYERS) == {"dense"}
    assert shapes(["dense 7", *activations, "dense 2"], 4) == [(4, 7), (7, 2)]
    assert parse(["dense 7", *activations])[1:] == list(activations)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "begins with a dense layer"),
        (["relu", "dense 3"], "begins with a dense layer"),
        (["dense 3", "rleu"], 'did you mean "relu"'),
        (["dense"], "dense N"),
        (["dense x"], "dense N"),
        (["dense 2 3"], "dense N"),
        (["dense -1"], "dense N"),
        (["dense 1.5"], "dense N"),
        (["dense ²"], "dense N"),
        (["dense 0"], "1 to 1,000,000"),
        (["dense 1000001"], "1 to 1,000,000"),
        ([""], "no layer"),
    ],
)
def test_layers_that_cannot_be_read(layers, message):
    with pytest.raises(ValueError, match=message):
        parse(layers)
