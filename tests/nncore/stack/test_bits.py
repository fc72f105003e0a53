"""A trial's bits depend on nothing but the trial."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nncore.rules import rules
from nncore.stack.costs import stack_size
from nncore.stack.training import train
from tests.problems import GENERATED, assert_same, configuration, problem, short

# batch size and shuffling; 4 leaves a remainder on every dataset but those of 1 and 4 samples
BATCHES = {
    "full": {"batch_size": "full", "shuffle": False},
    "per sample": {"batch_size": 1, "shuffle": True},
    "in order": {"batch_size": 4, "shuffle": False},
    "remainder": {"batch_size": 4, "shuffle": True},
}
# The last two do not end finite, the one before may.
RATES = [0.01, 0.3, 0.05, 1e6, 1e30, 1e300]
DECAYS = [0.0, 1e-2, 0.1, 0.0, 1e-3, 0.0]


def trials(rule, momenta=(0.0, 0.9, 0.5)):
    """Configurations and seeds of a stack with ordinary and runaway trials."""
    stack = []
    for k, (rate, decay) in enumerate(zip(RATES, DECAYS, strict=True)):
        own = {"momentum": momenta[k % 3]} if "momentum" in rules[rule].parameters else {}
        stack.append((configuration(rule, learning_rate=rate, decay=decay, **own), k % 4))
    return stack


def outcomes(trained, stack):
    configurations, seeds = zip(*stack, strict=True)
    return train(trained, configurations, seeds)


def assert_independent(trained, stack):
    """Alone, in a stack, reordered and among others, every trial comes out the same."""
    together = outcomes(trained, stack)
    order = list(range(len(stack)))[::-1]
    groups = [[i] for i in order] + [order, order[1::2], order[::2] + order[:1]]
    for group in groups:
        for i, outcome in zip(group, outcomes(trained, [stack[i] for i in group]), strict=True):
            assert_same(outcome, together[i])
    return together


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("name", GENERATED)
def test_neighbours_do_not_matter(name, batches, dtype):
    trained = short(name, **BATCHES[batches], dtype=dtype, epochs=2)
    for rule in ("sgd", "adam"):
        assert_independent(trained, trials(rule))


@pytest.mark.parametrize("batches", ["full", "remainder"])
@pytest.mark.parametrize("rule", rules)
def test_neighbours_do_not_matter_to_any_rule(rule, batches):
    for layers in (["dense 3", "softmax"], ["dense 12", "relu", "dense 3", "softmax"]):
        trained = short("spiral", layers=layers, **BATCHES[batches], epochs=2)
        assert_independent(trained, trials(rule))


def test_a_long_sum_does_not_depend_on_the_stack():
    """NumPy adds a lone trial's features pairwise, where it may; such a trial is never alone."""
    for dtype in ("float32", "float64"):
        wide = short(
            "log_linear",
            {"features": 100, "samples": 7},
            layers=["dense 3", "tanh", "dense 1"],
            batch_size=1,
            dtype=dtype,
        )
        assert_independent(wide, trials("sgd"))


def test_survivors_of_a_stack_go_on_unchanged():
    """Neighbours end at different epochs while momentum, decay and the order are under way."""
    trained = short("spiral", batch_size=8, shuffle=True, epochs=40, record_every=5)
    good = configuration("sgd", learning_rate=0.1, momentum=0.9, decay=1e-2)
    ends = [configuration("sgd", learning_rate=rate) for rate in (1e300, 1e12, 1e9, 1e7)]
    stack = [(ends[0], 0), (good, 0), (ends[1], 1), (good, 1), (ends[2], 0), (ends[3], 2)]
    together = assert_independent(trained, stack)
    assert len({o.diverged_epoch for o in together}) > 2
    assert [o.status for o in together].count("ok") == 2


@pytest.mark.parametrize("trained", [
    problem("spiral", epochs=3, record_every=1),
    problem("people", epochs=2, record_every=1),
    problem("log_linear", {"samples": 90}, batch_size=1, epochs=1, record_every=1),
    short("blobs", batch_size=3, epochs=2),
], ids=lambda p: p.dataset["name"])  # fmt: skip
def test_stacks_larger_than_the_cache(trained):
    count = min(1300, 2 * stack_size(trained, "adam") + 3)
    stack = [
        (configuration("adam", learning_rate=1e-3 * (1 + k % 50), decay=1e-3), k % 7)
        for k in range(count)
    ]
    together = outcomes(trained, stack)
    for i in (0, 1, count // 2, count - 1):
        assert_same(outcomes(trained, [stack[i]])[0], together[i])
    half = outcomes(trained, stack[: count // 2])
    for some, other in zip(half, together, strict=False):
        assert_same(some, other)


@settings(max_examples=40)
@given(
    widths=st.lists(st.integers(1, 70), max_size=2),
    features=st.integers(1, 80),
    count=st.integers(1, 20),
    batch_size=st.integers(1, 20) | st.just("full"),
    shuffle=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
    activation=st.sampled_from(["relu", "sigmoid", "tanh", "softmax", "layer_norm"]),
    neighbours=st.integers(1, 9),
)
@example([], 80, 1, 1, False, "float64", "relu", 1)
@example([64, 64], 2, 20, "full", False, "float32", "tanh", 8)
@example([64, 64], 2, 20, 1, True, "float32", "layer_norm", 8)
@example([3, 40], 2, 9, 1, False, "float64", "layer_norm", 1)
def test_neighbours_do_not_matter_in_any_network(
    widths, features, count, batch_size, shuffle, dtype, activation, neighbours
):
    layers = [layer for width in widths for layer in (f"dense {width}", activation)]
    trained = short(
        "log_linear",
        {"features": features, "samples": count, "offset": 40.0},
        layers=[*layers, "dense 1"],
        initializer={"name": "glorot_normal", "biases": "same"},
        batch_size=batch_size,
        shuffle=shuffle and batch_size != "full",
        dtype=dtype,
        epochs=2,
        record_every=1,
    )
    rates = [0.01 * 10 ** (k % 4) for k in range(neighbours + 1)]
    stack = [
        (configuration("sgd", learning_rate=r, momentum=0.5), k % 3) for k, r in enumerate(rates)
    ]
    together = outcomes(trained, stack)
    for i in (0, neighbours):
        assert_same(outcomes(trained, [stack[i]])[0], together[i])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batches", BATCHES)
def test_seeds_and_rates_matter(batches, dtype):
    """What makes the comparisons above say something."""
    trained = short("spiral", **BATCHES[batches], dtype=dtype)
    some = outcomes(trained, trials("sgd"))
    assert len({o.metrics["train_loss"].tobytes() for o in some}) >= 5
    assert [o.status for o in some[:3]] == ["ok"] * 3
    assert some[-1].metrics["train_loss"][-1] == np.inf
    stack = [(configuration("sgd", learning_rate=r), s) for r in (0.1, 0.2) for s in (0, 1)]
    curves = np.array([o.metrics["train_loss"] for o in outcomes(trained, stack)])
    assert len({curve.tobytes() for curve in curves}) == 4
    # The same seed starts from the same network.
    np.testing.assert_array_equal(curves[:2, 0], curves[2:, 0])
