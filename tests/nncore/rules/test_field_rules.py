import functools
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize

from nncore.registry import kept, load_plugin
from nncore.rules import rules
from nncore.stack.layouts import TrialFirst, TrialLast
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests import ROOT
from tests.problems import Line, bowl, dense
from tests.references import landscape
from tests.references.registry import (
    FOLLOWED,
    FULL_BATCH,
    hyperparameters,
    names,
    reference,
    seen,
    trajectory,
    valued,
)
from tests.references.settings import SETS

pytestmark = pytest.mark.usefixtures("in_a_training")

LAYOUTS = [TrialFirst, TrialLast]


def configured(name, given):
    return Configuration(name, hyperparameters(name, given, rules[name].parameters)[0])


def gradients(name, w, t):
    """What every trial of rule `name` sees at `w` (T, P) in update `t`."""
    return np.array([seen(name, row.tolist(), t) for row in np.asarray(w, dtype=float)])


def start(layout, configurations, dtype="float64"):
    """Weights and gradient of a stack, and its updates."""
    w, g = (layout.empty(np.dtype(dtype), len(configurations), landscape.COUNT) for _ in range(2))
    w[:] = landscape.START
    entry = rules[configurations[0].rule]
    parameters, name = dense(landscape.LAYERS), configurations[0].rule
    oracle = Line(lambda row, point: seen(name, point.tolist(), oracle.t))
    updates = Updates(
        entry, configurations, parameters, landscape.UPDATES, layout, w, g, oracle=oracle
    )
    return w, g, updates, oracle


def run(configurations, layout=None, dtype="float64", updates=landscape.UPDATES):
    """Weights, and points of evaluation, after every update: two arrays (updates, T, P)."""
    w, g, stepping, oracle = start(layout or TrialFirst(), configurations, dtype)
    weights, evaluated = [], []
    for t in range(1, updates + 1):
        g[:] = gradients(configurations[0].rule, w, t)
        oracle.t = t
        oracle.see(w, g)
        stepping.step()
        weights.append(w.copy())
        evaluated.append(stepping.evaluated.copy())
    return np.array(weights), np.array(evaluated)


@functools.cache
def core(name):
    return run([configured(name, given) for given in SETS[name]])


def test_every_rule_has_a_reference():
    assert [name for name in rules if name not in names()] == []


@pytest.mark.parametrize("name", rules)
def test_every_hyperparameter_is_tried(name):
    for parameter, default in rules[name].parameters.items():
        assert len({given.get(parameter, default) for given in SETS[name]}) > 1, parameter
    assert any("decay" in given for given in SETS[name]) or name == "rprop"


@pytest.mark.parametrize("name", rules)
def test_rule_equals_its_reference(name):
    found, _ = core(name)
    first = FOLLOWED.get(name, landscape.UPDATES)
    for row, given in enumerate(SETS[name]):
        expected = reference(name, given, rules[name].parameters, first)
        np.testing.assert_allclose(found[:first, row], expected, rtol=1e-10, atol=1e-12)
        assert not np.allclose(found[-1, row], landscape.START, rtol=1e-2)


@pytest.mark.parametrize("name", FULL_BATCH)
def test_a_line_search_ends_where_scipy_s_methods_do(name):
    def at(w):
        return valued(name, w.tolist(), 1), np.array(seen(name, w.tolist(), 1))

    for method in ("CG", "BFGS"):
        best = scipy.optimize.minimize(at, landscape.START, jac=True, method=method, tol=1e-9)
        for found in run([configured(name, {})] * 1, updates=400)[0][-1]:
            assert at(found)[0] <= best.fun + 1e-9
            # So near are points of so small a gap where the smallest curvature is 1e-3.
            np.testing.assert_allclose(found, best.x, atol=2e-3)


# Rules without a stored trajectory, and why no package's can be mapped to them.
NO_TRAJECTORY = {"conjugate_gradients": "SciPy's have another line search"}


def test_every_rule_has_a_trajectory():
    lacking = [name for name in rules if trajectory(name) is None]
    assert lacking == list(NO_TRAJECTORY)
    assert all(NO_TRAJECTORY.values())


@pytest.mark.parametrize("name", [name for name in rules if name not in NO_TRAJECTORY])
def test_rule_follows_another_package(name):
    stored = trajectory(name)
    assert stored["made_by"]
    weights, evaluated = core(name)
    points = {"weights": weights, "evaluated": evaluated}
    for one in stored["sets"]:
        row = SETS[name].index(one["hyperparameters"])
        assert ("evaluated" in one) == bool(rules[name].evaluate)
        for what in one.keys() & points.keys():
            assert [int(t) for t in one[what]] == list(landscape.STORED)
            for t, values in one[what].items():
                if int(t) > FOLLOWED.get(name, landscape.UPDATES):
                    continue
                found = points[what][int(t) - 1, row]
                np.testing.assert_allclose(found, values, rtol=1e-10, atol=1e-12)
    assert len(stored["sets"]) == sum("decay" not in given for given in SETS[name])


WIDE = [(40, 7), (7, 30)]


def stepped(name, configurations, layout, dtype, updates=6):
    """Weights (T, P) of a wide network after some updates; trial k has stream k of gradients."""
    count = sum((i + 1) * o for i, o in WIDE)
    w, g = (layout.empty(np.dtype(dtype), len(configurations), count) for _ in range(2))
    streams = [np.random.default_rng(k) for k in range(len(configurations))]
    w[:] = np.array([s.standard_normal(count) for s in streams])
    oracle = bowl(0.1)
    stepping = Updates(
        rules[name], configurations, dense(WIDE), updates, layout, w, g, oracle=oracle
    )
    with np.errstate(all="ignore"):
        for _ in range(updates):
            g[:] = np.array([s.standard_normal(count) for s in streams]) + 0.1 * w
            oracle.see(w, g)
            stepping.step()
    return np.ascontiguousarray(w), np.ascontiguousarray(stepping.evaluated)


@pytest.mark.parametrize("clips", [{}, {"clip_norm": 3.0, "clip_value": 1.5}], ids=["", "clipped"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", rules)
def test_bits_depend_neither_on_neighbours_nor_on_layout(name, dtype, clips):
    one = replace(configured(name, {}), modifiers=clips)
    expected = stepped(name, [one] * 5, TrialFirst(), dtype)
    for count in (1, 2, 3):
        found = stepped(name, [one] * count, TrialFirst(), dtype)
        for some, all_ in zip(found, expected, strict=True):
            assert some.tobytes() == all_[:count].tobytes()
    for count in (2, 4):
        found = stepped(name, [one] * count, TrialLast(), dtype)
        for some, all_ in zip(found, expected, strict=True):
            assert some.tobytes() == all_[:count].tobytes()
    assert (expected[0][0] != expected[0][1]).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [name for name in rules if rules[name].per == "tensor"])
def test_each_tensor_gets_its_own_values(name, layout):
    """A per-tensor rule sees every weight and bias once, with its trial's hyperparameters."""
    calls = []

    def function(w, g, t, *buffers, **h):
        assert all(len(b) == 3 for b in buffers)
        calls.append((w.shape, {k: (v.shape, v.ravel().tolist()) for k, v in h.items()}))
        w += 1

    entry = replace(rules[name], function=function)
    values = [{"learning_rate": 0.5}, {"learning_rate": 0.25, "bias.learning_rate": 0.125}]
    values = [{**rules[name].parameters, "decay": 0.5, **v} for v in [*values, values[0]]]
    stack = [Configuration(name, v) for v in values]
    w, g = (layout().empty(np.float64, 3, landscape.COUNT) for _ in range(2))
    w[:] = 0
    stepping = Updates(entry, stack, dense(landscape.LAYERS), 10, layout(), w, g)
    for _ in range(2):
        stepping.step()
    assert [shape for shape, _ in calls] == [(3, *shape) for shape in landscape.SHAPES] * 2
    for k, (shape, given) in enumerate(calls):
        rates = [0.5, 0.25 if len(shape) == 3 else 0.125, 0.5]
        decayed = [rate / (1 + 0.5 * (k // 4)) for rate in rates]
        assert given["learning_rate"] == ((3,) + (1,) * (len(shape) - 1), pytest.approx(decayed))
        for parameter in rules[name].parameters.keys() - {"learning_rate"}:
            assert given[parameter][1] == [rules[name].parameters[parameter]] * 3
    assert (w == 2).all()


@pytest.mark.parametrize("name", rules)
def test_a_neighbour_that_is_not_finite_harms_nobody(name):
    one = configured(name, {})
    expected, _ = stepped(name, [one] * 2, TrialFirst(), "float64")
    w, g = (np.empty((3, expected.shape[1])) for _ in range(2))
    streams = [np.random.default_rng(k) for k in range(2)]
    w[:2] = [s.standard_normal(w.shape[1]) for s in streams]
    w[2] = 1
    oracle = bowl(0.1)
    stepping = Updates(rules[name], [one] * 3, dense(WIDE), 6, TrialFirst(), w, g, oracle=oracle)
    with np.errstate(all="ignore"):
        for t in range(6):
            g[:2] = np.array([s.standard_normal(w.shape[1]) for s in streams]) + 0.1 * w[:2]
            g[2] = [np.inf, np.nan, -np.inf][t % 3]
            oracle.see(w, g)
            stepping.step()
    assert w[:2].tobytes() == expected.tobytes()
    assert not np.isfinite(w[2]).all() or name in ("signsgd", "signum", "lion", "rprop")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_clipping_bounds_each_trial_s_gradient(layout, dtype):
    rng, made = np.random.default_rng(0), layout()
    limits = [(None, None), (0.5, None), (None, 0.25), (0.5, 0.25), (1e9, 1e9), (1e-3, None)]
    base = configured("sgd", {"learning_rate": 1.0})
    names = ("clip_norm", "clip_value")
    given = [{n: v for n, v in zip(names, own, strict=True) if v is not None} for own in limits]
    stack = [replace(base, modifiers=own) for own in given]
    w, g = (made.empty(np.dtype(dtype), len(stack), landscape.COUNT) for _ in range(2))
    stepping = Updates(rules["sgd"], stack, dense(landscape.LAYERS), 10, made, w, g)
    for scale in (1e-6, 1.0, 1e3, 1e30):
        given = (scale * rng.standard_normal(w.shape)).astype(dtype)
        w[:], g[:] = 0, given
        stepping.step()
        for row, (largest_norm, largest) in enumerate(limits):
            values = [float(x) for x in given[row]]
            if largest is not None:
                values = [min(max(x, -largest), largest) for x in values]
            size = math.sqrt(math.fsum(x * x for x in values))
            if largest_norm is not None and size > largest_norm:
                values = [x / size * largest_norm for x in values]
            np.testing.assert_allclose(-w[row], values, rtol=1e-5 if dtype == "float32" else 1e-12)
            if largest_norm is None and largest is None:
                assert (-w[row]).tobytes() == given[row].tobytes()


def test_clipping_leaves_what_is_not_finite():
    one = replace(configured("sgd", {}), modifiers={"clip_norm": 1.0})
    for bad in (np.nan, np.inf):
        w, g = np.zeros((1, landscape.COUNT)), np.ones((1, landscape.COUNT))
        g[0, 3] = bad
        with np.errstate(all="ignore"):
            Updates(rules["sgd"], [one], dense(landscape.LAYERS), 10, TrialFirst(), w, g).step()
        assert not np.isfinite(w[0, 3])


def test_sources_are_whole_addresses():
    for name in rules:
        assert rules[name].source in rules[name].summary
        assert rules[name].summary.endswith((rules[name].source, f"{rules[name].source}."))


def test_the_example_plugin_passes_its_own_test():
    file = ROOT / "experiments" / "plugins" / "normalized.py"
    with kept(rules):
        digest = load_plugin(file)
        rule = rules["normalized"]
        sys.modules[rule.function.__module__].test_every_step_has_the_rate_s_length()
        assert rule.digest == digest
