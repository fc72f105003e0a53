"""How many trials train side by side is found by trying, and changes nothing but the time."""

from dataclasses import replace

import numpy as np
import pytest

from nncore.rules import rules
from nncore.stack import fitting
from nncore.stack.costs import LARGEST, SMALLEST, stack_size
from nncore.stack.training import Training, draw, train
from nncore.trial import Configuration, Seeds, Target
from tests.problems import GENERATED, added, problem, short

pytestmark = pytest.mark.usefixtures("in_a_training")


@pytest.fixture(autouse=True)
def _nothing_known():
    fitting.forget()
    yield
    fitting.forget()


def configuration(rule="adam", **changes):
    return Configuration(rule, {**rules[rule].hyperparameters, "learning_rate": 0.01, **changes})


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert (a.status, a.reason, a.arrivals) == (b.status, b.reason, b.arrivals)
        for name in a.metrics:
            assert a.metrics[name].tobytes() == b.metrics[name].tobytes()
        assert a.evaluations.tolist() == b.evaluations.tolist()


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("size", [1, 2, 3, 100, None])
def test_bits_are_those_of_one_stack(name, size):
    trained = short(name)
    some = [configuration(learning_rate=rate) for rate in (0.01, 1e6, 0.02, 0.03, 0.04)]
    seeds, targets = [0, 1, 0, 2, 3], [Target("train_loss", 0.9), Target("test_loss", 0.9)]
    expected = train(trained, some, seeds, targets=targets)
    same(fitting.train_all(trained, some, seeds, targets=targets, size=size), expected)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (47, 8), (10, 3), (5, 9), (2048, 2048)])
def test_parts_are_equal_but_for_one(count, size):
    ends = fitting.cuts(count, size)
    parts = np.diff(ends)
    assert (ends[0], ends[-1]) == (0, count)
    assert parts.max() <= size
    assert parts.max() - parts.min() <= 1


class Clock:
    """Seconds that pass in updates alone: as many for a stack of `T` as `cost(T)` says."""

    def __init__(self, monkeypatch, cost):
        self.now, self.tried = 0.0, []
        clock = self

        class Counted(Training):
            def update(self, number):
                clock.now += cost(len(self.configurations))
                clock.tried.append(len(self.configurations))

        monkeypatch.setattr(fitting, "Training", Counted)

    def __call__(self):
        return self.now


def chosen(trained, count, clock, rule="adam"):
    seeds = [Seeds.of(k) for k in range(count)]
    drawn = draw(trained, seeds[:1], {})
    several = [configuration(rule)] * count
    return fitting.fitting_size(trained, several, seeds, drawn, clock=clock)


LONG = replace(problem("spiral"), epochs=100_000, record_every=100_000)
MOST = stack_size(LONG, "adam", (), LARGEST)
COSTS = {
    "calls alone": lambda trials: 1.0,
    "caches alone": lambda trials: float(trials**2),
    "a valley": lambda trials: trials * (1 + abs(np.log(trials / (MOST / 4.2)))),
    "a valley between": lambda trials: trials * (1 + abs(np.log(trials / (MOST / 5.6)))),
}


@pytest.mark.parametrize("name", COSTS)
def test_the_fastest_size_is_chosen(monkeypatch, name):
    cost = COSTS[name]
    sizes = range(stack_size(LONG, "adam", (), SMALLEST), MOST + 1)
    best = min(cost(size) / size for size in sizes)
    size = chosen(LONG, MOST, Clock(monkeypatch, cost))
    assert cost(size) / size < 1.3 * best


def test_what_was_tried_is_known_and_fewer_trials_need_no_more(monkeypatch):
    clock = Clock(monkeypatch, lambda trials: trials * (1 + abs(np.log(trials / 7))))
    first = chosen(LONG, MOST, clock)
    tried = len(clock.tried)
    assert chosen(LONG, MOST, clock) == first
    assert chosen(LONG, 3, clock) <= 3
    assert len(clock.tried) == tried
    assert chosen(LONG, MOST, clock, rule="sgd") > 1
    assert len(clock.tried) > tried


def test_short_trainings_and_others_rules_are_not_tried(monkeypatch):
    clock = Clock(monkeypatch, lambda trials: 1.0)
    likely = stack_size(LONG, "adam")
    assert chosen(replace(LONG, epochs=2), MOST, clock) == likely
    assert chosen(LONG, 1, clock) == 1
    with added(rules, "adam", origin="mine.py") as name:
        assert chosen(LONG, MOST, clock, rule=name) == likely
    assert clock.tried == []
