from dataclasses import replace

import numpy as np
import pytest

from nncore.initializers import draw
from nncore.layers import Architecture, Parameter
from nncore.rules import rules
from nncore.schedules import schedules
from nncore.stack.layouts import TrialFirst
from nncore.stack.training import train
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.problems import added, assert_same, configuration, dense, noted, problem, short

pytestmark = pytest.mark.usefixtures("in_a_training")

# (learning rate, decay): quotients of which differ in the last bit from products
RATES = [(1.0, 1e-3), (0.85, 1e-2), (0.05, 5e-7), (0.3, 0.0), (0.02, 1e-5)]
LAYERS = ["dense 8", "relu", "dense 3", "softmax"]
# Biases of 2-8-3 in the flat parameters: 16 weights, 8 biases, 24 weights, 3 biases.
BIASES = np.r_[np.zeros(16), np.ones(8), np.zeros(24), np.ones(3)].astype(bool)


def narrow(**changes):
    return short("spiral", layers=LAYERS, **changes)


def rates_of(configurations, dtype="float64", **changes):
    """Rates that the rule of `configurations` received, (updates, T, 1 or P)."""
    with noted("sgd") as (name, notes):
        mine = [Configuration(name, c.hyperparameters, c.modifiers) for c in configurations]
        train(narrow(dtype=dtype, **changes), mine, [0] * len(mine))
    return np.array([note.hyperparameters["learning_rate"] for note in notes])


def exact(rate, decay, t):
    return rate * (1 / (1 + decay * t))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_decay_in_its_order_of_operations(dtype):
    found = rates_of(
        [configuration("sgd", learning_rate=r, decay=d) for r, d in RATES], dtype, epochs=120
    )
    assert found.dtype == dtype
    expected = np.array([[[exact(r, d, t)] for r, d in RATES] for t in range(120)])
    np.testing.assert_array_equal(found, expected.astype(dtype))
    quotients = np.array([[[r / (1 + d * t)] for r, d in RATES] for t in range(120)])
    assert (quotients != expected).any()  # so that this test tells the two apart


def test_decay_counts_updates_not_epochs():
    found = rates_of([configuration("sgd", learning_rate=0.5, decay=0.1)], batch_size=7, epochs=3)
    assert len(found) == 3 * 5  # 30 samples are five batches
    assert found[:, 0, 0].tolist() == [exact(0.5, 0.1, t) for t in range(15)]


def test_rates_of_a_large_stack_over_many_updates():
    decays = np.linspace(0, 1e-2, 1000)
    got = []

    def note(w, g, t, *, learning_rate):
        got.append(learning_rate.copy())

    parameters = {"learning_rate": 1.0}
    with added(rules, "sgd", function=note, parameters=parameters, buffers=()) as name:
        many = [Configuration(name, {"learning_rate": 0.5, "decay": d}) for d in decays]
        train(
            problem("people", batch_size="full", epochs=150, record_every=150, dtype="float64"),
            many,
            range(1000),
        )
    expected = exact(0.5, decays, np.arange(150)[:, None])
    np.testing.assert_array_equal(np.array(got)[:, :, 0], expected)


def test_rates_go_on_where_a_neighbour_ends():
    rates = [(1e300, 0.0), (0.5, 0.01), (1e300, 0.0), (0.25, 0.03)]
    with noted("sgd") as (name, notes):
        stack = [configuration(name, learning_rate=r, decay=d) for r, d in rates]
        train(narrow(dtype="float64", epochs=100), stack, [0] * 4)
    assert len(notes[-1].w) == 2
    for note in notes:
        last_two = note.hyperparameters["learning_rate"][-2:, 0].tolist()
        if len(note.w) == 2:
            assert last_two == [exact(0.5, 0.01, note.t - 1), exact(0.25, 0.03, note.t - 1)]
        assert note.hyperparameters["learning_rate"][-1, 0] == exact(0.25, 0.03, note.t - 1)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_biases_with_a_rate_of_their_own(decay, dtype):
    mixed = [
        configuration("sgd", learning_rate=0.5, bias__learning_rate=0.125, decay=decay),
        configuration("sgd", learning_rate=0.25, decay=decay),
    ]
    found = rates_of(mixed, dtype, epochs=4)
    assert found.dtype == dtype
    for t in range(4):
        own = np.where(BIASES, exact(0.125, decay, t), exact(0.5, decay, t)).astype(dtype)
        np.testing.assert_array_equal(found[t, 0], own)
        same = np.broadcast_to(found[t, 1], BIASES.shape)
        np.testing.assert_array_equal(same, np.full(51, exact(0.25, decay, t)).astype(dtype))


@pytest.mark.parametrize("name", rules)
def test_every_hyperparameter_reaches_its_trial_and_its_biases(name):
    own = [p for p in rules[name].parameters if p != "learning_rate"]
    for parameter in own:
        default = rules[name].parameters[parameter]
        values = [default, default / 2 + 1e-3, default]
        expected = np.repeat(np.array(values)[:, None], len(BIASES), axis=1)
        with noted(name) as (copy, notes):
            stack = [configuration(copy, learning_rate=1e-3, **{parameter: v}) for v in values]
            if rules[name].per != "network":  # which may need one number for all
                stack[2].hyperparameters[f"bias.{parameter}"] = default / 4 + 2e-3
                expected[2, BIASES] = default / 4 + 2e-3
            train(narrow(epochs=2), stack, [0, 0, 0])
        given = np.broadcast_to(notes[-1].hyperparameters[parameter], expected.shape)
        assert given.dtype == np.float32
        np.testing.assert_array_equal(given, expected.astype(np.float32))


def test_biases_take_their_own_momentum():
    """Momentum on weights alone, as document 003 prints it, by hand."""
    with noted("sgd") as (name, notes):
        mixed = configuration(name, learning_rate=0.1, momentum=0.9, bias__momentum=0.0)
        trained = narrow(dtype="float64", epochs=10)
        train(trained, [mixed], [0])
    w = draw(trained.initializer, dense([(2, 8), (8, 3)]), 0)
    v = np.zeros(51)
    for note in notes:
        v = np.where(BIASES, 0.0, 0.9) * v - 0.1 * note.g[0]
        w = w + v
        np.testing.assert_allclose(note.w[0], w, rtol=1e-13, atol=1e-15)


def test_trials_with_and_without_their_own_biases_share_a_stack():
    trained = narrow(epochs=6)
    mixed = [
        configuration("sgd", learning_rate=0.5, momentum=0.9, decay=0.01),
        configuration("sgd", learning_rate=0.5, momentum=0.9, bias__momentum=0.1, decay=0.01),
        configuration("sgd", learning_rate=0.5, bias__learning_rate=0.1, decay=0.01),
    ]
    together = train(trained, mixed, [0, 0, 0])
    for c, outcome in zip(mixed, together, strict=True):
        assert_same(train(trained, [c], [0])[0], outcome)
    assert len({o.metrics["train_loss"].tobytes() for o in together}) == 3


@pytest.mark.parametrize("name", schedules)
def test_schedule_is_a_pure_function_of_the_update(name):
    schedule, total = schedules[name].function, 50
    t = np.arange(total, dtype=np.float64)
    before = t.copy()
    factors = schedule(t, total)
    assert (factors.shape, factors.dtype) == ((total,), np.float64)
    assert np.isfinite(factors).all()
    assert (factors >= 0).all()
    np.testing.assert_array_equal(t, before)
    np.testing.assert_array_equal([schedule(t[k : k + 1], total)[0] for k in range(total)], factors)


@pytest.mark.parametrize("name", schedules)
def test_schedule_multiplies_the_decayed_rate(name):
    definition = {"name": name, **schedules[name].parameters}
    hyperparameters = configuration("sgd", learning_rate=0.3, decay=0.01).hyperparameters
    scheduled = Configuration("sgd", hyperparameters, modifiers={"schedule": definition})
    plain = Configuration("sgd", {**hyperparameters, "learning_rate": 0.7})
    found = rates_of([plain, scheduled, plain], batch_size=10, epochs=8)[:, :, 0]
    t = np.arange(24, dtype=np.float64)
    factors = schedules[name].function(t, 24)
    np.testing.assert_allclose(found[:, 1], 0.3 * (1 / (1 + 0.01 * t)) * factors, rtol=1e-15)
    np.testing.assert_array_equal(found[:, 0], exact(0.7, 0.01, t))
    np.testing.assert_array_equal(found[:, 2], found[:, 0])


@pytest.mark.parametrize(
    ("batch_size", "total"), [("full", 4), (1, 120), (7, 20), (10, 12), (1000, 4)]
)
def test_schedule_is_told_the_number_of_updates(batch_size, total):
    def share(t, total):
        return np.full_like(t, 1 / total)

    with added(schedules, "constant", function=share, parameters={}) as name:
        scheduled = replace(configuration("sgd"), modifiers={"schedule": {"name": name}})
        found = rates_of([scheduled], batch_size=batch_size, epochs=4)
    assert len(found) == total
    assert (found == 1 / total).all()


def test_decay_is_short_for_inverse_time():
    trained = narrow(epochs=30, dtype="float64")
    decayed = configuration("sgd", learning_rate=0.85, decay=1e-2)
    scheduled = Configuration(
        "sgd",
        configuration("sgd", learning_rate=0.85).hyperparameters,
        modifiers={"schedule": {"name": "inverse_time", "decay": 1e-2}},
    )
    assert_same(*train(trained, [decayed, scheduled], [0, 0]))


def test_closed_forms_of_schedules():
    t = np.arange(5.0)
    assert schedules["constant"].function(t, 5).tolist() == [1.0] * 5
    found = schedules["inverse_time"].function(t, 5, decay=0.5)
    assert found.tolist() == [1 / (1 + 0.5 * k) for k in range(5)]


# -- a layer norm's gains and biases

NORMED = Architecture.of(["dense 3", "layer_norm", "relu", "dense 2"], 4).parameters
# Of weights, biases, gains, biases, weights, biases: which are vectors.
OWN = np.repeat([0, 1, 1, 1, 0, 1], [12, 3, 3, 3, 6, 2]).astype(bool)


def stepped(name, parameters, w, gradients, dtype="float64", **hyperparameters):
    """Weights (updates, P) of one trial that starts at `w` and sees `gradients` (updates, P)."""
    at, g = np.array([w], dtype), np.empty((1, len(w)), dtype)
    given = configuration(name, **hyperparameters)
    updates = Updates(rules[name], [given], parameters, len(gradients), TrialFirst(), at, g)
    found = []
    for gradient in gradients:
        g[0] = gradient
        updates.step()
        found.append(at[0].copy())
    return np.array(found)


def test_gains_take_the_biases_hyperparameters():
    flat = np.zeros((1, len(OWN)))
    decayed = {"learning_rate": 0.1, "weight_decay": 0.5}
    found = stepped("adamw", NORMED, np.ones(len(OWN)), flat, **decayed)[0]
    assert found.tolist() == [0.95] * len(OWN)
    spared = stepped("adamw", NORMED, np.ones(len(OWN)), flat, **decayed, bias__weight_decay=0.0)
    assert spared[0].tolist() == np.where(OWN, 1.0, 0.95).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name, entry in rules.items() if entry.per == "tensor"])
def test_layerwise_rules_take_every_gain_and_bias_for_itself(name, dtype):
    rng = np.random.default_rng(3)
    w, gradients = rng.standard_normal(len(OWN)), rng.standard_normal((5, len(OWN)))
    own = {"learning_rate": 0.1} | (
        {"weight_decay": 0.2} if "weight_decay" in rules[name].parameters else {}
    )
    found, start = stepped(name, NORMED, w, gradients, dtype, **own), 0
    for parameter in NORMED:
        part = slice(start, start + parameter.size)
        alone = stepped(name, [parameter], w[part], gradients[:, part], dtype, **own)
        assert found[:, part].tobytes() == alone.tobytes()
        start = part.stop
    merged = Parameter("both", (6,))  # what the biases and the gains would be as one
    together = stepped(name, [merged], w[12:18], gradients[:, 12:18], dtype, **own)
    assert (found[:, 12:18] == together).all() == (name == "muon")  # elementwise on vectors: Adam
