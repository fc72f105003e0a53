"""Every kind of layer against its reference, in both layouts, alone and among others."""

import numpy as np
import pytest

from nncore.initializers import draw, initializers
from nncore.layers import Architecture, Parameter, cut, layers
from nncore.losses import losses
from nncore.stack.layouts import TrialFirst, TrialLast
from nncore.stack.passes import Passes
from tests.references.layers import REFERENCES, outputs

pytestmark = pytest.mark.usefixtures("in_a_training")

LAYOUTS = {"trial first": TrialFirst(), "trial last": TrialLast()}
# How a kind is written where its name is not enough.
WRITTEN = {"dense": ["dense 5"], "layer_norm": ["layer_norm", "layer_norm epsilon=0.25"]}
TEXTS = [text for name in layers for text in WRITTEN.get(name, [name])]
TRIALS, FEATURES = 3, 4
# (width, samples): a lone sample, few, and enough for every path of the products.
SIZES = [(7, 1), (3, 5), (12, 40)]
PRECISION = {"float32": 2e-5, "float64": 1e-12}
STEP = 1e-5


def network(text, width):
    """The layer twice: between layers that need their outputs or not, and at the end."""
    return [f"dense {width}", "tanh", text, "relu", f"dense {width}", text, "dense 3", text]


def drawn(text, width, samples, dtype):
    """An architecture, and of every trial parameters (T, P), data (N, F) and targets (N, 3)."""
    rng = np.random.default_rng([width, samples])
    net = Architecture.of(network(text, width), FEATURES)
    w = rng.standard_normal((TRIALS, net.size)) / 2 + 0.3
    X = rng.standard_normal((TRIALS, samples, FEATURES))
    Y = rng.standard_normal((TRIALS, samples, net.outputs))
    return net, *(array.astype(dtype) for array in (w, X, Y))


def laid_out(layout, values):
    array = layout.empty(values.dtype, *values.shape)
    array[:] = values
    return array


def passed(layout, net, w, X, Y):
    """Outputs (T, N, K) and gradients (T, P) of half the mean squared error."""
    ones = np.ones((*X.shape[:2], 1), X.dtype)
    x = laid_out(layout, np.concatenate([X, ones], axis=2).transpose(0, 2, 1))
    w, g = laid_out(layout, w), layout.empty(w.dtype, *w.shape)
    passes = Passes(layout, net, X.shape[1], w, g, losses["half_mean_squared_error"])
    forward, backward = passes.bind(x, laid_out(layout, Y.transpose(0, 2, 1)))
    for call in forward:
        call()
    p = passes.outputs.transpose(0, 2, 1).copy()
    for call in backward:
        call()
    return p, g


def reference_loss(text, width, w, X, Y):
    """Half the mean squared error of one trial, sample by sample."""
    p = np.array([outputs(network(text, width), w, x) for x in X])
    return np.mean((p - Y) ** 2) / 2


def test_every_kind_has_a_reference():
    assert set(layers) == set(REFERENCES)


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_outputs_are_the_references(text, size, layout, dtype):
    net, w, X, Y = drawn(text, *size, dtype)
    found, _ = passed(LAYOUTS[layout], net, w, X, Y)
    for trial in range(TRIALS):
        expected = [outputs(network(text, size[0]), w[trial], x) for x in X[trial]]
        np.testing.assert_allclose(
            found[trial], expected, rtol=PRECISION[dtype], atol=PRECISION[dtype]
        )


@pytest.mark.parametrize(("dtype", "precision"), [("float32", 2e-4), ("float64", 1e-7)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", SIZES[:2], ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_gradients_are_slopes_of_the_references(text, size, layout, dtype, precision):
    net, w, X, Y = drawn(text, *size, dtype)
    _, g = passed(LAYOUTS[layout], net, w, X, Y)
    for trial in range(TRIALS):
        given = [array[trial].astype(np.float64) for array in (X, Y)]
        at = w[trial].astype(np.float64)
        slopes = []
        for k in range(net.size):
            step = np.where(np.arange(net.size) == k, STEP, 0)
            above, below = (
                reference_loss(text, size[0], at + sign * step, *given) for sign in (1, -1)
            )
            slopes.append((above - below) / (2 * STEP))
        scale = max(1, np.abs(slopes).max())
        np.testing.assert_allclose(g[trial], slopes, rtol=precision, atol=precision * scale)
        assert np.abs(slopes).max() > 1e-3


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [*SIZES, (130, 9)], ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_bits_are_the_same_alone_and_in_a_stack(text, size, layout, dtype):
    net, w, X, Y = drawn(text, *size, dtype)
    made = LAYOUTS[layout]
    together = passed(made, net, w, X, Y)
    for rows in ([0], [2, 1], [1, 1, 0, 2, 1, 0, 2]):
        padded = rows + rows[:1] * (made.least - len(rows))
        found = passed(made, net, w[padded], X[padded], Y[padded])
        for some, all_ in zip(found, together, strict=True):
            assert some[: len(rows)].tobytes() == all_[rows].tobytes()


# -- what a layer begins with


@pytest.mark.parametrize("biases", ["zeros", "same"])
@pytest.mark.parametrize("name", [name for name in initializers if name != "values"])
def test_norms_begin_with_gain_1_and_bias_0_and_leave_what_others_draw(name, biases):
    definition = {"name": name, **initializers[name].parameters, "biases": biases}
    plain = Architecture.of(["dense 5", "relu", "dense 3"], 2)
    normed = Architecture.of(["dense 5", "layer_norm", "relu", "dense 3", "layer_norm"], 2)
    expected = plain.parts(draw(definition, plain.parameters, 7))
    first, norm, second, last = normed.parts(draw(definition, normed.parameters, 7))
    for some, other in zip((first, second), expected, strict=True):
        for part, as_before in zip(some, other, strict=True):
            assert part.tobytes() == as_before.tobytes()
    for gain, bias in (norm, last):
        assert (gain == 1).all()
        assert (bias == 0).all()


def test_given_values_are_those_of_every_parameter():
    net = Architecture.of(["dense 2", "layer_norm"], 1)
    given = draw({"name": "values", "values": list(range(8))}, net.parameters, 0)
    assert [[part.tolist() for part in parts] for parts in net.parts(given)] == [
        [[[0.0, 1.0]], [2.0, 3.0]],
        [[4.0, 5.0], [6.0, 7.0]],
    ]
    with pytest.raises(ValueError, match="the network has 8 parameters"):
        draw({"name": "values", "values": [0.0] * 4}, net.parameters, 0)


def test_parameters_are_cut_from_flat_arrays_without_copies():
    parameters = [Parameter("a", (2, 3)), Parameter("none", (0, 4)), Parameter("b", (2,))]
    flat = np.arange(16.0).reshape(2, 8)
    a, none, b = cut(flat, parameters)
    assert (a.shape, none.shape, b.shape) == ((2, 2, 3), (2, 0, 4), (2, 2))
    assert a[1].tolist() == [[8.0, 9.0, 10.0], [11.0, 12.0, 13.0]]
    b[:] = -1
    assert flat[:, 6:].tolist() == [[-1.0, -1.0]] * 2
