"""The reference: gradients against differences, updates by hand, arithmetic bit by bit."""

import hashlib

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_features__ as cpu
from numpy.testing import assert_allclose, assert_array_equal

from nncore.reference import exact
from nncore.reference.layers import EXACT, FLOAT32, FLOAT64, LOSSES, MIXED, Dense, StaleDense
from nncore.reference.network import OPTIMIZERS, Network, network, steps, train

SAMPLES, FEATURES = 7, 3


def initial(layers, rng, inputs=FEATURES):
    """Weights and biases of every dense layer, large enough that no unit is idle everywhere."""
    parameters = []
    for layer in layers:
        if layer.startswith("dense"):
            size = int(layer.split()[1])
            parameters.append((rng.normal(size=(inputs, size)), rng.normal(size=(1, size))))
            inputs = size
    return parameters


def targets(loss, layers, rng):
    size = next(int(layer.split()[1]) for layer in reversed(layers) if layer.startswith("dense"))
    if loss == "categorical_crossentropy":
        return rng.integers(size, size=SAMPLES)
    return rng.normal(size=(SAMPLES, size))


CASES = [
    (["dense 5", "relu", "dense 4", "softmax"], "categorical_crossentropy"),
    (["dense 4", "tanh", "dense 4", "sigmoid"], "categorical_crossentropy"),  # no shortcut
    (["dense 5", "relu", "dense 4", "relu", "dense 1", "linear"], "mean_squared_error"),
    (["dense 2", "sigmoid", "dense 2", "sigmoid"], "half_mean_squared_error"),
    (["dense 4", "softmax", "dense 3", "tanh"], "mean_squared_error"),  # a softmax inside
    (["dense 3", "relu"], "squared_sum"),
]


@pytest.mark.parametrize(("layers", "loss"), CASES, ids=lambda case: str(case))
def test_gradients_are_central_differences(layers, loss):
    rng = np.random.default_rng(1)
    net = network(layers, initial(layers, rng), loss)
    X, y = rng.normal(size=(SAMPLES, FEATURES)), targets(loss, layers, rng)
    net.forward(X)
    net.backward(y)
    for layer in net.dense:
        for w, g in (
            (layer.weights, layer.weights_gradient),
            (layer.biases, layer.biases_gradient),
        ):
            gradient = g.copy()
            for i in np.ndindex(w.shape):
                value, losses = w[i], []
                for w[i] in (value + 1e-6, value - 1e-6):
                    losses.append(net.loss.value(net.forward(X), y))
                w[i] = value
                assert_allclose((losses[0] - losses[1]) / 2e-6, gradient[i], rtol=1e-5, atol=1e-8)


def test_half_the_mean_squared_error_is_half_of_it():
    y, outputs = np.zeros((2, 1)), np.array([[3.0], [1.0]])
    assert LOSSES["mean_squared_error"]().value(outputs, y) == 5.0
    assert LOSSES["half_mean_squared_error"]().value(outputs, y) == 2.5


def scalar_updates(rule, gradients, **h):
    """The rules on one number with `math` alone: the values after each of `gradients`."""
    w, velocity, cache, values = 1.0, 0.0, 0.0, []
    for t, g in enumerate(gradients):
        rate = h["learning_rate"] / (1 + h["decay"] * t)
        if rule == "sgd":
            velocity = h["momentum"] * velocity - rate * g
            w += velocity
        elif rule == "adagrad":
            cache += g * g
            w -= rate * g / (cache**0.5 + h["epsilon"])
        elif rule == "rmsprop":
            cache += (1 - h["rho"]) * (g * g - cache)
            w -= rate * g / (cache**0.5 + h["epsilon"])
        elif rule == "adam":
            velocity += (1 - h["beta_1"]) * (g - velocity)
            cache += (1 - h["beta_2"]) * (g * g - cache)
            w -= (
                rate
                * (velocity / (1 - h["beta_1"] ** (t + 1)))
                / ((cache / (1 - h["beta_2"] ** (t + 1))) ** 0.5 + h["epsilon"])
            )
        values.append(w)
    return values


@pytest.mark.parametrize(
    ("rule", "own"),
    [
        ("sgd", {"momentum": 0.0}),
        ("sgd", {"momentum": 0.9}),
        ("adagrad", {"epsilon": 0.1}),
        ("rmsprop", {"rho": 0.8, "epsilon": 0.1}),
        ("adam", {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 0.1}),
    ],
)
def test_rules_on_a_single_number(rule, own):
    h = {"learning_rate": 0.3, "decay": 0.05, **own}
    optimizer, layer = OPTIMIZERS[rule](h), Dense(np.ones((1, 1)), np.ones((1, 1)))
    gradients, values = [1.0, -0.5, 2.0, 0.1, 0.1], []
    for g in gradients:
        layer.weights_gradient, layer.biases_gradient = np.array([[g]]), np.array([[g]])
        optimizer.before()
        optimizer.update(layer)
        optimizer.after()
        values.append((layer.weights.item(), layer.biases.item()))
    expected = scalar_updates(rule, gradients, **h)
    assert_allclose(values, np.transpose([expected, expected]), rtol=1e-12)


PROBLEM = {"layers": CASES[0][0], "loss": CASES[0][1]}


def problem(seed=0):
    rng = np.random.default_rng(seed)
    start = initial(PROBLEM["layers"], rng)
    return start, rng.normal(size=(SAMPLES, FEATURES)), rng.integers(4, size=SAMPLES)


def test_biases_may_have_their_own_hyperparameters():
    start, X, y = problem()
    runs = {}
    for name, own in {
        "with": {"momentum": 0.9},
        "lost": {"momentum": 0.9, "bias.momentum": 0.0},
        "slower": {"momentum": 0.9, "bias.learning_rate": 0.01},
    }.items():
        h = {"learning_rate": 0.1, **own}
        runs[name] = train(start, X, y, **PROBLEM, rule="sgd", hyperparameters=h, updates=1)
    assert_array_equal(runs["with"][0][1], runs["lost"][0][1])  # nothing gathered yet
    moved = {name: run[0][1] - start[0][1] for name, run in runs.items()}
    assert_allclose(moved["slower"], moved["with"] / 10)
    after = {
        bias: train(
            start,
            X,
            y,
            **PROBLEM,
            rule="sgd",
            hyperparameters={"learning_rate": 0.1, "momentum": 0.9, "bias.momentum": bias},
            updates=2,
        )[0]
        for bias in (0.0, 0.9)
    }
    assert_array_equal(after[0.0][0], after[0.9][0])  # weights see biases one update later
    assert_allclose(after[0.9][1] - after[0.0][1], 0.9 * moved["with"])


def test_an_unknown_hyperparameter_is_refused():
    with pytest.raises(TypeError, match="SGD has no beta_1"):
        OPTIMIZERS["sgd"]({"learning_rate": 1.0, "bias.beta_1": 0.9})


def test_training_leaves_its_arguments_alone():
    start, X, y = problem()
    copies = [array.copy() for pair in start for array in pair], X.copy()
    h = {"learning_rate": 0.1}
    train(start, X, y, **PROBLEM, rule="adam", hyperparameters=h, updates=3)
    for array, copy in zip((array for pair in start for array in pair), copies[0], strict=True):
        assert_array_equal(array, copy)
    assert_array_equal(X, copies[1])


def test_batches_follow_the_order():
    """Epochs of 3, 3 and 1 of the 7 samples, each epoch in its own order."""
    start, X, y = problem()
    order = [np.random.default_rng(e).permutation(SAMPLES) for e in range(2)]
    options = {"rule": "adam", "hyperparameters": {"learning_rate": 0.1}}
    ours = train(start, X, y, **PROBLEM, **options, updates=5, batch_size=3, order=order)

    net, adam = network(**PROBLEM, parameters=start), OPTIMIZERS["adam"]({"learning_rate": 0.1})
    epochs = [(0, slice(0, 3)), (0, slice(3, 6)), (0, slice(6, 7)), (1, slice(0, 3))]
    for epoch, batch in [*epochs, (1, slice(3, 6))]:
        samples = order[epoch][batch]
        net.forward(X[samples])
        net.backward(y[samples])
        adam.before()
        for layer in net.dense:
            adam.update(layer)
        adam.after()
    for (weights, biases), layer in zip(ours, net.dense, strict=True):
        assert_array_equal(weights, layer.weights)
        assert_array_equal(biases, layer.biases)


@pytest.mark.parametrize("layers", [["dense 4"], ["dense 5", "dense 5"], ["relu"], ["dense 5"] * 3])
def test_parameters_have_to_fit(layers):
    with pytest.raises(ValueError, match="parameters"):
        network(layers, [(np.ones((3, 5)), np.ones((1, 5)))], "squared_sum")


@pytest.mark.parametrize(
    ("arithmetic", "kinds"),
    [(FLOAT64, "dd"), (FLOAT32, "ff"), (MIXED, "df"), (EXACT, "df")],
)
def test_arithmetics_keep_their_types(arithmetic, kinds):
    """Float64 weights stay, products are float32 in document 003's arithmetic."""
    start, X, y = problem()
    net = network(**PROBLEM, parameters=start, arithmetic=arithmetic)
    adam = OPTIMIZERS["adam"]({"learning_rate": 0.1})
    inputs = X.astype(np.float32) if kinds == "df" else arithmetic.cast(X)
    start32 = [layer.biases.astype(np.float32) for layer in net.dense]
    if kinds == "df":
        for layer, biases in zip(net.dense, start32, strict=True):
            layer.biases = biases
    for made in steps(net, adam, inputs, y):
        if made == 3:
            break
    assert {layer.weights.dtype.char for layer in net.dense} == {kinds[0]}
    assert {layer.biases.dtype.char for layer in net.dense} == {kinds[1]}
    assert net.outputs.dtype.char == kinds[1]
    assert {layer.weights_gradient.dtype.char for layer in net.dense} == {kinds[1]}


def test_arithmetics_agree():
    start, X, y = problem()
    options = {"rule": "sgd", "hyperparameters": {"learning_rate": 0.1}, "updates": 10}
    X32 = X.astype(np.float32)
    start32 = [(w.astype(np.float32), b.astype(np.float32)) for w, b in start]
    expected = train(start32, X32, y, **PROBLEM, **options, arithmetic=FLOAT64)
    for arithmetic in (FLOAT32, MIXED, EXACT):
        ours = train(start32, X32, y, **PROBLEM, **options, arithmetic=arithmetic)
        for (weights, _), (reference, _) in zip(ours, expected, strict=True):
            assert 0 < np.abs(weights - reference).max() < 1e-5


def test_a_stale_layer_learns_without_effect():
    """Document 004's first loop: the output stays, the gradient is by the current inputs."""
    rng = np.random.default_rng(0)
    stale = StaleDense(rng.normal(size=(3, 2)), np.zeros((1, 2)))
    net = Network([stale], LOSSES["half_mean_squared_error"]())
    X, y = rng.normal(size=(2, 5, 3)), rng.normal(size=(5, 2))
    before = net.forward(X[0]).copy()
    net.backward(y)
    stale.weights -= stale.weights_gradient
    assert_array_equal(net.forward(X[1]), before)
    net.backward(y)
    assert_allclose(stale.weights_gradient, X[1].T @ (before - y) / y.size)


# --- float32 exp and log, written out -------------------------------------------------------------

# NumPy's own where the processor has AVX2; on others the digests below are all there is.
needs_avx2 = pytest.mark.skipif(
    not (cpu.get("X86_V3") or (cpu.get("AVX2") and cpu.get("FMA3"))), reason="no AVX2"
)
GRIDS = {
    "exp": [(-104.5, 88.5), (-20.0, 0.0), (-1.0, 1.0), (-104.0, -86.0)],
    "log": [(1e-7, 1.0), (0.25, 2.0), (1e-38, 3e38)],
}
SHA_256 = {
    "exp": "dcf99846b5d4dafa07022ed4571dcea18d3964957c0b23d7e7875ebeaf0f043f",
    "log": "89d9e889452a9e848a8140609f2f966f5b1cbc1c695a05b6b5ab77b8e02fdf2c",
}


@needs_avx2
@pytest.mark.parametrize(
    ("name", "low", "high"), [(name, *ends) for name, grids in GRIDS.items() for ends in grids]
)
def test_exp_and_log_are_numpys(name, low, high):
    x = np.random.default_rng(0).uniform(low, high, 1_000_000).astype(np.float32)
    assert_array_equal(getattr(exact, name)(x), getattr(np, name)(x))


@pytest.mark.parametrize("name", GRIDS)
def test_exp_and_log_have_the_same_bits_everywhere(name):
    """The digests are those of NumPy 2.4's results on a processor with AVX-512."""
    x = np.concatenate([np.linspace(*ends, 100_003, dtype=np.float32) for ends in GRIDS[name]])
    assert hashlib.sha256(getattr(exact, name)(x).tobytes()).hexdigest() == SHA_256[name]


@pytest.mark.parametrize("shape", [(5, 3, 2), (2, 3, 5), (1, 4, 1), (1, 40, 3), (30, 3, 30)])
def test_products_add_one_term_after_another(shape):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=shape[:2]), rng.normal(size=shape[1:])
    expected = np.zeros((shape[0], shape[2]))
    for m, n in np.ndindex(expected.shape):
        for k in range(shape[1]):
            expected[m, n] += a[m, k] * b[k, n]
    if shape[0] * shape[2] > 1:  # else NumPy adds by halves, which is the same everywhere, too
        assert_array_equal(exact.product(a, b), expected)
    assert_allclose(exact.product(a, b), expected)


def test_float32_products_are_rounded_once():
    """2^24 + 1 + 1 in float32 stays at 2^24 when every term is rounded."""
    a, b = np.array([[2.0**24, 1, 1]], np.float32), np.ones((3, 1), np.float32)
    for arithmetic in (MIXED, EXACT):
        assert arithmetic.product(a, b).dtype == np.float32
        assert arithmetic.product(a, b).item() == 2.0**24 + 2
