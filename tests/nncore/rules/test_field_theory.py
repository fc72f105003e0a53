"""What theory says about rules: exact rates, limits, invariances, and one rule inside another."""

import numpy as np
import pytest

from nncore.rules import rules
from nncore.rules.layerwise import newton_schulz
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.problems import Line, dense

pytestmark = pytest.mark.usefixtures("in_a_training")

LAYERS = [(3, 4), (4, 2)]
COUNT = 26


def descend(name, gradient, start, updates, *, dtype="float64", layers=None, **hyperparameters):
    """Points (updates + 1, P) of one trial; `gradient(w, t)` of a flat vector. Also its state."""
    start = np.asarray(start, dtype)
    given = {**rules[name].parameters, "decay": 0.0, **hyperparameters}
    w, g = start[None].copy(), np.empty((1, len(start)), dtype)
    parameters = dense(layers or [(0, len(start))])
    stack = [Configuration(name, given)]
    oracle = Line(lambda row, point: gradient(point, t))
    stepping = Updates(rules[name], stack, parameters, updates, TrialFirst(), w, g, oracle=oracle)
    points = [w[0].copy()]
    for t in range(1, updates + 1):
        g[0] = gradient(w[0], t)
        oracle.see(w, g)
        stepping.step()
        points.append(w[0].copy())
    return np.array(points), dict(zip(rules[name].buffers, stepping.buffers, strict=False))


CURVATURE = np.geomspace(0.01, 1.0, 7)
SMALLEST, LARGEST = CURVATURE[0], CURVATURE[-1]
ONES = np.ones(len(CURVATURE))


def quadratic(w, t):
    return CURVATURE * w


@pytest.mark.parametrize("rate", [0.1, 1.0, 1.9, 2 / (SMALLEST + LARGEST)])
def test_gradient_descent_shrinks_each_coordinate_at_its_own_rate(rate):
    points, _ = descend("sgd", quadratic, ONES, 50, learning_rate=rate)
    expected = (1 - rate * CURVATURE) ** np.arange(51)[:, None]
    np.testing.assert_allclose(points, expected, rtol=1e-12)


def test_gradient_descent_beyond_two_over_curvature_diverges():
    points, _ = descend("sgd", quadratic, ONES, 400, learning_rate=2.05 / LARGEST)
    assert abs(points[-1, -1]) > 1e8
    assert abs(points[-1, 0]) < 1


def companion(first, second, updates):
    """x(k) of x(k+1) = first x(k) + second x(k-1), x(0) = 1 and x(1) given by x(-1) = 1."""
    matrix, state, found = np.array([[first, second], [1.0, 0.0]]), np.array([1.0, 1.0]), []
    for k in range(updates + 1):
        found.append((np.linalg.matrix_power(matrix, k) @ state)[0])
    return np.array(found)


ROOT = np.sqrt(LARGEST / SMALLEST)


def test_heavy_ball_with_polyak_s_parameters():
    """Every coordinate shrinks as the square root of the momentum, (sqrt K - 1) / (sqrt K + 1)."""
    rate = 4 / (np.sqrt(LARGEST) + np.sqrt(SMALLEST)) ** 2
    momentum = ((ROOT - 1) / (ROOT + 1)) ** 2
    points, _ = descend("heavy_ball", quadratic, ONES, 400, learning_rate=rate, momentum=momentum)
    for k, h in enumerate(CURVATURE):
        expected = companion(1 + momentum - rate * h, -momentum, 400)
        np.testing.assert_allclose(points[:, k], expected, rtol=1e-7, atol=1e-30)
        # At the ends of the spectrum the root is double: k times as slow as the geometric series.
        bound = 3 * (1 + np.arange(401)) * momentum ** (np.arange(401) / 2)
        assert (np.abs(points[:, k]) <= bound * (1 + 1e-9)).all()
    worst = np.abs(points[-1]).max() ** (1 / 400)
    assert worst == pytest.approx(np.sqrt(momentum), rel=0.03)
    assert worst < 1 - 1.5 / ROOT  # plain descent at its best rate: 1 - 2 / K


def test_nesterov_with_the_strongly_convex_parameters():
    """The worst coordinate shrinks by 1 - 1 / sqrt(K) an update."""
    rate, momentum = 1 / LARGEST, (ROOT - 1) / (ROOT + 1)
    points, _ = descend("nesterov", quadratic, ONES, 300, learning_rate=rate, momentum=momentum)
    for k, h in enumerate(CURVATURE):
        # w is the point ahead: w(k+1) = (1 - rate h) ((1 + momentum) w(k) - momentum w(k-1)), and
        # at first, without velocity, w(1) = w(0) - (1 + momentum) rate h w(0).
        shrink, found = 1 - rate * h, [1.0, 1 - (1 + momentum) * rate * h]
        for _ in range(299):
            found.append(shrink * ((1 + momentum) * found[-1] - momentum * found[-2]))
        np.testing.assert_allclose(points[:, k], found, rtol=1e-7, atol=1e-12)
    worst = np.abs(points[-1]).max() ** (1 / 300)
    assert worst == pytest.approx(1 - 1 / ROOT, rel=0.02)


def noise(w, t):
    """Gradients that depend on the weights a little and on the update, (COUNT,)."""
    return np.random.default_rng(t).standard_normal(COUNT) * np.geomspace(1e-3, 1e3, COUNT)


START = np.linspace(-1, 1, COUNT)


def path(name, gradient=noise, updates=40, layers=LAYERS, dtype="float64", **hyperparameters):
    points, _ = descend(
        name, gradient, START, updates, layers=layers, dtype=dtype, **hyperparameters
    )
    return points


SIGN_LIMITS = [
    ("adam", {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.0}),
    ("adamw", {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.0, "weight_decay": 0.0}),
    ("rmsprop", {"rho": 0.0, "epsilon": 0.0}),
    ("rmsprop_momentum", {"rho": 0.0, "momentum": 0.0, "epsilon": 0.0}),
    ("adamax", {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.0}),
    ("lion", {"beta_1": 0.0}),
    ("signum", {"momentum": 0.0}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "given"), SIGN_LIMITS, ids=[name for name, _ in SIGN_LIMITS])
def test_without_memory_it_is_sign_descent(name, given, dtype):
    # A power of two, whose product with a gradient is exact.
    found = path(name, dtype=dtype, learning_rate=2**-7, **given)
    expected = path("signsgd", dtype=dtype, learning_rate=2**-7)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["adam", "adamax", "radam", "amsgrad"])
def test_under_a_constant_gradient_steps_have_one_size(name):
    """Adam's bias correction makes every step the rate; without it, steps grow to the rate."""
    points = path(name, lambda w, t: noise(w, 1), updates=3000, learning_rate=1e-3, epsilon=0.0)
    steps = np.abs(np.diff(points, axis=0))
    if name in ("adam", "adamax"):
        np.testing.assert_allclose(steps, 1e-3, rtol=1e-8)
    assert steps[-1] == pytest.approx(1e-3, rel=0.2)
    assert (np.sign(np.diff(points, axis=0)) == -np.sign(noise(None, 1))).all()


# With epsilon 0 (and no decay of weights) a multiple of the loss changes nothing.
EPSILON = {"epsilon": 0.0}
LOSS_INVARIANT = {
    "adafactor": EPSILON,
    "lbfgs": {},  # where the gradient's values add up to more than 1 at first
    # Of a loss without a minimum, each search goes some 1e18 times as far as it began.
    "conjugate_gradients": {"learning_rate": 1e-16},
    "signsgd": {},
    "signum": {},
    "lion": {},
    "rprop": {},
    "adagrad": EPSILON,
    "rmsprop": EPSILON,
    "rmsprop_momentum": EPSILON,
    "rmsprop_centred": {**EPSILON, "rho": 0.9},
    "adam": EPSILON,
    "adamw": EPSILON,
    "amsgrad": EPSILON,
    "adamax": EPSILON,
    "nadam": EPSILON,
    "adabelief": EPSILON,
    "yogi": EPSILON,
    "adan": EPSILON,
    "lars": {},
    "lamb": EPSILON,
    "schedule_free_adamw": EPSILON,
    "prodigy": EPSILON,
}
# RAdam's first updates are momentum's; Muon adds 1e-7, Shampoo and AdaDelta start from epsilon.
LOSS_VARIANT = [
    "sgd",
    "sgd_dampened",
    "heavy_ball",
    "nesterov",
    "schedule_free_sgd",
    "radam",
    "adadelta",
    "muon",
    "shampoo",
    "adabound",
]
# Those that mix coordinates of the gradient; in the others each may have a multiple of its own
# (LAMB mixes those of Adam's step only).
JOINT = ["lars", "prodigy", "adafactor", "lbfgs", "conjugate_gradients"]


def test_every_rule_has_an_invariance_or_lacks_it():
    assert sorted([*LOSS_INVARIANT, *LOSS_VARIANT]) == sorted(rules)


@pytest.mark.parametrize("factor", [0.25, 1024.0])
@pytest.mark.parametrize("name", rules)
def test_a_multiple_of_the_loss(name, factor):
    given = LOSS_INVARIANT.get(name, {})
    plain = path(name, **given)
    rescaled = path(name, lambda w, t: factor * noise(w, t), **given)
    # A power of two commutes with rounding.
    assert (plain.tobytes() == rescaled.tobytes()) == (name in LOSS_INVARIANT)


@pytest.mark.parametrize("name", LOSS_INVARIANT)
def test_multiples_of_the_gradient_s_coordinates(name):
    factors = 2.0 ** np.arange(-13, 13)
    given = LOSS_INVARIANT[name]
    plain, rescaled = path(name, **given), path(name, lambda w, t: factors * noise(w, t), **given)
    assert (plain.tobytes() == rescaled.tobytes()) == (name not in JOINT)


ROTATION_INVARIANT = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9},
    "heavy_ball": {"weight_decay": 0.1},
    "sgd_dampened": {"weight_decay": 0.1},
    "nesterov": {},
    "schedule_free_sgd": {"weight_decay": 0.1},
    "lars": {"learning_rate": 5.0},
    "shampoo": {},  # of one vector: full-matrix AdaGrad
}


@pytest.mark.parametrize("name", rules)
def test_rotated_coordinates(name):
    """A rule that knows only inner products goes the rotated way on the rotated function."""
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((7, 7)))
    given = {"learning_rate": 0.05, **ROTATION_INVARIANT.get(name, {})}
    start = np.linspace(-1, 1.5, 7)
    plain, _ = descend(name, quadratic, start, 60, **given)
    rotated, _ = descend(
        name, lambda w, t: rotation.T @ quadratic(rotation @ w, t), rotation.T @ start, 60, **given
    )
    assert np.abs(plain[-1] - start).max() > 1e-9
    same = np.allclose(rotated @ rotation.T, plain, rtol=1e-6, atol=1e-12)
    assert same == (name in ROTATION_INVARIANT)


def test_rescaled_coordinates_change_what_sgd_and_adam_do():
    """In u = w / s neither goes the way it goes in w: both depend on units."""
    s = np.geomspace(0.1, 10, 7)
    for name in ("sgd", "adam", "shampoo"):
        plain, _ = descend(name, quadratic, ONES, 20, learning_rate=0.01)
        units, _ = descend(
            name, lambda u, t: s * quadratic(s * u, t), ONES / s, 20, learning_rate=0.01
        )
        assert not np.allclose(units * s, plain, rtol=1e-3)


NONE = {"weight_decay": 0.0}
INCLUSIONS = [
    ("nesterov", {"momentum": 0.0}, "sgd", {}),
    ("sgd_dampened", {"momentum": 0.8, "dampening": 0.0}, "heavy_ball", {"momentum": 0.8}),
    ("heavy_ball", {"momentum": 0.0}, "sgd", {}),
    ("schedule_free_sgd", {"beta_1": 0.0}, "sgd", {}),
    ("rmsprop_momentum", {"momentum": 0.0}, "rmsprop", {}),
    ("adamw", {**NONE, "epsilon": 1e-7}, "adam", {}),
    ("signum", {"momentum": 0.0}, "signsgd", {}),
    ("lion", {"beta_1": 0.0}, "signsgd", {}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", INCLUSIONS, ids=lambda case: case[0])
def test_one_rule_inside_another(case, dtype):
    name, given, inner, its = case
    found = path(name, dtype=dtype, learning_rate=0.01, **given)
    assert found.tobytes() == path(inner, dtype=dtype, learning_rate=0.01, **its).tobytes()


def test_adan_without_differences_is_adam():
    """But for rounding: `adam` has its corrections in another order."""
    given = {"beta_1": 0.8, "beta_2": 0.0, "beta_3": 0.99, "epsilon": 1e-8}
    its = {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-8}
    np.testing.assert_allclose(path("adan", **given), path("adam", **its), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adam_without_momentum_is_rmsprop_with_correction(dtype):
    """Bit for bit rmsprop's rule, its rate and epsilon times sqrt(1 - beta_2^t)."""
    points, state = descend(
        "adam",
        noise,
        START,
        40,
        dtype=dtype,
        layers=LAYERS,
        learning_rate=0.01,
        beta_1=0,
        beta_2=0.9,
    )
    w, cache = START.astype(dtype), np.zeros(COUNT, dtype)
    for t in range(1, 41):
        correction = (1 - 0.9**t) ** 0.5
        rules["rmsprop"].function(
            w,
            noise(None, t).astype(dtype),
            t,
            cache,
            learning_rate=0.01 * correction,
            rho=0.9,
            epsilon=1e-7 * correction,
        )
        assert points[t].tobytes() == w.tobytes()
    assert state["v"][0].tobytes() == cache.tobytes()


def test_muon_s_biases_are_adam_s():
    betas = {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-8}
    biases = np.r_[12:16, 24:26]
    found, expected = path("muon", **betas), path("adam", learning_rate=0.02, **betas)
    assert found[:, biases].tobytes() == expected[:, biases].tobytes()
    assert (found[1:, :12] != expected[1:, :12]).all()


def test_amsgrad_s_denominator_never_falls():
    before = np.zeros(COUNT)
    for updates in range(1, 30):
        _, state = descend("amsgrad", noise, START, updates, layers=LAYERS, beta_2=0.5)
        assert (state["largest"] >= before).all()
        assert (state["largest"] >= state["v"]).all()
        before = state["largest"].copy()
    assert (state["largest"] > state["v"]).any()


@pytest.mark.parametrize("shape", [(5, 5), (3, 9), (9, 3), (64, 10)])
def test_newton_schulz_keeps_singular_vectors(shape):
    x = np.random.default_rng(0).standard_normal((2, *shape))
    found = newton_schulz(x)
    for one, u in zip(x, found, strict=True):
        left, values, right = np.linalg.svd(one, full_matrices=False)
        inside = left.T @ u @ right.T
        np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=1e-9)
        # Jordan's interval for singular values that are not tiny beside the largest.
        large = values > 0.02 * values.max()
        assert (np.abs(np.diag(inside)[large] - 0.95) < 0.3).all()


def test_prodigy_s_distance_grows_to_at_most_the_true_one():
    start = np.linspace(-3, 4, 7)
    last = 1e-6
    for updates in (1, 5, 20, 100, 1000):
        points, _ = descend("prodigy", quadratic, start, updates)
        one = Configuration("prodigy", {**rules["prodigy"].parameters, "decay": 0.0})
        w, g = start[None].copy(), np.empty((1, 7))
        parameters = dense([(0, 7)])
        stepping = Updates(rules["prodigy"], [one], parameters, 1, TrialFirst(), w, g)
        for _ in range(updates):
            g[0] = quadratic(w[0], 0)
            stepping.step()
        [d] = [b for b in stepping.buffers if b.shape == (1, 1)][:1]
        assert last <= float(d[0, 0]) <= np.abs(start).max()
        last = float(d[0, 0])
    assert last > 0.1
    assert np.abs(points[-1] * CURVATURE).max() < 0.05


def test_schedule_free_average_is_the_mean_of_its_steps():
    """At a constant rate and without interpolation, x is the mean of plain descent's points."""
    points, state = descend("schedule_free_sgd", quadratic, ONES, 30, learning_rate=0.3, beta_1=0.0)
    np.testing.assert_allclose(state["x"][0], points[1:].mean(axis=0), rtol=1e-12)
