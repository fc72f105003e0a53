import numpy as np
import pytest

from nncore.rules import Hyperparameter, rules
from nncore.stack.layouts import TrialFirst, TrialLast
from nncore.stack.recording import record

ELEMENTWISE = {name: rule for name, rule in rules.items() if rule.per == "element"}
# What these do is no straight line of arithmetic: they branch on t, or choose by where.
BEYOND = {
    "rprop",
    "sgd_dampened",
    "radam",
    "adabound",
    "adan",
    "schedule_free_sgd",
    "schedule_free_adamw",
}
TRIALS, PARAMETERS = 5, 23
STRANGE = [0.0, -0.0, 1e-40, -1e-45, 1e38, np.inf, -np.inf, np.nan]


def recorded(rule):
    return record(rule.function, len(rule.buffers), tuple(rule.parameters.items()))


def numbers(rng, value, dtype, kind):
    """A hyperparameter of all trials: shared, each trial's, or that of biases and weights."""
    if kind in ("shared", "rates"):
        return Hyperparameter.of(np.full((TRIALS, 1), value), dtype)
    shape = (TRIALS, 1 if kind == "trials" else PARAMETERS)
    return Hyperparameter.of(value * rng.uniform(0.5, 1, shape), dtype)


def filled(layout, dtype, values):
    array = layout.empty(dtype, *values.shape)
    array[:] = values
    return array


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_which_rules_are_recorded(name):
    expected = name not in BEYOND and not ELEMENTWISE[name].needs
    assert (recorded(ELEMENTWISE[name]) is not None) == expected


@pytest.mark.parametrize("layout", [TrialFirst(), TrialLast()], ids=["first", "last"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["shared", "rates", "trials", "biases"])
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if recorded(ELEMENTWISE[name])])
def test_a_recording_does_what_its_rule_does(name, kind, dtype, layout):
    rule, recording, rng = ELEMENTWISE[name], recorded(ELEMENTWISE[name]), np.random.default_rng(3)
    values = {
        name: numbers(rng, value, dtype, kind)
        for name, value in rule.hyperparameters.items()
        if name not in ("learning_rate", "decay")
    }
    shape = TRIALS, PARAMETERS
    start = [rng.standard_normal(shape), *(np.zeros(shape) for _ in range(1 + len(rule.buffers)))]
    mine, its = ([filled(layout, dtype, x) for x in start] for _ in range(2))
    scratch = [filled(layout, dtype, np.full(shape, np.nan)) for _ in range(recording.scratch)]
    with np.errstate(all="ignore"):
        step = recording.bind(mine, scratch, values, np.dtype(dtype))
        for t in range(1, 40):
            # Rates that are shared now and then, as those of different decays are at first.
            of = "trials" if kind == "rates" else kind
            rate = numbers(rng, 0.1 / t, dtype, of if t % 3 else "shared")
            g = rng.standard_normal(shape) * 10.0 ** rng.integers(-30, 3)
            if t > 30:
                g.flat[: len(STRANGE)] = STRANGE
            mine[1][:], its[1][:] = g, g
            step(t, rate)
            rule.function(*its[:2], t, *its[2:], learning_rate=rate, **values)
            for ours, theirs in zip(mine, its, strict=True):
                assert ours.tobytes() == theirs.tobytes(), t


def deep(w, g, t, v, *, learning_rate=1.0, beta=0.5):
    d = g
    v[:] = d
    d = beta * v + d
    v[:] = d
    w -= learning_rate * d


def halves(w, g, t, *, learning_rate=1.0):
    w[0] -= learning_rate * g[0]


def looking(w, g, t, *, learning_rate=1.0):
    if (g > 0).all():
        w -= learning_rate * g


def shaped(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * g / g.shape[1]


def timed(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * g / t


def turned(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * np.where(t < 3, g, 2 * g)


def cubed(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * g**3


RNG = np.random.default_rng(0)


def noisy(w, g, t, *, learning_rate=1.0):
    w -= learning_rate * g * float(RNG.random())


def printing(w, g, t, *, learning_rate=1.0):
    print(t, g)
    w -= learning_rate * g


def timing(w, g, t, *, learning_rate=1.0):
    print(f"{t}: {learning_rate}")
    w -= learning_rate * g


CALLS = []


def counting(w, g, t, *, learning_rate=1.0):
    CALLS.append(t)
    w -= learning_rate * g / len(CALLS)


@pytest.mark.parametrize(
    "function", [halves, looking, shaped, timed, turned, cubed, noisy, counting, printing, timing]
)
def test_what_is_no_arithmetic_is_left_to_the_rule(function):
    assert record(function, 0, (("learning_rate", 1.0),)) is None


def test_a_passing_array_that_is_kept_and_used_is_not_lost():
    recording, dtype = (
        record(deep, 1, (("learning_rate", 1.0), ("beta", 0.5))),
        np.dtype(np.float64),
    )
    w, g, v = (np.full((2, 3), x) for x in (1.0, 4.0, 0.0))
    beta, rate = (Hyperparameter.of(np.full((2, 1), x), dtype) for x in (0.25, 0.5))
    step = recording.bind([w, g, v], [np.empty((2, 3))] * recording.scratch, {"beta": beta}, dtype)
    step(1, rate)
    assert (w[0, 0], g[0, 0], v[0, 0]) == (1 - 0.5 * 5, 4, 5)
