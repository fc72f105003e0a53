import numpy as np
import pytest

from nncore.layers import Parameter
from nncore.rules import rules
from nncore.stack.fading import UPDATES
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.problems import added

pytestmark = pytest.mark.usefixtures("in_a_training")
SHAPE = 3, 12
BUILT_IN = [name for name, rule in rules.items() if rule.ours and not rule.needs]


def updates(name, dtype="float32", **changes):
    """Three trials of a rule; gradients end after the fifth update."""
    rule, rng = rules[name], np.random.default_rng(1)
    own = {**rule.hyperparameters, **changes}
    w, g = (rng.standard_normal(SHAPE).astype(dtype) for _ in range(2))
    some = [Configuration(name, own)] * len(w)
    made = Updates(rule, some, [Parameter("w", (3, 4))], 4096, TrialFirst(), w, g)
    for t in range(1, 2049):
        g[:] = rng.standard_normal(SHAPE) if t <= 5 else 0
        made.step()
    return made, w


def faint(array):
    return (array != 0) & (np.abs(array) < np.finfo(array.dtype).smallest_normal)


@pytest.mark.parametrize("name", BUILT_IN)
def test_nothing_faint_is_left_in_the_state_of_any_rule(name):
    made, w = updates(name)
    assert made.made % UPDATES == 0
    for buffer in made.buffers:
        if buffer.dtype.kind == "f":
            assert not faint(buffer).any()
    assert np.isfinite(w).all()


# Means that fade within 2,048 updates, also in float64, but never to 0.
QUICK = {
    "adam": {"beta_1": 0.6},
    "rmsprop": {"rho": 0.6},
    "sgd": {"momentum": 0.6},
    "nesterov": {"momentum": 0.6},
}


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_weight_knows(name, dtype, monkeypatch):
    _, w = updates(name, dtype, **QUICK[name])
    monkeypatch.setattr("nncore.stack.fading.UPDATES", 1_000_000)
    there, stay = updates(name, dtype, **QUICK[name])
    assert any(faint(buffer).any() for buffer in there.buffers)
    assert w.tobytes() == stay.tobytes()


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_what_is_divided_by_stays_where_epsilon_is_0(name):
    made, w = updates(name, epsilon=0.0, **QUICK[name])
    assert any(faint(buffer).any() for buffer in made.buffers)
    assert np.isfinite(w).all()


def test_trials_without_an_epsilon_have_neighbours_with_one():
    rule, g = rules["rmsprop"], np.zeros(SHAPE, "float32")
    own = [{**rule.hyperparameters, "epsilon": x} for x in (1e-7, 0.0, 1e-7)]
    own[2] = {**own[2], "bias.epsilon": 0.0}
    some = [Configuration("rmsprop", values) for values in own]
    w = np.ones(SHAPE, "float32")
    made = Updates(rule, some, [Parameter("w", (3, 4))], 64, TrialFirst(), w, g)
    [cache] = made.buffers
    cache[:] = 1e-40
    for _ in range(UPDATES):
        made.step()
    assert [faint(row).any() for row in cache] == [False, True, True]


def test_state_of_others_rules_is_theirs():
    def kept(w, g, t, v, *, learning_rate, momentum):
        v[:] = 1e-40

    with added(rules, "sgd", function=kept, origin="mine.py") as name:
        made = Updates(
            rules[name],
            [Configuration(name, rules[name].hyperparameters)] * 3,
            [Parameter("w", (3, 4))],
            64,
            TrialFirst(),
            *(np.ones(SHAPE, "float32") for _ in range(2)),
        )
        for _ in range(UPDATES):
            made.step()
        assert faint(made.buffers[0]).all()
