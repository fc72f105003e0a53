"""What an epoch takes by the clock of a test, which only moves when a rule or an order says so."""

import math
from contextlib import ExitStack

import numpy as np
import pytest

from nncore.datasets import draw
from nncore.rules import rules
from nncore.stack import timing
from nncore.stack.samples import Data
from tests.problems import added, short


class Clock:
    """Stands still but for `pass_`; notes which rule was called and where it found the weights."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now

    def rule(self, name, seconds):
        """A rule that takes so many seconds an update and moves all weights."""

        def function(w, g, t, *, learning_rate):
            self.now += seconds
            self.calls.append((name, w.copy()))
            w -= 1.0

        return function


@pytest.fixture
def clock():
    return Clock()


def measured(clock, problem, costs, order=None, **options):
    """`epoch_seconds` of rules that take `costs` seconds an update, by label; 4 trials."""
    bare = {"parameters": {"learning_rate": 1.0}, "buffers": ()}
    with ExitStack() as stack:
        names = {
            label: stack.enter_context(
                added(rules, "sgd", function=clock.rule(label, cost), **bare)
            )
            for label, cost in costs.items()
        }
        asked = [names[label] for label in order or costs]
        return timing.epoch_seconds(problem, asked, clock=clock, trials=4, **options)


PROBLEMS = {
    "full batch": short("spiral", batch_size="full"),
    "batches": short("spiral", batch_size=7),
    "per sample": short("people", batch_size=1),
}


@pytest.mark.parametrize("case", PROBLEMS)
@pytest.mark.parametrize("slow", [3.0, 1e-3, 1e-4])
def test_it_is_the_cost_of_an_update_times_updates_by_trial(clock, case, slow):
    """Whether a turn holds a part of an epoch, a whole one or many."""
    problem = PROBLEMS[case]
    samples = len(draw(problem.dataset, 0)["train"].X)
    updates = math.ceil(samples / (problem.batch_size or samples))
    found = measured(clock, problem, {"fast": slow / 10, "slow": slow})
    expected = np.array([slow / 10, slow])[:, None] * updates / 4
    np.testing.assert_allclose(found, np.broadcast_to(expected, (2, timing.ROUNDS)), rtol=1e-9)


def test_it_does_not_depend_on_the_neighbours(clock):
    """The same alone, beside a cheap rule, and beside dear ones of its own kind."""
    problem = PROBLEMS["batches"]
    costs = {"mine": 2e-4, "cheap": 2e-5, "dear": 1.0}
    alone = measured(clock, problem, costs, ["mine"])
    for order in (["mine", "cheap"], ["mine", "dear", "dear"], ["mine", "mine", "cheap"]):
        np.testing.assert_allclose(
            measured(clock, problem, costs, order)[0], alone[0], rtol=1e-9, err_msg=str(order)
        )


def test_rules_take_turns_and_begin_alike(clock):
    measured(clock, PROBLEMS["full batch"], {"a": 1.0, "b": 2.0, "c": 3.0}, rounds=3)
    assert [name for name, _ in clock.calls] == [*"aabbcc", *"abcabcabc"]
    first = clock.calls[0][1]
    assert all((w == first).all() for _, w in clock.calls)


def test_choosing_an_order_is_a_part_of_it(clock, monkeypatch):
    """Once an epoch, however few of its updates a turn holds."""

    def shuffle(self):
        clock.now += 5.0

    monkeypatch.setattr(Data, "shuffle", shuffle)
    found = measured(clock, PROBLEMS["batches"], {"slow": 1.0})
    np.testing.assert_allclose(found, (5.0 + 5 * 1.0) / 4)


def test_every_turn_is_a_sign_of_life(clock):
    signs = []
    measured(clock, PROBLEMS["batches"], {"a": 1.0, "b": 1.0}, progress=lambda: signs.append(1))
    assert len(signs) == 2 * (1 + timing.ROUNDS)


@pytest.mark.parametrize("rule", rules)
def test_every_rule_can_be_measured(rule):
    found = timing.epoch_seconds(short("spiral", batch_size=7), [rule], rounds=2, trials=2)
    assert found.shape == (1, 2)
    assert (found > 0).all()
