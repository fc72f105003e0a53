import inspect
from dataclasses import replace

import pytest

from nncore.rules import rules
from nncore.stack.costs import LARGEST_STACK, shared_cost, stack_size, step_cost, worthwhile
from tests.problems import GENERATED, problem, short

PROBLEMS = [problem(name) for name in GENERATED] + [short(name, batch_size=1) for name in GENERATED]


@pytest.mark.parametrize("trained", PROBLEMS, ids=lambda p: p.dataset["name"])
@pytest.mark.parametrize("rule", rules)
def test_a_stack_has_a_size_and_a_step_a_cost(trained, rule):
    size = stack_size(trained, rule)
    assert isinstance(size, int)
    assert 1 <= size <= LARGEST_STACK
    assert 1e-8 < step_cost(trained, rule) < 1
    assert (size, step_cost(trained, rule)) == (
        stack_size(trained, rule),
        step_cost(trained, rule),
    )


@pytest.mark.parametrize("function", [stack_size, step_cost, worthwhile])
def test_sizes_and_costs_come_from_the_problem_and_the_rule_alone(function):
    asked = {"problem", "rule", "wraps", "caches"}
    assert set(inspect.signature(function).parameters) <= asked


def layered(width, count=100, **changes):
    return problem(
        "spiral",
        {"samples": count},
        layers=[f"dense {width}", "relu", "dense 3", "softmax"],
        **changes,
    )


def test_larger_networks_and_wider_numbers_make_smaller_stacks():
    sizes = [stack_size(layered(width), "adam") for width in (8, 64, 512, 4096, 100_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]
    assert sizes[-1] == 1
    wide = stack_size(layered(64, dtype="float64"), "adam")
    assert wide < stack_size(layered(64), "adam") <= 2 * wide + 1
    assert stack_size(layered(4096), "adam") <= stack_size(layered(4096), "sgd")


def test_the_less_an_update_is_the_more_trials_its_calls_are_worth():
    wide, narrow = layered(512), layered(4, batch_size=1)
    assert 1 <= worthwhile(wide, "adam") < 10 < 200 < worthwhile(narrow, "adam")
    # The more buffers, the more calls; each trial's own share does not grow as fast.
    assert worthwhile(narrow, "sgd") <= worthwhile(narrow, "adam")
    for trained in (wide, narrow):
        assert worthwhile(trained, "sgd") == worthwhile(replace(trained, epochs=7), "sgd")


def test_more_work_costs_more():
    cost = step_cost(layered(64), "sgd")
    assert shared_cost(layered(64), "sgd") < shared_cost(layered(64), "adam")
    assert shared_cost(layered(64), "sgd") < shared_cost(layered(64, record_every=1), "sgd")
    assert shared_cost(layered(64), "sgd") < shared_cost(layered(64, batch_size=10), "sgd")
    assert cost < step_cost(layered(64, count=1000), "sgd")
    assert cost < step_cost(layered(512), "sgd")
    assert cost < step_cost(layered(64, batch_size=10), "sgd")
    assert cost < step_cost(layered(64, dtype="float64"), "sgd")
    assert cost < step_cost(layered(64), "adam")
    assert cost < step_cost(layered(64, record_every=1), "sgd")
    assert cost == step_cost(layered(64, epochs=7), "sgd")
    # An evaluation more in each update, and several.
    assert 1.5 * cost < step_cost(layered(64), "sgd", ["sam"]) < 2.1 * cost
    assert step_cost(layered(64), "sgd", ["sam"]) < step_cost(layered(64), "lbfgs")
    assert cost < step_cost(layered(64), "sgd", ["ema"]) < 1.5 * cost


def test_a_batch_larger_than_the_data_is_the_data():
    for function in (stack_size, step_cost):
        assert function(layered(64, batch_size=10_000), "sgd") == function(layered(64), "sgd")
