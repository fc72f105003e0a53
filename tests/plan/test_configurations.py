"""Configurations are told apart by a number that the spec alone decides."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.plan import manifest as manifests
from bench.plan import reading, writing
from bench.plan.manifest import Manifest
from bench.plan.stacks import stacks
from bench.plan.trial import Trial
from bench.plan.trials import evaluation, trials
from bench.session.run import planned
from bench.spec.experiment import Experiment, load

PROBLEMS = [
    {"dataset": "blobs", "epochs": 2},
    {"dataset": "people", "epochs": 2},
    {"dataset": "neuron", "epochs": 2},
]
NAMES = ["blobs", "people", "neuron"]
RATES = [0.1, 0.2, 0.5, 1.0]


def spec(optimizers: Sequence[dict[str, Any]], **keys: Any) -> dict[str, Any]:
    return {"name": "numbered", "seeds": 2, "problem": PROBLEMS, "optimizer": optimizers, **keys}


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Optimizers limited to some problems each, two rules in a table, tables of one name apart."""
    tables = []
    for number in range(draw(st.integers(1, 4))):
        table: dict[str, Any] = {
            "name": f"o{number}",
            "rule": draw(st.sampled_from(["sgd", "adam", ["adam", "sgd"]])),
            "learning_rate": draw(st.lists(st.sampled_from(RATES), min_size=1, unique=True)),
            "decay": draw(st.lists(st.sampled_from([0.0, 0.1]), min_size=1, unique=True)),
        }
        if some := draw(st.lists(st.sampled_from(NAMES), unique=True)):
            table["problems"] = some
        tables.append(table)
        if draw(st.booleans()):
            tables.append({**table, "learning_rate": [7.0, *table["learning_rate"]]})
    if draw(st.booleans()):
        tables.append({"rule": ["rmsprop", "adagrad"]})
    return spec(draw(st.permutations(tables)))


def content(trial: Trial) -> tuple[str, str]:
    return trial.optimizer, repr(trial.configuration)


def numbers(found: Sequence[Trial]) -> dict[tuple[str, str], int]:
    """The number of every configuration; it must have the same on every trial."""
    pairs = {(content(t), t.configuration_index) for t in found}
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def in_the_spec_s_order(experiment: Experiment) -> dict[tuple[str, str], int]:
    whole = [(o.name, repr(c)) for o in experiment.optimizers for c in o.configurations]
    return {each: number for number, each in enumerate(whole)}


def copied(found: Sequence[Trial]) -> tuple[Trial, ...]:
    """The same trials, each with a configuration and a problem of its own."""
    return tuple(
        replace(t, configuration=copy.deepcopy(t.configuration), problem=copy.deepcopy(t.problem))
        for t in found
    )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_numbers_count_the_whole_plan_in_the_spec_s_order(given_: dict[str, Any]) -> None:
    experiment = load(given_)
    found = trials(experiment)
    assert numbers(found) == in_the_spec_s_order(experiment)


@settings(max_examples=60, deadline=None)
@given(specs())
def test_a_manifest_keeps_the_numbers_and_one_without_them_gets_the_same(
    given_: dict[str, Any],
) -> None:
    experiment = load(given_)
    found = trials(experiment)
    written = json.loads(json.dumps(writing.to_json(manifests.of(experiment, found))))
    assert reading.from_json(written).trials == found
    old = {**written, "configurations": [entry[1:] for entry in written["configurations"]]}
    assert reading.from_json(old).trials == found


@settings(max_examples=30, deadline=None)
@given(specs(), st.lists(st.sampled_from([3.0, 4.0, 5.0]), unique=True))
def test_growing_a_list_of_the_last_optimizer_changes_no_earlier_number(
    given_: dict[str, Any], more: list[float]
) -> None:
    first = [t for t in given_["optimizer"] if "name" in t]
    last = {"name": "last", "rule": "sgd", "learning_rate": [1.0, 2.0]}
    grown = {**last, "learning_rate": [*last["learning_rate"], *more]}
    before, after = (numbers(trials(load(spec([*first, t])))) for t in (last, grown))
    assert before.items() <= after.items()
    assert sorted(after.values()) == list(range(len(before) + len(more)))


def test_numbers_are_the_same_in_every_shard() -> None:
    source = spec([{"rule": ["sgd", "adam"], "learning_rate": RATES}])
    whole = planned(source, out="nowhere", jobs=1).manifest
    for part in range(1, 4):
        shard = planned(source, out="nowhere", jobs=1, shard=(part, 3))
        assert shard.manifest == whole
        assert {t.index: t for t in whole.trials}.items() >= {
            t.index: t for t in shard.missing
        }.items()
    parts = [replace(whole, trials=whole.trials[i::3]) for i in range(3)]
    assert manifests.united(parts).trials == whole.trials


def test_what_is_chosen_keeps_its_number_when_it_is_judged() -> None:
    source = spec(
        [{"rule": ["sgd", "adam"], "learning_rate": RATES, "problems": ["people", "blobs"]}],
        tuning={"seeds": 3},
    )
    experiment = load(source)
    found = trials(experiment)
    chosen = {
        (t.problem_name, t.optimizer): t
        for t in copied(found)
        if t.configuration_index == {"sgd": 2, "adam": 5}[t.optimizer]
    }
    judged = evaluation(experiment, chosen.values(), experiment.seeds, len(found))
    assert {(t.problem_name, t.optimizer, t.configuration_index) for t in judged} == {
        (problem, *mine) for problem in ("blobs", "people") for mine in (("sgd", 2), ("adam", 5))
    }
    assert numbers([*found, *judged]) == numbers(found)


@pytest.fixture
def made() -> Manifest:
    experiment = load(spec([{"rule": ["adam", "sgd"], "learning_rate": RATES}]))
    return manifests.of(experiment, trials(experiment))


def test_copies_of_a_configuration_are_the_same_one(made: Manifest) -> None:
    twins = replace(made, trials=copied(made.trials))
    assert writing.to_json(twins) == writing.to_json(made)
    assert stacks(twins.trials, jobs=1) == stacks(made.trials, jobs=1)


def test_a_configuration_that_is_listed_twice_is_planned_once() -> None:
    experiment = load(spec([{"rule": "sgd", "learning_rate": RATES}, {"rule": "adam"}]))
    first = experiment.optimizers[0]
    again = (*first.configurations, copy.deepcopy(first.configurations[1]))
    doubled = replace(
        experiment, optimizers=(replace(first, configurations=again), experiment.optimizers[1])
    )
    assert trials(doubled) == trials(experiment)


def test_a_manifest_whose_numbers_repeat_is_refused(made: Manifest) -> None:
    written = writing.to_json(made)
    written["configurations"][3][0] = 0
    with pytest.raises(ValueError, match="repeat"):
        reading.from_json(written)
