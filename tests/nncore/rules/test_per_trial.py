"""Rules that see one network at a time: lists of arrays, numbers, and what they return."""

import numpy as np
import pytest

from nncore.registry import kept
from nncore.rules import rule, rules
from nncore.stack.training import train
from nncore.trial import Configuration
from tests.problems import assert_same, configuration, short


def adam_returning_all(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    m = [beta_1 * a + (1 - beta_1) * d for a, d in zip(m, g, strict=True)]
    v = [beta_2 * b + (1 - beta_2) * d**2 for b, d in zip(v, g, strict=True)]
    steps = [
        learning_rate * (a / (1 - beta_1**t)) / (np.sqrt(b / (1 - beta_2**t)) + epsilon)
        for a, b in zip(m, v, strict=True)
    ]
    return [x - step for x, step in zip(w, steps, strict=True)], m, v


def adam_returning_w(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    given = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    w, m[:], v[:] = adam_returning_all(w, g, t, m, v, learning_rate=learning_rate, **given)
    return tuple(w)


def adam_in_place(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    for x, d, a, b in zip(w, g, m, v, strict=True):
        a[...] = beta_1 * a + (1 - beta_1) * d
        b *= beta_2
        b += (1 - beta_2) * d**2
        x -= learning_rate * (a / (1 - beta_1**t)) / (np.sqrt(b / (1 - beta_2**t)) + epsilon)


def adam_in_lists(w, g, t, m, v, *, learning_rate, beta_1, beta_2, epsilon):
    given = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    w[:], m[:], v[:] = adam_returning_all(w, g, t, m, v, learning_rate=learning_rate, **given)


WAYS = [adam_returning_all, adam_returning_w, adam_in_place, adam_in_lists]
DEFAULTS = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


@pytest.fixture
def registered():
    """Registers a function as a rule per trial, for a while."""

    def register(function, defaults=DEFAULTS, **options):
        function.__kwdefaults__ = defaults
        return rule(per="trial", **options)(function).__name__

    with kept(rules):
        yield register


def sets(name):
    """Configurations that differ in all they can, one with a schedule and clipping."""
    base = configuration(name, learning_rate=0.02)
    plain = [configuration(name, learning_rate=r, beta_1=b) for r, b in ((0.01, 0.5), (0.1, 0.9))]
    schedule = {"name": "linear", "end": 0.1, "warmup": 0.0}
    given = {"schedule": schedule, "clip_norm": 0.1}
    clipped = Configuration(name, base.hyperparameters, given)
    return [*plain, configuration(name, learning_rate=0.05, decay=0.1), clipped]


LAYERS = {
    "large": ["dense 40", "relu", "dense 3", "softmax"],
    "tiny": ["dense 3", "softmax"],
    "gains": ["dense 8", "layer_norm", "relu", "dense 3", "softmax"],
}


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_textbook_s_rule_is_the_stacked_one(way, layers, registered):
    trained = short("spiral", layers=LAYERS[layers], epochs=20, batch_size=7, dtype="float64")
    seeds = [0, 1, 1, 2]
    found = train(trained, sets(registered(way)), seeds)
    for some, other in zip(found, train(trained, sets("adam"), seeds), strict=True):
        for metric, values in other.metrics.items():
            np.testing.assert_allclose(some.metrics[metric], values, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_depend_on_no_neighbour_even_one_that_diverges(dtype, registered):
    name = registered(adam_returning_all)
    trained = short("spiral", layers=LAYERS["large"], epochs=100, dtype=dtype)
    stack = [*sets(name)[:2], configuration(name, learning_rate=1e300), *sets(name)[2:]]
    together = train(trained, stack, [0] * 5)
    assert [outcome.status for outcome in together] == ["ok", "ok", "diverged", "ok", "ok"]
    for one, outcome in zip(stack, together, strict=True):
        assert_same(train(trained, [one], [0])[0], outcome)


def test_it_gets_natural_shapes_and_numbers(registered):
    seen = []

    def note(w, g, t, m, *, learning_rate, momentum):
        for arrays in (w, g, m):
            assert type(arrays) is list
            assert [a.shape for a in arrays] == [(2, 8), (8,), (8, 3), (3,)]
            assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
        assert (type(t), type(learning_rate), type(momentum)) == (int, float, float)
        seen.append((t, learning_rate, momentum))
        m[0] += 1
        w[1] = w[1] - 0.5

    name = registered(note, {"learning_rate": 0.1, "momentum": 0.5})
    rates = [configuration(name, learning_rate=r, decay=1.0, momentum=r / 2) for r in (0.25, 0.5)]
    layers = ["dense 8", "relu", "dense 3", "softmax"]
    train(short("spiral", layers=layers, epochs=2), rates, [0, 1])
    assert seen == [(1, 0.25, 0.125), (1, 0.5, 0.25), (2, 0.125, 0.125), (2, 0.25, 0.25)]


def test_what_is_returned_is_read_before_anything_is_written(registered):
    def swap(w, g, t, m, *, learning_rate):
        return m, w

    name = registered(swap, {"learning_rate": 0.1})
    trained = short("spiral", layers=["dense 3", "softmax"], epochs=2, record_every=1)
    [outcome] = train(trained, [configuration(name)], [0])
    first, second, third = outcome.metrics["train_loss"]
    assert first == third != second


def test_metrics_at_a_buffer(registered):
    def still(w, g, t, x, *, learning_rate):
        return [a - learning_rate * d for a, d in zip(w, g, strict=True)], x

    name = registered(still, {"learning_rate": 0.1}, evaluate="x")
    [outcome] = train(short("spiral", epochs=4, record_every=2), [configuration(name)], [0])
    assert len(set(outcome.metrics["train_loss"][1:])) == 1


WRONG = {
    "an array": (lambda w: w[0], "returned a ndarray; return w, a list of arrays, or (w, m)"),
    "too few": (lambda w: w[:1], "w is 1 arrays, not 2"),
    "other shapes": (lambda w: [w[0], w[1][None]], "w[1] has the shape (1, 3), not (3,)"),
    "no buffer": (lambda w: (w,), "returned a tuple of 1, of list; return w"),
    "a mixture": (lambda w: (w, w[0]), "returned a tuple of 2, of list and ndarray; return w"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_the_weights_is_told(case, registered):
    returned, message = WRONG[case]

    def wrong(w, g, t, m, *, learning_rate):
        return returned(w)

    name = registered(wrong, {"learning_rate": 0.1})
    trained = short("spiral", layers=["dense 3", "softmax"])
    with pytest.raises((TypeError, ValueError)) as caught:
        train(trained, [configuration(name)], [0])
    assert message in str(caught.value)
    assert "wrong" in str(caught.value)


def test_a_rule_that_raises_where_nothing_is_finite_has_diverged(registered):
    def strict(w, g, t, *, learning_rate):
        if not all(np.isfinite(d).all() for d in g):
            raise ArithmeticError("no gradient")
        return [x - learning_rate * d for x, d in zip(w, g, strict=True)]

    name = registered(strict, {"learning_rate": 0.1})
    rates = [configuration(name, learning_rate=r) for r in (1e300, 0.1)]
    broken, fine = train(short("spiral", epochs=40), rates, [0, 0])
    assert (broken.status, fine.status) == ("diverged", "ok")


@pytest.mark.parametrize("options", [{"state": {"m": lambda s: s}}, {"varying": ["learning_rate"]}])
def test_what_a_rule_per_trial_cannot_have(options, registered):
    def plain(w, g, t, m, *, learning_rate):
        return w

    with pytest.raises(TypeError, match="plain"):
        registered(plain, {"learning_rate": 0.1}, **options)
