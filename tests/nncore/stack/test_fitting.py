"""How many trials train side by side is found by trying, and changes nothing but the time."""

from dataclasses import replace

import numpy as np
import pytest

from nncore.layers import layers
from nncore.losses import losses
from nncore.rules import rules
from nncore.schedules import schedules
from nncore.stack import fitting
from nncore.stack.costs import LARGEST, SMALLEST, stack_size
from nncore.stack.fitting import Fit
from nncore.stack.layouts import TrialFirst, TrialLast
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
@pytest.mark.parametrize("fit", [(1, 1), (2, 2), (3, 2), (4, 3), (5, 1), (100, 2), None])
def test_bits_are_those_of_one_stack(name, fit):
    trained = short(name)
    some = [configuration(learning_rate=rate) for rate in (0.01, 1e6, 0.02, 0.03, 0.04)]
    seeds, targets = [0, 1, 0, 2, 3], [Target("train_loss", 0.9), Target("test_loss", 0.9)]
    expected = train(trained, some, seeds, targets=targets)
    same(fitting.train_all(trained, some, seeds, targets=targets, fit=fit and Fit(*fit)), expected)


class Clock:
    """Seconds that pass in updates alone: for every trial as many as `cost` says of its stack."""

    def __init__(self, monkeypatch, cost):
        self.now, self.tried = 0.0, []
        clock = self

        class Counted(Training):
            def update(self, number):
                fit = Fit(len(self.configurations), self._block)
                clock.now += cost(fit) * fit.trials
                clock.tried.append(fit)

        monkeypatch.setattr(fitting, "Training", Counted)

    def __call__(self):
        return self.now


def chosen(trained, count, clock, rule="adam"):
    seeds = [Seeds.of(k) for k in range(count)]
    drawn = draw(trained, seeds[:1], {})
    several = [configuration(rule)] * count
    return fitting.fitting(trained, several, seeds, drawn, clock=clock)


def valley(lowest):
    return lambda size: 1 + abs(np.log(size / lowest))


LONG = replace(problem("spiral"), epochs=100_000, record_every=100_000)
LEAST, MOST = (stack_size(LONG, "adam", (), caches) for caches in (SMALLEST, LARGEST))
PASSES = {
    "calls alone": lambda size: 1 / size,
    "caches alone": float,
    "a valley": valley(MOST / 4.2),
    "a valley between": valley(MOST / 5.6),
}
UPDATES = {
    "updates are free": lambda trials: 0.0,
    "a call an update": lambda trials: 4 / trials,
    "updates fill the caches": lambda trials: trials / 9,
}


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("passes", PASSES)
def test_the_fastest_stacks_are_chosen(monkeypatch, passes, updates):
    def cost(fit):
        return PASSES[passes](fit.block) + UPDATES[updates](fit.trials)

    fits = [Fit(k * block, block) for block in range(LEAST, MOST + 1) for k in range(1, 9)]
    best = min(cost(fit) for fit in fits if fit.trials <= MOST)
    fit = chosen(LONG, MOST, Clock(monkeypatch, cost))
    assert fit.block <= fit.trials <= MOST
    assert cost(fit) < 1.3 * best


@pytest.mark.parametrize("count", range(LEAST + 1, MOST + 1))
def test_as_many_as_there_are_are_tried_where_no_size_is_near(monkeypatch, count):
    clock = Clock(monkeypatch, lambda fit: 1 / fit.trials)
    assert chosen(LONG, count, clock).trials >= 0.75 * count
    tried = len(clock.tried)
    fewer = chosen(LONG, round(0.9 * count), clock)
    assert 0.67 * count <= fewer.trials <= round(0.9 * count)
    assert len(clock.tried) == tried


def test_what_was_tried_is_known_and_fewer_trials_need_no_more(monkeypatch):
    clock = Clock(monkeypatch, lambda fit: valley(7)(fit.block))
    first = chosen(LONG, MOST, clock)
    tried = len(clock.tried)
    assert chosen(LONG, MOST, clock) == first
    assert chosen(LONG, 3, clock).trials <= 3
    assert len(clock.tried) == tried
    assert chosen(LONG, MOST, clock, rule="sgd").block > 1
    assert len(clock.tried) > tried


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"dataset": {**LONG.dataset, "name": "vertical"}}, True),  # as many samples as wide
        ({"initializer": {"name": "he_normal"}, "epochs": 90_000, "record_every": 1}, True),
        ({"dataset": {**LONG.dataset, "samples": 80}}, False),
        ({"dtype": "float64"}, False),
        ({"batch_size": 30}, False),
        ({"shuffle": not LONG.shuffle}, False),
        ({"layers": ("dense 8", "relu", "dense 3", "softmax")}, False),
    ],
)
def test_what_decides_how_fast_an_update_is_decides_what_is_known(monkeypatch, changes, known):
    clock = Clock(monkeypatch, lambda fit: valley(7)(fit.block))
    chosen(LONG, MOST, clock)
    tried = len(clock.tried)
    chosen(replace(LONG, **changes), MOST, clock)
    assert (len(clock.tried) == tried) is known


def test_a_test_function_is_another_kind_than_the_next(monkeypatch):
    clock = Clock(monkeypatch, lambda fit: valley(7)(fit.block))
    for name in ("beale", "himmelblau"):
        tried = len(clock.tried)
        chosen(replace(problem(name), epochs=100_000, record_every=100_000), 2048, clock)
        assert len(clock.tried) > tried


def test_short_trainings_and_others_code_are_not_tried(monkeypatch):
    clock = Clock(monkeypatch, lambda fit: 1.0)
    likely = stack_size(LONG, "adam")
    assert chosen(replace(LONG, epochs=2), MOST, clock) == (likely, likely)
    assert chosen(LONG, 1, clock) == (1, 1)
    with added(rules, "adam", origin="mine.py") as name:
        assert chosen(LONG, MOST, clock, rule=name) == (likely, likely)
    with added(losses, LONG.loss, origin="mine.py") as name:
        assert chosen(replace(LONG, loss=name), MOST, clock) == (likely, likely)
    with added(layers, "relu", origin="mine.py") as name:
        own = replace(LONG, layers=tuple(name if x == "relu" else x for x in LONG.layers))
        assert name in own.layers
        assert chosen(own, MOST, clock).trials == stack_size(own, "adam")
    with added(schedules, "constant", origin="mine.py") as name:
        several = [configuration()] * MOST
        several[-1] = replace(several[-1], modifiers={"schedule": {"name": name}})
        drawn = draw(LONG, [Seeds.of(0)], {})
        own = [Seeds.of(0)] * MOST
        assert fitting.fitting(LONG, several, own, drawn, clock=clock) == (likely, likely)
    assert clock.tried == []


@pytest.mark.parametrize("trials", [1, 2, 7, 8, 47])
@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_blocks_are_equal_but_for_one_and_the_first_is_the_largest(trials, size):
    blocks = TrialFirst().blocks(trials, size)
    assert [k for block in blocks for k in range(trials)[block]] == list(range(trials))
    lengths = [block.stop - block.start for block in blocks]
    assert max(lengths) == lengths[0] <= size
    assert lengths[0] - min(lengths) <= 1
    assert TrialLast().blocks(trials, size) == [slice(0, trials)]
