"""Wrappers around rules: each against its paper, number by number, and none sees a neighbour."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nncore.registry import kept
from nncore.rules import rules
from nncore.stack.layouts import TrialFirst, TrialLast
from nncore.stack.training import train
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from nncore.wrappers import wrapper, wrappers
from tests.problems import Line, assert_same, configuration, dense, short
from tests.references import elementwise, landscape

INNER = {
    "sgd": {"learning_rate": 0.02, "momentum": 0.9},
    "adam": {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
}
UPDATES = 60
Flat = list[float]


def inner(name: str) -> Callable[[Flat], Flat]:
    """A function of a gradient that gives the rule's change of each weight."""
    own = {k: v for k, v in INNER[name].items() if k != "learning_rate"}
    parts = [getattr(elementwise, name)(0.0, **own) for _ in landscape.START]
    last = [next(part) for part in parts]

    def change(g: Flat) -> Flat:
        rate = INNER[name]["learning_rate"]
        new = [part.send((x, rate)) for part, x in zip(parts, g, strict=True)]
        moved = [a - b for a, b in zip(new, last, strict=True)]
        last[:] = new
        return moved

    return change


def plus(a: Flat, b: Flat, factor: float = 1.0) -> Flat:
    return [x + factor * y for x, y in zip(a, b, strict=True)]


def lookahead(w: Flat, change: Any, *, steps: int, rate: float) -> Iterator[tuple[Flat, Flat]]:
    slow = w
    for t in itertools.count(1):
        w = plus(w, change(landscape.gradient(w, t)))
        if t % steps == 0:
            w = slow = plus(slow, plus(w, slow, -1), rate)
        yield w, w


def sam(w: Flat, change: Any, *, rho: float) -> Iterator[tuple[Flat, Flat]]:
    for t in itertools.count(1):
        g = landscape.gradient(w, t)
        worst = plus(w, g, rho / math.hypot(*g))
        w = plus(w, change(landscape.gradient(worst, t)))
        yield w, w


def ema(w: Flat, change: Any, *, beta: float) -> Iterator[tuple[Flat, Flat]]:
    seen = []
    for t in itertools.count(1):
        w = plus(w, change(landscape.gradient(w, t)))
        seen.append(w)
        weights = [beta**age for age in reversed(range(t))]
        total = math.fsum(weights)
        yield (
            w,
            [
                math.fsum(a * x for a, x in zip(weights, row, strict=True)) / total
                for row in zip(*seen, strict=True)
            ],
        )


def centralisation(w: Flat, change: Any) -> Iterator[tuple[Flat, Flat]]:
    for t in itertools.count(1):
        parts = landscape.split(landscape.gradient(w, t))
        for part in parts:
            if isinstance(part[0], list):
                means = [math.fsum(column) / len(part) for column in zip(*part, strict=True)]
                part[:] = [plus(row, means, -1) for row in part]
        w = plus(w, change(landscape.join(parts)))
        yield w, w


def schedule_free(w: Flat, change: Any, *, beta: float) -> Iterator[tuple[Flat, Flat]]:
    """At a constant rate: x is the plain mean of all z."""
    z, seen = w, []
    for t in itertools.count(1):
        z = plus(z, change(landscape.gradient(w, t)))
        seen.append(z)
        x = [math.fsum(row) / t for row in zip(*seen, strict=True)]
        w = [(1 - beta) * a + beta * b for a, b in zip(z, x, strict=True)]
        yield w, x


REFERENCES: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "lookahead": (lookahead, [{"steps": 5, "rate": 0.5}, {"steps": 3, "rate": 0.8}]),
    "sam": (sam, [{"rho": 0.05}, {"rho": 0.5}]),
    "ema": (ema, [{"beta": 0.9}, {"beta": 0.5}]),
    "centralisation": (centralisation, [{}]),
    "schedule_free": (schedule_free, [{"beta": 0.9}, {"beta": 0.3}]),
}


def wrapped(rule: str, chain: list[dict[str, Any]], **given: float) -> Configuration:
    """A configuration of a rule in these, what is left out being the defaults."""
    filled = [{**dict(wrappers[t["name"]].parameters), **t} for t in chain]
    plain = configuration(rule, **given)
    return Configuration(rule, plain.hyperparameters, {"wrap": filled})


def test_every_wrapper_has_a_reference_that_tries_every_parameter() -> None:
    assert set(REFERENCES) == set(wrappers)
    for name, (_, sets) in REFERENCES.items():
        for parameter in wrappers[name].parameters:
            assert len({given[parameter] for given in sets}) > 1
        assert wrappers[name].source in wrappers[name].summary


@pytest.mark.parametrize("layout", [TrialFirst, TrialLast])
@pytest.mark.parametrize("rule", INNER)
@pytest.mark.parametrize("name", REFERENCES)
def test_a_wrapper_equals_its_reference(name: str, rule: str, layout: Any) -> None:
    reference, sets = REFERENCES[name]
    rows = [wrapped(rule, [{"name": name, **given}], **INNER[rule]) for given in sets * 2]
    made, oracle = layout(), Line(lambda row, point: landscape.gradient(point.tolist(), oracle.t))
    w, g = (made.empty(np.dtype("float64"), len(rows), landscape.COUNT) for _ in range(2))
    w[:] = landscape.START
    parameters = dense(landscape.LAYERS)
    updates = Updates(rules[rule], rows, parameters, UPDATES, made, w, g, oracle=oracle)
    expected = [reference(list(landscape.START), inner(rule), **given) for given in sets * 2]
    for t in range(1, UPDATES + 1):
        g[:] = [landscape.gradient(row.tolist(), t) for row in w]
        oracle.t = t
        oracle.see(w, g)
        updates.step()
        for k, (weights, evaluated) in enumerate(map(next, expected)):
            np.testing.assert_allclose(w[k], weights, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(updates.evaluated[k], evaluated, rtol=1e-10, atol=1e-12)


LAYERS = {"large": ["dense 40", "tanh", "dense 3", "softmax"], "tiny": ["dense 3", "softmax"]}
CHAINS = [*([{"name": name}] for name in wrappers), [{"name": "sam"}, {"name": "lookahead"}]]


# A rule of each kind, with a rate at which it moves.
RATES = {"adam": 0.01, "lamb": 0.01, "prodigy": 3.0}


@pytest.mark.parametrize("rule", RATES)
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "+".join(t["name"] for t in chain))
def test_bits_depend_on_no_neighbour_even_one_that_diverges(
    chain: list[dict[str, Any]], layers: str, rule: str
) -> None:
    trained = short("spiral", layers=LAYERS[layers], epochs=12, batch_size=7)
    stack = [wrapped(rule, chain, learning_rate=rate) for rate in (RATES[rule], 1e300, 0.02)]
    together = train(trained, stack, [0, 0, 1])
    assert [outcome.status for outcome in together] == ["ok", "diverged", "ok"]
    for one, seed, outcome in zip(stack, [0, 0, 1], together, strict=True):
        assert_same(train(trained, [one], [seed])[0], outcome)
    plain = train(trained, [configuration(rule, learning_rate=RATES[rule])], [0])[0]
    assert plain.metrics["train_loss"].tobytes() != together[0].metrics["train_loss"].tobytes()


def test_evaluations_of_a_wrapper_are_counted() -> None:
    trained = short("spiral", epochs=4)
    for chain, each in (([{"name": "sam"}], 2), ([{"name": "lookahead"}], 1)):
        [outcome] = train(trained, [wrapped("sgd", chain)], [0])
        assert outcome.evaluations[-1] == 4 * each


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_schedule_free_around_descent_is_the_rule_of_that_name(dtype: str) -> None:
    trained = short("spiral", epochs=30, dtype=dtype)
    rule = configuration("schedule_free_sgd", learning_rate=0.3, decay=0.01)
    around = wrapped("sgd", [{"name": "schedule_free"}], learning_rate=0.3, decay=0.01)
    [some], [other] = train(trained, [rule], [0]), train(trained, [around], [0])
    for name, values in some.metrics.items():
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(other.metrics[name], values, rtol=tolerance)


def test_the_order_of_a_chain_matters() -> None:
    """Each sees what the inner ones leave: an average of lookahead's weights, or beside them."""
    trained = short("spiral", epochs=20)
    lookahead_, ema_ = {"name": "lookahead", "steps": 2}, {"name": "sam", "rho": 0.5}
    [one] = train(trained, [wrapped("sgd", [lookahead_, ema_])], [0])
    [other] = train(trained, [wrapped("sgd", [ema_, lookahead_])], [0])
    # Lookahead moves weights after the step, sam the gradient before: these commute.
    assert_same(one, other)
    centred = {"name": "centralisation"}
    [one] = train(trained, [wrapped("sgd", [centred, ema_])], [0])
    [other] = train(trained, [wrapped("sgd", [ema_, centred])], [0])
    assert one.metrics["train_loss"].tobytes() != other.metrics["train_loss"].tobytes()


# A rule of each kind that does something of its own in its first update.
FIRST = ["adam", "sgd_dampened", "rprop", "muon", "prodigy", "lbfgs"]


@pytest.mark.parametrize("rule", FIRST)
def test_a_rule_counts_its_own_steps_where_a_wrapper_collects_gradients(rule: str) -> None:
    shapes, size = dense(landscape.LAYERS), landscape.COUNT
    gradients = np.random.default_rng(0).standard_normal((6, 1, size))
    parts = [np.array([landscape.START]), np.empty((1, size))]
    with kept(wrappers):

        @wrapper(changes=["g"])
        def every_other(w: Any, g: Any, t: int, step: Any, total: Any) -> None:
            total += g
            if t % 2 == 0:
                step(total)
                total[:] = 0

        ends = []
        for row, seen in (
            (wrapped(rule, [{"name": "every_other"}]), np.repeat(gradients / 2, 2, axis=0)),
            (configuration(rule), gradients),
        ):
            w, g = (part.copy() for part in parts)
            oracle = Line(lambda row, point: np.ones(size))
            updates = Updates(rules[rule], [row], shapes, 12, TrialFirst(), w, g, oracle=oracle)
            for g[:] in seen:
                oracle.see(w, g)
                updates.step()
            ends.append(w)
    assert not np.array_equal(ends[1], parts[0])
    np.testing.assert_array_equal(*ends)


WRONG: dict[str, tuple[Any, str]] = {
    "no step": (lambda w, g, t: 0, "write it as"),
    "a word": (lambda w, g, t, step, *, side="left": 0, "side must be a number"),
    "no default": (lambda w, g, t, step, *, scale: 0, "scale needs a default"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrapper_s_signature_is_checked(case: str) -> None:
    function, message = WRONG[case]
    with kept(wrappers), pytest.raises(TypeError, match=message):
        wrapper()(function)
