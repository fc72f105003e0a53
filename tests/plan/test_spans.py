"""Plans in spans: a tuple of their trials is what they are held to."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from bench.plan.spans import Plan, Span, joined
from bench.plan.trial import Trial
from bench.plan.trials import trials
from bench.spec.experiment import load

SPECS = {
    "a range of seeds": {"seeds": 4},
    "seeds with gaps": {"seeds": [7, 3, 4, 11]},
    "two optimizers of the same trials": {
        "seeds": 3,
        "optimizer": [{"rule": "sgd", "name": name} for name in "ab"],
    },
}


def planned(case: str) -> Plan:
    usual = {
        "problem": [{"dataset": "people", "target": {"loss": 0.1}}, {"dataset": "neuron"}],
        "optimizer": [{"rule": "sgd", "learning_rate": [0.1, 0.2]}, {"rule": "adam"}],
    }
    return trials(load({**usual, **SPECS[case]}))


# Its keys follow from texts; those of one that was made of its trials are written.
MADE = {"planned": lambda plan: plan, "of trials": lambda plan: Plan.of(list(plan))}


@pytest.fixture(params=[(case, made) for case in SPECS for made in MADE], ids=str)
def plan(request: pytest.FixtureRequest) -> Plan:
    case, made = request.param
    return MADE[made](planned(case))


def test_it_is_the_sequence_of_its_trials(plan: Plan) -> None:
    expected = tuple(plan)
    assert len(plan) == len(expected) > 4
    assert [plan[i] for i in range(-len(plan), len(plan))] == [*expected, *expected]
    assert plan[1:-1:2] == expected[1:-1:2]
    assert tuple(reversed(plan)) == expected[::-1]
    assert plan == expected
    assert plan == Plan.of(expected)
    assert plan != expected[1:]
    assert plan != (*expected[1:], expected[0])
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert plan + expected[:2] == expected + expected[:2]
    with pytest.raises(IndexError):
        plan[len(plan)]


def test_columns_are_those_of_its_trials(plan: Plan) -> None:
    positions = np.array([len(plan) - 1, 0, 2, 2])
    assert [*plan.keys] == [t.key for t in plan]
    assert plan.indexes.tolist() == [t.index for t in plan]
    assert plan.seeds.tolist() == [t.seed for t in plan]
    assert plan.column(lambda s: s.optimizer).tolist() == [t.optimizer for t in plan]
    found = plan.column(lambda s: s.problem_name, positions).tolist()
    assert found == [plan[i].problem_name for i in positions]
    asked = [(t.asked, t.problem) for t in plan]
    assert [
        (plan.spans[n].asked, plan.spans[n].problem)
        for n in plan.span_numbers(np.arange(len(plan)))
    ] == asked
    assert [*plan.problems] == list(dict.fromkeys(t.problem_name for t in plan))


def test_a_part_is_as_good_as_those_trials(plan: Plan) -> None:
    chosen = [t.index for t in plan][1::3]
    part = plan.only([*reversed(chosen), 10**6])
    assert part == [t for t in plan if t.index in chosen]
    assert [*part.keys] == [t.key for t in part]
    assert plan.only([]) == ()
    some = {plan[0].seed, plan[2].seed}
    kept = Plan(span.without(some) for span in plan.spans)
    assert kept == [t for t in plan if t.seed not in some]


@pytest.mark.parametrize("least", [1, 3, 5, 1000])
def test_parts_have_whole_configurations(plan: Plan, least: int) -> None:
    parts = list(plan.parts(least, lambda span: [""]))
    assert sum(map(tuple, parts), ()) == tuple(plan)
    for part in parts:
        assert [*part.keys] == [t.key for t in part]
        assert part.indexes.tolist() == [t.index for t in part]
        assert part.seeds.tolist() == [t.seed for t in part]
    whole = [{(t.problem_name, t.configuration_index) for t in part} for part in parts]
    assert sum(map(len, whole)) == len(set().union(*whole))
    assert all(len(part) >= least for part in parts[:-1])
    assert len(parts) > 1 or len(plan) < 2 * least


def test_parts_come_apart_where_spans_have_nothing_in_common() -> None:
    """A configuration's tuning and evaluation, between which others stand; rounds of seeds."""
    [first, second, *_] = planned("a range of seeds").spans
    again = [replace(span, seeds=range(4, 8)) for span in (first, second)]
    rounds = Plan([first, second, *again])
    assert [len(part) for part in rounds.parts(1, lambda span: ["round"])] == [16]
    assert [len(part) for part in rounds.parts(1, lambda span: span.seeds)] == [4, 4, 4, 4]
    both = Plan([first, second, replace(first, seeds=range(2, 6))])
    assert [len(part) for part in both.parts(1, lambda span: span.seeds)] == [12]
    assert [len(part) for part in Plan().parts(1, lambda span: span.seeds)] == [0]


def test_of_one_number_the_last_plan_has_its_way(plan: Plan) -> None:
    def other(trial: Trial) -> Trial:
        return replace(trial, seed=trial.seed + 100, key="f" * 64)

    first, last = Plan.of(plan[:4]), Plan.of([other(t) for t in plan[2:6]])
    assert joined([first, last]) == (*plan[:2], *last)
    assert joined([last, first]) == (*plan[:4], *last[2:])
    assert joined([plan]) is plan


def test_few_spans_hold_many_trials() -> None:
    plan = trials(
        load({"seeds": 100_000, "problem": {"dataset": "spiral"}, "optimizer": {"rule": "sgd"}})
    )
    [span] = plan.spans
    assert isinstance(span, Span)
    assert isinstance(span.seeds, range)
    assert plan[99_999].seed == 99_999
