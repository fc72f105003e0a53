import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from nncore.rules import Domain, domain, rules
from nncore.stack.training import train
from tests.problems import added, configuration, noted, short

UPDATES = 200


def sgd(gs, rates, *, momentum):
    """The velocity as a sum over all updates."""
    terms = zip(gs, rates, reversed(range(len(gs))), strict=True)
    return -math.fsum(momentum**age * rate * g for g, rate, age in terms)


def adagrad(gs, rates, *, epsilon):
    """The last gradient over the norm of all."""
    return -rates[-1] * gs[-1] / (epsilon + math.hypot(*gs))


def moving_average(values, beta):
    ages = reversed(range(len(values)))
    return (1 - beta) * math.fsum(beta**age * x for age, x in zip(ages, values, strict=True))


def rmsprop(gs, rates, *, rho, epsilon):
    return -rates[-1] * gs[-1] / (epsilon + math.sqrt(moving_average([g * g for g in gs], rho)))


def adam(gs, rates, *, beta_1, beta_2, epsilon):
    """Averages weighted so that their weights sum to 1 from the first update on."""
    m = moving_average(gs, beta_1) / moving_average([1.0] * len(gs), beta_1)
    squares = [g * g for g in gs]
    v = moving_average(squares, beta_2) / moving_average([1.0] * len(gs), beta_2)
    return -rates[-1] * m / (math.sqrt(v) + epsilon)


@dataclass(frozen=True)
class Reference:
    """`change(gradients so far, rates so far, **h)` of one number; hyperparameters to try."""

    change: object
    sets: list[dict[str, float]]


REFERENCES = {
    "sgd": Reference(
        sgd,
        [
            {"learning_rate": 1.0, "momentum": 0.0},
            {"learning_rate": 0.03, "momentum": 0.5, "decay": 1e-2},
            {"learning_rate": 0.3, "momentum": 0.95, "decay": 1e-3},
        ],
    ),
    "adagrad": Reference(
        adagrad,
        [
            {"learning_rate": 1.0},
            {"learning_rate": 0.1, "decay": 1e-2},
            {"learning_rate": 0.01, "epsilon": 0.1, "decay": 1e-4},
        ],
    ),
    "rmsprop": Reference(
        rmsprop,
        [
            {"learning_rate": 0.02, "rho": 0.999, "decay": 1e-3},
            {"learning_rate": 1e-3, "rho": 0.9},
            {"learning_rate": 0.1, "rho": 0.0, "epsilon": 0.5},
        ],
    ),
    "adam": Reference(
        adam,
        [
            {"learning_rate": 0.05, "decay": 5e-2},
            {"learning_rate": 1e-3, "beta_1": 0.5, "beta_2": 0.9},
            {"learning_rate": 0.02, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-2},
        ],
    ),
}


def gradients(dtype):
    """`(UPDATES, sets, numbers)`: small, large, drifting, and zeros at first."""
    g = np.random.default_rng(0).standard_normal((UPDATES, 3, 4)) * [1e-6, 1.0, 30.0, 1.0]
    g[..., 2] += np.linspace(0, 100, UPDATES)[:, None]
    g[:5, :, 3] = 0
    return g.astype(dtype)


def complete(name, hyperparameters):
    return {"decay": 0.0, **rules[name].parameters, **hyperparameters}


def apply(entry, sets, dtype):
    """Weights `(UPDATES, 3, 4)` after every update, starting at 1."""
    g = gradients(dtype)
    w, found = np.ones_like(g[0]), []
    buffers = [np.zeros_like(w) for _ in entry.buffers]
    for t in range(UPDATES):
        values = {name: [h[name] for h in sets] for name in entry.parameters}
        values["learning_rate"] = [h["learning_rate"] / (1 + h["decay"] * t) for h in sets]
        arrays = {name: np.array(v, dtype)[:, None] for name, v in values.items()}
        entry.function(w, g[t], t + 1, *buffers, **arrays)
        found.append(w.copy())
    return np.array(found)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 2e-4)])
def test_rule_equals_its_reference(name, dtype, tolerance):
    sets = [complete(name, h) for h in REFERENCES[name].sets]
    found = apply(rules[name], sets, dtype)
    assert found.dtype == dtype
    g = gradients(dtype).astype(float)
    for row, h in enumerate(sets):
        rates = [h["learning_rate"] / (1 + h["decay"] * t) for t in range(UPDATES)]
        own = {k: v for k, v in h.items() if k not in ("learning_rate", "decay")}
        for k in range(g.shape[2]):
            history, w = g[:, row, k].tolist(), 1.0
            changes = [
                REFERENCES[name].change(history[: t + 1], rates[: t + 1], **own)
                for t in range(UPDATES)
            ]
            for t, change in enumerate(changes):
                w += change
                scale = 1 + max(map(abs, changes))
                assert found[t, row, k] == pytest.approx(w, rel=tolerance, abs=tolerance * scale)


# Networks of which the core keeps the trials along the first and along the last axis.
NETWORKS = {
    "large": {"batch_size": "full", "layers": ["dense 16", "relu", "dense 3", "softmax"]},
    "tiny": {"batch_size": 10, "layers": ["dense 3", "softmax"]},
}


def stuck_buffers(rule, epochs=12):
    """Buffers of a rule that never change during training."""
    names = rules[rule].buffers
    with noted(rule) as (name, notes):
        trained = short("spiral", **NETWORKS["large"], epochs=epochs)
        train(trained, [configuration(name, learning_rate=1e-2)], [0])
    moved = [any(note.buffers[k].any() for note in notes) for k in range(len(names))]
    return [name for name, moves in zip(names, moved, strict=True) if not moves]


@pytest.mark.parametrize("name", rules)
def test_every_buffer_moves(name):
    assert stuck_buffers(name) == []


def test_a_rebound_buffer_is_noticed():
    def frozen(w, g, t, m, v, *, learning_rate=0.1, momentum=0.0):
        v[:] = g
        m = momentum * m - learning_rate * g
        w += m

    with added(rules, "sgd", function=frozen, buffers=("m", "v")) as name:
        assert stuck_buffers(name) == ["m"]


@pytest.mark.parametrize("name", rules)
@pytest.mark.parametrize("size", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rule_moves_the_weights_in_place(name, size, dtype):
    with noted(name) as (copy, notes):
        configurations = [configuration(copy, learning_rate=rate) for rate in (1e-3, 1e-2, 1e-3)]
        trained = short("spiral", **NETWORKS[size], dtype=dtype, epochs=3)
        train(trained, configurations, [0, 0, 1])
    assert [note.t for note in notes] == list(range(1, len(notes) + 1))
    for note in notes:
        assert note.w.dtype == dtype
        assert np.isfinite(note.w).all()
        for k in range(3):
            assert (note.before[k] != note.w[k]).any()
    for before, after in itertools.pairwise(notes):
        np.testing.assert_array_equal(before.w, after.before)


@pytest.mark.parametrize("name", rules)
def test_rule_is_described(name):
    entry = rules[name]
    assert entry.per in ("element", "tensor", "network")
    assert len(set(entry.buffers)) == len(entry.buffers)
    for parameter, default in entry.parameters.items():
        assert isinstance(default, float)
        assert default in domain(parameter), f"{parameter} = {default}: {domain(parameter)}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_momentum_is_plain_gradient_descent(dtype):
    with noted("sgd") as (name, notes):
        plain = configuration(name, learning_rate=0.7, momentum=0.0)
        train(short("spiral", dtype=dtype, epochs=20), [plain], [0])
    rate = np.array(0.7, dtype)
    assert len(notes) == 20
    for note in notes:
        assert note.w.tobytes() == (note.before - rate * note.g).tobytes()


@pytest.mark.parametrize(
    ("hyperparameter", "good", "bad", "text"),
    [
        ("learning_rate", [1e-300, 1e300], [0, -1, math.inf, math.nan], "above 0"),
        ("decay", [0, 5], [-1e-9, math.inf, math.nan], "at least 0"),
        ("momentum", [0, 0.999], [1, -0.1, math.nan], "at least 0 and below 1"),
        ("rho", [0, 0.999], [1, -0.1], "at least 0 and below 1"),
        ("beta_1", [0, 0.999], [1, -0.1], "at least 0 and below 1"),
        ("beta_2", [0, 0.999], [1, -0.1], "at least 0 and below 1"),
        ("epsilon", [0, 1], [-1e-9, math.inf], "at least 0"),
        ("weight_decay", [0, 1], [-1e-9, math.inf], "at least 0"),
        ("never_heard_of", [-5, 0, 1e300], [math.inf, -math.inf, math.nan], "finite"),
    ],
)
def test_domain(hyperparameter, good, bad, text):
    allowed = domain(hyperparameter)
    assert [value in allowed for value in good] == [True] * len(good)
    assert [value in allowed for value in bad] == [False] * len(bad)
    assert str(allowed) == text


def test_domain_with_both_ends():
    both = replace(Domain(0, 1), closed="both")
    assert [v in both for v in (-0.1, 0, 0.5, 1, 1.1)] == [False, True, True, True, False]
    assert str(both) == "at least 0 and at most 1"
    assert [v in Domain(0, 1) for v in (0, 0.5, 1)] == [False, True, False]
    assert str(Domain(0, 1)) == "above 0 and below 1"
