import numpy as np
import pytest

from nncore.layers import Architecture, layers
from nncore.losses import losses
from nncore.stack.layouts import TrialFirst, TrialLast, choose
from nncore.stack.passes import Passes
from tests.problems import losses_and_gradients

STEP = 1e-6
# (features, width, samples): the first is multiplied in rows of trials, the second by BLAS, in rows
# of samples that are longer in memory.
SIZES = {"tiny": (3, 4, 5), "large": (5, 16, 85)}


def network(activation, depth, width, outputs=3):
    texts = []
    for _ in range(depth - 1):
        texts += [f"dense {width}", activation]
    return [*texts, f"dense {outputs}", activation]


def data(rng, loss, features, samples, outputs=3):
    X = rng.standard_normal((samples, features))
    if losses[loss].classes:
        return X, rng.integers(outputs, size=samples)
    return X, rng.standard_normal((samples, outputs))


def some_parameters(rng, texts, features, activation, loss):
    """Parameters with living neurons, and outputs above 0 where cross-entropy needs them."""
    net = Architecture.of(texts, features)
    pieces = [
        0.5 + 0.1 * rng.standard_normal(p.size)
        if p.is_vector
        else rng.standard_normal(p.size) / np.sqrt(p.fan_in)
        for p in net.parameters
    ]
    if losses[loss].classes and activation not in ("softmax", "sigmoid"):
        pieces[-2] *= 0.1  # the last layer's weights or gains
    return np.concatenate(pieces)


def test_small_and_large_networks_are_multiplied_in_different_ways():
    kinds = {
        type(choose(Architecture.of(network("relu", 2, width), features), samples))
        for features, width, samples in SIZES.values()
    }
    assert len(kinds) == 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("loss", [name for name in losses if name != "objective"])
@pytest.mark.parametrize("activation", [n for n, kind in layers.items() if kind.in_place])
def test_gradient_is_the_slope_of_the_loss(activation, loss, depth, size):
    features, width, n = SIZES[size]
    rng = np.random.default_rng([depth, n])
    X, y = data(rng, loss, features, n)
    texts = network(activation, depth, width)
    w = some_parameters(rng, texts, features, activation, loss)
    directions = rng.standard_normal((4, len(w)))
    points = [w]
    for d in directions:
        points += [w + STEP * d, w - STEP * d]
    found, gradients = losses_and_gradients(texts, loss, X, y, np.array(points))
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
    points = rng.standard_normal((3, Architecture.of(fused, features).size))
    # A layer after the softmax, though it does nothing, leaves the two gradients separate.
    some, other = (
        losses_and_gradients(texts, "categorical_crossentropy", X, y, points)
        for texts in (fused, [*fused, "linear"])
    )
    np.testing.assert_array_equal(some[0], other[0])
    np.testing.assert_allclose(some[1], other[1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("size", SIZES)
def test_activations_follow_one_another(size):
    features, width, n = SIZES[size]
    rng = np.random.default_rng(1)
    X, y = data(rng, "mean_squared_error", features, n)
    # Three in a row, two, none, and two at the end.
    texts = [f"dense {width}", "tanh", "relu", "sigmoid", f"dense {width}", "relu", "tanh"]
    texts += [f"dense {width}", "dense 3", "softmax", "tanh"]
    w = rng.standard_normal(Architecture.of(texts, features).size)
    d = rng.standard_normal(len(w))
    points = np.array([w, w + STEP * d, w - STEP * d])
    found, gradients = losses_and_gradients(texts, "mean_squared_error", X, y, points)
    slope = (found[1] - found[2]) / (2 * STEP)
    np.testing.assert_allclose(d @ gradients[0], slope, rtol=2e-6, atol=1e-9)


DEEP = ["dense 8", "relu", "dense 6", "tanh", "dense 5", "softmax", "dense 3", "softmax"]


def bound(texts, samples, dtype):
    """Passes of two trials on `samples` samples, run; with their gradients."""
    rng, net = np.random.default_rng(samples), Architecture.of(texts, 4)
    w = rng.standard_normal((2, net.size)).astype(dtype)
    g = np.full_like(w, np.nan)
    x = np.concatenate([rng.standard_normal((2, 4, samples)), np.ones((2, 1, samples))], axis=1)
    Y = np.eye(3)[rng.integers(3, size=(2, samples))].transpose(0, 2, 1)
    passes = Passes(TrialFirst(), net, samples, w, g, losses["categorical_crossentropy"])
    forward, backward = passes.bind(x.astype(dtype), Y.astype(dtype))
    return passes, [*forward, *backward], g


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("samples", [32, 60, 300])
def test_nobody_reads_what_stands_behind_the_samples(samples, dtype):
    passes, calls, g = bound(DEEP, samples, dtype)
    for call in calls:
        call()
    expected, longer = np.array(g), 0
    for array in (*passes._full, *passes._gradients):
        array[:, :, samples:] = np.nan
        longer += array.shape[2] - samples
    for call in calls:
        call()
    assert (longer > 0) == (samples % (64 // np.dtype(dtype).itemsize) > 0)
    assert np.isfinite(expected).all()
    assert g.tobytes() == expected.tobytes()


def test_kinds_that_look_at_other_samples_find_none_but_these():
    for texts in (DEEP, ["dense 8", "layer_norm", "relu", "dense 3", "softmax"]):
        passes, _, _ = bound(texts, 300, "float32")
        alone = all(layers[text.split()[0]].by_sample for text in texts)
        assert {array.shape[2] for array in passes._full} == ({300, 304} if alone else {300})


@pytest.mark.parametrize("layout", [TrialFirst(), TrialLast()], ids=["first", "last"])
def test_arrays_begin_on_the_border_of_a_line(layout):
    for dtype in ("float32", "float64"):
        for shape in ((3, 7), (2, 65, 300), (1, 1)):
            assert layout.empty(dtype, *shape).ctypes.data % 64 == 0
            assert layout.samples(dtype, *shape[:2], shape[-1]).ctypes.data % 64 == 0
