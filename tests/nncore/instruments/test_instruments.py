"""Instruments against plain differences of a loss that is computed another way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nncore.instruments.curvature import TOLERANCE, largest_eigenvalue
from nncore.instruments.kinds import instrument
from nncore.metrics import metrics, recorded
from nncore.registry import kept
from nncore.rules import rules
from nncore.stack.probe import PLAIN, SECOND
from nncore.stack.training import train
from tests import ROOT
from tests.problems import assert_same, configuration, evaluate, fixed, problem, samples, short

ON_TRAINING = [name for name, metric in metrics.items() if metric.on_training]
ASKED = [name for name, metric in metrics.items() if metric.asked]
LAYERS = ("dense 3", "tanh", "dense 2")
RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(9, 2)), RNG.normal(size=(9, 2))
START = RNG.normal(size=2 * 3 + 3 + 3 * 2 + 2)
RATE, BATCH = 0.1, 4


def loss(w, some=slice(None)):
    return evaluate(LAYERS, "mean_squared_error", w, X[some], Y[some])[0]


def gradient(w, some=slice(None), step=1e-6):
    unit = np.eye(len(w)) * step
    return np.array([(loss(w + e, some) - loss(w - e, some)) / (2 * step) for e in unit])


def hessian(w, step=1e-4):
    unit = np.eye(len(w)) * step
    rows = [(gradient(w + e, step=1e-5) - gradient(w - e, step=1e-5)) / (2 * step) for e in unit]
    found = np.array(rows)
    return (found + found.T) / 2


def batches(w):
    return [gradient(w, slice(i, i + BATCH)) for i in range(0, len(X), BATCH)]


def by_hand(rule):
    """Every instrument after two updates of SGD or Adam on batches of the first samples' order."""
    w, moment, square = START.copy(), np.zeros_like(START), np.zeros_like(START)
    for t, start in enumerate((0, 4, 8), start=1):
        g, before = gradient(w, slice(start, start + BATCH)), w.copy()
        moment, square = 0.9 * moment + 0.1 * g, 0.99 * square + 0.01 * g * g
        scale = np.sqrt(square / (1 - 0.99**t)) + 1e-7
        w = w - RATE * (g if rule == "sgd" else moment / (1 - 0.9**t) / scale)
    g, update = gradient(w), w - before
    root = np.ones_like(w) if rule == "sgd" else 1 / np.sqrt(scale)
    weights = [slice(0, 6), slice(9, 15)]
    return {
        "gradient_norm": np.linalg.norm(g),
        "update_norm": np.linalg.norm(update),
        "weight_norm": np.linalg.norm(w),
        "distance_from_start": np.linalg.norm(w - START),
        "update_over_weight": max(
            np.linalg.norm(update[s]) / np.linalg.norm(w[s]) for s in weights
        ),
        "mean_update_over_weight": np.mean(
            [np.linalg.norm(update[s]) / np.linalg.norm(w[s]) for s in weights]
        ),
        "effective_learning_rate": np.linalg.norm(update) / np.linalg.norm(g),
        "update_cosine": -update @ g / np.linalg.norm(update) / np.linalg.norm(g),
        "gradient_variance": np.mean([np.sum((b - g) ** 2) for b in batches(w)]),
        "sharpness": np.linalg.eigvalsh(hessian(w))[-1],
        "preconditioned_sharpness": np.linalg.eigvalsh(root[:, None] * hessian(w) * root)[-1],
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_values_by_hand(rule, dtype):
    own = {"beta_2": 0.99} if rule == "adam" else {}
    with samples(X, Y) as dataset:
        trained = fixed(dataset, LAYERS, "mean_squared_error", START, batch_size=BATCH, dtype=dtype)
        one = configuration(rule, learning_rate=RATE, **own)
        [outcome] = train(trained, [one], [0], ON_TRAINING)
    expected = by_hand(rule)
    assert {*expected, "dead_relus"} == set(ON_TRAINING)  # of the latter nothing is told here
    assert "train_dead_relus" not in outcome.metrics
    for name, value in expected.items():
        found = outcome.metrics[f"train_{name}"]
        assert found[-1] == pytest.approx(value, rel=2e-3 if "sharp" in name else 3e-5), name
        assert not any(
            column.endswith(name) for column in outcome.metrics if "train_" not in column
        )


def test_before_training_there_is_no_update():
    with samples(X, Y) as dataset:
        trained = fixed(dataset, LAYERS, "mean_squared_error", START)
        [outcome] = train(trained, [configuration("adam")], [0], ON_TRAINING)
    first = {name.removeprefix("train_"): values[0] for name, values in outcome.metrics.items()}
    assert first["update_norm"] == first["update_cosine"] == first["distance_from_start"] == 0
    assert first["effective_learning_rate"] == first["mean_update_over_weight"] == 0
    assert first["weight_norm"] == pytest.approx(np.linalg.norm(START))
    assert math.isinf(first["preconditioned_sharpness"])


# Every step is then minus the rate times the gradient, divided by what is asked for.
PLAIN_STEPS = {"momentum": 0.0, "dampening": 0.0, "beta_1": 0.0, "weight_decay": 0.0}
OF_BIASES = {"beta_2": 0.9, "rho": 0.5, "epsilon": 0.01}


@pytest.mark.parametrize("biases", [{}, OF_BIASES], ids=["alike", "biases apart"])
@pytest.mark.parametrize("rule", [*SECOND, *PLAIN])
def test_the_preconditioner_is_what_steps_are_divided_by(rule, biases):
    own = {k: v for k, v in PLAIN_STEPS.items() if k in rules[rule].parameters}
    own |= {f"bias.{k}": v for k, v in biases.items() if k in rules[rule].parameters}
    seen = []

    def look(probe):
        before = probe.w - probe.update
        gradients = [probe.gradient_at(trial, point) for trial, point in enumerate(before)]
        seen.append((probe.update, gradients, probe.preconditioner()))
        return np.zeros(len(probe.w))

    rates = np.array([[RATE], [RATE / 2]])
    with samples(X, Y) as dataset, kept(metrics):
        instrument()(look)
        trained = fixed(dataset, LAYERS, "mean_squared_error", START, epochs=3)
        train(
            trained,
            [configuration(rule, learning_rate=r, **own) for [r] in rates],
            [0, 0],
            ["look"],
        )
    for update, gradients, scale in seen[1:]:
        assert -update * scale == pytest.approx(rates * gradients, rel=1e-6)


@pytest.mark.parametrize("rule", ["lion", "lbfgs"])
def test_of_other_rules_no_preconditioner_is_known(rule):
    trained = short("moons")
    [outcome] = train(trained, [configuration(rule)], [0], ["preconditioned_sharpness"])
    assert "train_preconditioned_sharpness" not in outcome.metrics


def test_curvatures_of_a_quadratic():
    trained = problem("quadratic", {"condition": 50.0, "dimension": 6}, epochs=5, dtype="float64")
    [outcome] = train(trained, [configuration("sgd", learning_rate=0.1)], [0], ["sharpness"])
    assert outcome.metrics["train_sharpness"] == pytest.approx(1.0, rel=TOLERANCE)


@pytest.mark.parametrize("size", [1, 2, 7, 60, 300])
def test_lanczos_finds_the_largest_eigenvalue(size):
    rng = np.random.default_rng(size)
    a = rng.normal(size=(size, size))
    for matrix in (a + a.T, -a @ a.T, np.diag(np.r_[5.0, np.ones(size - 1)])):
        found = largest_eigenvalue(lambda v, m=matrix: m @ v, size)
        values = np.linalg.eigvalsh(matrix)
        assert found == pytest.approx(values[-1], abs=2 * TOLERANCE * np.abs(values).max())


@pytest.mark.parametrize("layout", [{}, {"layers": ["dense 2", "softmax"]}], ids=["first", "last"])
def test_recording_them_changes_nothing_and_neighbours_do_not_matter(layout):
    trained = short("moons", **layout)
    some = [configuration("adam", learning_rate=rate) for rate in (0.01, 0.1, 1e30)]
    plain = train(trained, some, [0, 1, 2])
    watched = train(trained, some, [0, 1, 2], [*(m.name for m in recorded()), *ON_TRAINING])
    for i, (one, other) in enumerate(zip(watched, plain, strict=True)):
        kept = {name: other.metrics[name] for name in other.metrics}
        assert_same(replace(one, metrics={name: one.metrics[name] for name in kept}), other)
        [alone] = train(trained, [some[i]], [i], [*(m.name for m in recorded()), *ON_TRAINING])
        assert_same(alone, one)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dead_relus_by_hand(dtype):
    rng = np.random.default_rng(2)
    weights = [rng.normal(size=shape) for shape in ((2, 4), (4,), (4, 6), (6,), (6, 2), (2,))]
    weights[1][1] = weights[3][4] = -50.0  # whatever comes in
    weights[2][:, 2], weights[3][2] = -abs(weights[2][:, 2]), 0.0  # 0 where all before it is 0
    hidden = np.maximum(X @ weights[0] + weights[1], 0)
    deeper = np.maximum(hidden @ weights[2] + weights[3], 0)
    dead = [*(hidden == 0).all(axis=0), *(deeper == 0).all(axis=0)]
    assert 3 <= sum(dead) < 10
    layers = ("dense 4", "relu", "dense 6", "relu", "dense 2")
    start = np.concatenate([w.ravel() for w in weights])
    with samples(X, Y) as dataset:
        trained = fixed(dataset, layers, "mean_squared_error", start, batch_size=BATCH, dtype=dtype)
        [outcome] = train(trained, [configuration("sgd")], [0], ["dead_relus"])
    assert outcome.metrics["train_dead_relus"][0] == pytest.approx(np.mean(dead))


def test_losses_of_classes_by_hand():
    counts = [6, 1, 3, 2]  # half of twelve: the classes 1, 3 and 2
    labels = np.repeat(np.arange(4), counts)
    p = np.random.default_rng(3).dirichlet(np.ones(4), size=12).T[None]
    hot = (labels == np.arange(4)[:, None]).astype(float)[None]
    losses = [-math.log(p[0, label, i]) for i, label in enumerate(labels)]
    frequent, rare = np.mean(losses[:6]), np.mean(losses[6:])
    assert metrics["loss_of_frequent"](p, hot) == pytest.approx([frequent])
    assert metrics["loss_of_rare"](p, hot) == pytest.approx([rare])
    one = np.ones((1, 1, 5))
    assert np.isnan(metrics["loss_of_rare"](one / 2, one)).all()


def test_of_equally_frequent_classes_the_later_are_the_rarer():
    hot = np.eye(4)[[0, 1, 2, 3, 0, 1, 2, 3]].T[None]
    p = np.where(hot > 0, np.array([0.9, 0.8, 0.2, 0.1])[:, None], 0.0)
    assert metrics["loss_of_rare"](p, hot) == pytest.approx([-np.log([0.2, 0.1]).mean()])
    assert metrics["loss_of_frequent"](p, hot) == pytest.approx([-np.log([0.9, 0.8]).mean()])


def test_they_are_recorded_only_where_they_are_asked_for():
    assert not {m.name for m in recorded()} & set(ASKED)
    assert [m.name for m in recorded(asked=["sharpness", "loss_of_rare"])][-2:] == [
        "loss_of_rare", "sharpness",
    ]  # fmt: skip
    [outcome] = train(short("moons"), [configuration("sgd")], [0])
    assert not any(name in column for column in outcome.metrics for name in ASKED)


def test_the_page_lists_them_all():
    page = (ROOT / "docs" / "instruments.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(name.strip(" `") for row in rows for name in row.split(",")) == sorted(ASKED)
