"""Plans: keys made of content, stacks that hold every trial once."""

import dataclasses
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.plan import stacks as stacking
from bench.plan.keys import configuration_text, key
from bench.plan.stacks import EACH, estimate, seconds, stacks
from bench.plan.trials import trials
from bench.spec.experiment import load
from nncore.datasets import datasets
from nncore.initializers import initializers
from nncore.layers import layers
from nncore.losses import losses
from nncore.registry import kept
from nncore.rules import rules
from nncore.trial import Configuration

BLOBS = {"dataset": "blobs", "epochs": 10}
SGD = {"rule": "sgd", "learning_rate": [0.1, 1.0]}


def planned(problem=BLOBS, optimizer=SGD, seeds=2):
    return trials(load({"seeds": seeds, "problem": problem, "optimizer": optimizer}))


def keys(*arguments, **options):
    return [trial.key for trial in planned(*arguments, **options)]


def test_trials_come_by_problem_optimizer_configuration_and_seed():
    found = planned([BLOBS, {"dataset": "people"}], [SGD, {"rule": "adam"}], seeds=[7, 3])
    assert [trial.index for trial in found] == list(range(12))
    rows = [
        (t.problem_name, t.optimizer, t.configuration.hyperparameters["learning_rate"], t.seed)
        for t in found
    ]
    optimizers = [("sgd", 0.1), ("sgd", 1.0), ("adam", 0.001)]
    assert rows == [
        (p, *o, seed) for p in ("blobs", "people") for o in optimizers for seed in (7, 3)
    ]


def test_an_optimizer_runs_on_its_problems_only():
    found = planned([BLOBS, {"dataset": "people"}], [SGD, {"rule": "adam", "problems": ["people"]}])
    assert {(t.problem_name, t.optimizer) for t in found} == {
        ("blobs", "sgd"),
        ("people", "sgd"),
        ("people", "adam"),
    }


def test_a_key_is_the_hash_of_the_trials_definition():
    [trial] = planned({**BLOBS, "name": "x"}, {"rule": "sgd", "name": "y"}, seeds=[5])
    definition = {
        "configuration": {
            "hyperparameters": {"decay": 0.0, "learning_rate": 1.0, "momentum": 0.0},
            "rule": "sgd",
        },
        "problem": {
            "dataset": {"classes": 2, "name": "blobs", "noise": 0.1, "samples": 5},
            "dtype": "float32",
            "epochs": 10,
            "initializer": {"biases": "zeros", "name": "normal", "scale": 0.01},
            "layers": ["dense 10", "relu", "dense 2", "softmax"],
            "loss": "categorical_crossentropy",
            "record_every": 1,
            "shuffle": False,
        },
        "seed": 5,
    }
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    assert trial.key == hashlib.sha256(text.encode()).hexdigest()
    assert trial.key == key(trial.problem, trial.configuration, 5)


def test_a_modified_configuration_has_its_modifiers_beside_the_rule():
    optimizer = {"rule": "sgd", "clip_value": 1, "schedule": "linear", "bias": {"momentum": 0.5}}
    [trial] = planned(BLOBS, optimizer, seeds=1)
    definition = {
        "clip_value": 1.0,
        "hyperparameters": {
            "bias.momentum": 0.5,
            "decay": 0.0,
            "learning_rate": 1.0,
            "momentum": 0.0,
        },
        "rule": "sgd",
        "schedule": {"end": 0.0, "name": "linear", "warmup": 0.0},
    }
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    assert configuration_text(trial.configuration) == text


# Two ways to write one thing.
SAME = [
    ({}, {"name": "other"}, "problem"),
    ({}, {"target": {"loss": 0.1}}, "problem"),
    ({}, {"dataset": {"name": "blobs", "samples": 5, "noise": 0.1}}, "problem"),
    ({}, {"batch_size": "full", "shuffle": True, "record_every": 1}, "problem"),
    ({}, {"initializer": {"name": "normal", "scale": 0.01, "biases": "zeros"}}, "problem"),
    ({}, {"layers": ["dense  10", "relu", "dense 2 ", "softmax"]}, "problem"),
    ({"initializer": {"scale": 1}}, {"initializer": {"name": "normal"}}, "problem"),
    ({}, {"name": "other"}, "optimizer"),
    ({}, {"momentum": 0, "decay": -0.0}, "optimizer"),
    ({"learning_rate": 1}, {"learning_rate": 1.0}, "optimizer"),
    ({"learning_rate": [1, 2]}, {"learning_rate": {"linear": [1.0, 2.0], "n": 2}}, "optimizer"),
    ({"learning_rate": 0.001}, {"learning_rate": 1e-3}, "optimizer"),
]


@pytest.mark.parametrize(("one", "other", "where"), SAME, ids=range(len(SAME)))
def test_two_ways_to_write_one_thing_have_one_key(one, other, where):
    base = {"problem": BLOBS, "optimizer": {"rule": "sgd"}}
    found = [keys(**{**base, where: {**base[where], **change}}) for change in (one, other)]
    assert found[0] == found[1]


def test_numbers_of_other_types_have_the_same_key():
    [trial] = planned(BLOBS, {"rule": "sgd", "learning_rate": 1}, seeds=1)
    by_hand = Configuration("sgd", {"learning_rate": 1, "decay": -0.0, "momentum": 0})
    assert key(trial.problem, by_hand, 0) == trial.key
    values = {"values": [-3, -1, 2, 1]}
    assert keys({"dataset": "neuron", "initializer": values}) == keys({"dataset": "neuron"})


# Changes that change a trial.
OTHER = [
    ({"epochs": 11}, {}),
    ({"record_every": 5}, {}),
    ({"dtype": "float64"}, {}),
    ({"batch_size": 10}, {}),
    ({"batch_size": 10, "shuffle": False}, {}),
    ({"dataset": {"name": "blobs", "samples": 6}}, {}),
    ({"layers": ["dense 9", "relu", "dense 2", "softmax"]}, {}),
    ({"initializer": {"scale": 0.1}}, {}),
    ({"initializer": {"biases": "same"}}, {}),
    ({}, {"rule": "adagrad"}),
    ({}, {"momentum": 0.9}),
    ({}, {"decay": 1e-3}),
    ({}, {"learning_rate": 0.5}),
    ({}, {"bias": {"learning_rate": 0.5}}),
    ({}, {"bias": {"momentum": 0.5}}),
    ({}, {"schedule": "cosine"}),
    ({}, {"schedule": {"name": "cosine", "end": 0.1}}),
    ({}, {"clip_norm": 1.0}),
    ({}, {"clip_norm": 2.0}),
    ({}, {"clip_value": 1.0}),
]


def test_every_change_of_content_changes_the_key():
    changes = [({}, {}), *OTHER]
    found = [
        keys({**BLOBS, **problem}, {"rule": "sgd", "learning_rate": 1, **optimizer}, seeds=1)[0]
        for problem, optimizer in changes
    ]
    assert len(set(found)) == len(changes)
    assert len(set(keys(seeds=5))) == 10


@settings(max_examples=50)
@given(st.data())
def test_growing_a_grid_or_renaming_changes_no_key(data):
    rates = st.lists(st.sampled_from([0.1, 0.2, 0.5, 1.0]), min_size=1, unique=True)
    seeds = st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
    names = st.sampled_from(["a", "b"])
    small = {"learning_rate": data.draw(rates), "momentum": data.draw(rates.map(lambda r: r[:1]))}
    if small["momentum"] == [1.0]:
        small["momentum"] = [0.0]
    of = data.draw(seeds)
    epochs = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=2, unique=True))

    def grown(values, more):
        return data.draw(st.permutations(list(dict.fromkeys([*values, *data.draw(more)]))))

    before = keys({**BLOBS, "epochs": epochs}, {"rule": "sgd", **small}, seeds=of)
    after = keys(
        [
            {"dataset": "people"},
            {
                **BLOBS,
                "name": data.draw(names),
                "epochs": grown(epochs, st.lists(st.integers(1, 5))),
            },
        ],
        [
            {"rule": "adam"},
            {
                "rule": "sgd",
                "name": data.draw(names),
                "learning_rate": grown(small["learning_rate"], rates),
                "momentum": [0.25, *small["momentum"]],
                "decay": [0.1, 0.0],
            },
        ],
        seeds=grown(of, seeds),
    )
    assert set(before) <= set(after)


def test_a_problem_without_randomness_has_one_trial_whatever_the_seeds():
    one = planned({"dataset": "neuron"}, SGD, seeds=[3, 4])
    assert [trial.seed for trial in one] == [3, 3]
    assert [t.key for t in one] == keys({"dataset": "neuron"}, SGD, seeds=7)
    assert key(one[0].problem, one[0].configuration, 99) == one[0].key


def test_a_trial_of_two_optimizers_is_two_rows_with_one_key():
    both = [{**SGD, "name": "a"}, {**SGD, "name": "b", "learning_rate": [1.0, 5.0]}]
    found = planned(BLOBS, both, seeds=1)
    assert [trial.optimizer for trial in found] == ["a", "a", "b", "b"]
    assert found[1].key == found[2].key
    assert len({trial.key for trial in found}) == 3
    assert sum(map(len, stacks(found, jobs=1))) == 3


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        (datasets, "blobs"),
        (initializers, "normal"),
        (losses, "categorical_crossentropy"),
        (layers, "relu"),
        (rules, "sgd"),
    ],
    ids=["dataset", "initializer", "loss", "layer", "rule"],
)
def test_the_source_of_a_plugin_counts(registry, name):
    found = [keys(seeds=1)]
    for digest in ("one source", "another source"):
        with kept(registry):
            registry.add(dataclasses.replace(registry[name], digest=digest))
            found.append(keys(seeds=1))
    assert len({key for some in found for key in some}) == 3 * len(found[0])


# -- stacks

SPEC = {
    "seeds": 5,
    "problem": [{"dataset": "spiral", "epochs": [50, 100]}, {"dataset": "people"}],
    "optimizer": [
        {"rule": "sgd", "learning_rate": {"log": [0.1, 1.0], "n": 9}, "momentum": [0.0, 0.9]},
        {"rule": "sgd", "name": "unlike biases", "bias": {"momentum": 0.5}},
        {"rule": "adam", "learning_rate": {"log": [0.001, 0.1], "n": 7}},
    ],
}


@pytest.mark.parametrize("jobs", [1, 2, 64])
@pytest.mark.parametrize("size", [None, 1, 3, 1000])
def test_stacks_hold_every_trial_once_and_go_through_one_code_path(jobs, size):
    planned = trials(load(SPEC))
    found = stacks(planned, jobs=jobs, size=size)
    assert sorted(t.index for stack in found for t in stack) == [t.index for t in planned]
    for stack in found:
        assert size is None or len(stack) <= size
        assert len({str(trial.problem) for trial in stack}) == 1
        assert len({tuple(trial.configuration.hyperparameters) for trial in stack}) == 1
        assert len({trial.configuration.rule for trial in stack}) == 1
    assert found == stacks(planned, jobs=jobs, size=size)


def test_everyones_first_seeds_train_before_anyones_last():
    found = stacks(planned(BLOBS, [{"rule": "sgd"}, {"rule": "adam"}], seeds=8), jobs=1, size=2)
    seeds = [min(trial.seed for trial in stack) for stack in found]
    rounds = [seed // 2 for seed in seeds]  # of four
    assert rounds == sorted(rounds)
    for number in range(4):
        mine = [stack for stack, r in zip(found, rounds, strict=True) if r == number]
        assert {t.configuration.rule for stack in mine for t in stack} == {"sgd", "adam"}
        assert [seconds(s) for s in mine] == sorted(map(seconds, mine), reverse=True)


def test_schedules_and_clipping_do_not_mix():
    [trial] = planned(BLOBS, {"rule": "sgd"}, seeds=1)
    values = trial.configuration.hyperparameters
    different = [
        Configuration("sgd", values),
        Configuration("sgd", values, modifiers={"schedule": {"name": "constant"}}),
        Configuration("sgd", values, modifiers={"clip_norm": 1.0}),
        Configuration("sgd", values, modifiers={"clip_value": 1.0}),
    ]
    mixed = [
        dataclasses.replace(
            trial,
            configuration=c,
            configuration_index=number,
            key=key(trial.problem, c, trial.seed),
        )
        for number, c in enumerate(different)
    ]
    assert [len(stack) for stack in stacks(mixed, jobs=1)] == [1] * 4


@pytest.fixture
def costs(monkeypatch):
    """Trials that cost `each` seconds, in stacks of at most `whole`, of `worth` where that pays."""

    def set_costs(each, whole, worth=1):
        monkeypatch.setattr(stacking, "step_cost", lambda problem, *_: each / problem.epochs)
        monkeypatch.setattr(stacking, "stack_size", lambda *_: whole)
        monkeypatch.setattr(stacking, "worthwhile", lambda *_: worth)
        monkeypatch.setattr(stacking, "shared_cost", lambda *_: 0.0)

    return set_costs


# Seconds per trial, stack size, where calls pay, trials, jobs; sizes of the stacks.
CUTS = [
    (0.001, 64, 1, 1000, 1, [62, 63]),  # cut evenly, never above what fits
    (0.25, 64, 1, 100, 1, [7, 8]),  # two seconds
    (0.25, 64, 1, 1000, 1, [50]),  # a twentieth of what a worker has to do
    (0.25, 64, 40, 100, 1, [33, 34]),  # longer, where calls would cost more than arithmetic
    (0.25, 64, 400, 1000, 1, [62, 63]),  # and never above what fits
    (0.25, 64, 400, 100, 4, [25]),  # nor what leaves workers idle
    (0.1, 64, 1, 100, 4, [20]),  # few trials: at least half of what fits, but two seconds
    (0.001, 64, 1, 100, 4, [25]),
    (0.001, 8, 1, 100, 100, [4]),
    (10.0, 64, 1, 10, 1, [3, 4]),  # longer than two seconds each: still side by side
    (10.0, 2, 1, 100, 1, [2]),
    (1.0, 64, 1, 1, 8, [1]),
]  # fmt: skip


@pytest.mark.parametrize(("each", "whole", "worth", "count", "jobs", "sizes"), CUTS)
def test_stacks_fit_cache_time_and_workers(costs, each, whole, worth, count, jobs, sizes):
    costs(each, whole, worth)
    found = stacks(planned(BLOBS, {"rule": "sgd"}, seeds=count), jobs=jobs)
    assert sorted({len(stack) for stack in found}) == sizes


def test_the_estimate_is_that_of_workers_who_take_the_next_stack(costs):
    costs(1.0, 1)
    found = stacks(planned(BLOBS, {"rule": "sgd"}, seeds=5), jobs=2)
    each = 1.0 + EACH
    taken = [estimate(found, jobs) for jobs in (1, 2, 9)]
    assert taken == pytest.approx([5 * each, 3 * each, each])
    assert estimate([], 2) == 0.0
