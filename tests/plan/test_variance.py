"""Twins: which trials they are, which streams there are, and designs that a folder holds."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from bench.plan import manifest as manifests
from bench.plan import variance
from bench.plan.keys import key
from bench.plan.trials import trials
from bench.spec import experiment
from nncore.trial import Seeds

SPIRAL = {"dataset": "spiral", "epochs": 2, "batch_size": 50}
SPEC = {"seeds": 3, "problem": SPIRAL, "optimizer": {"rule": "adam"}}
FULL = {**SPIRAL, "batch_size": "full"}
ABSENT = {
    "none": (SPIRAL, set()),
    "full batch": (FULL, {"order"}),
    "one batch of all": ({**SPIRAL, "batch_size": 300}, {"order"}),
    "as the data stand": ({**SPIRAL, "shuffle": False}, {"order"}),
    "zeros": ({**FULL, "initializer": "zeros"}, {"start", "order"}),
    "the same four people": ({"dataset": "people", "epochs": 2}, {"data", "order"}),
    "neuron": ({"dataset": "neuron", "epochs": 2}, {"data", "start", "order"}),
}


@pytest.mark.parametrize("name", ABSENT)
def test_streams_that_there_are_not_are_named(name: str) -> None:
    table, missing = ABSENT[name]
    [problem] = experiment.load({**SPEC, "problem": table}).problems
    found = variance.absent(problem.problem)
    assert set(found) == missing
    assert all(found.values())


@pytest.mark.parametrize(("validation", "missing"), [(0.25, set()), (0.0, {"data"})])
def test_a_table_has_a_data_stream_where_the_seed_splits_it(tmp_path, validation, missing) -> None:
    path = tmp_path / "some.csv"
    path.write_text("a,b\n" + "".join(f"{i * 0.37},{'yx'[i % 2]}\n" for i in range(40)))
    dataset = {"name": "csv", "path": str(path), "target": "b", "validation": validation}
    table = {"dataset": dataset, "epochs": 2, "batch_size": 4}
    [problem] = experiment.load({**SPEC, "problem": table}).problems
    assert set(variance.absent(problem.problem)) == missing


def test_twins_differ_in_one_stream_and_their_keys_in_that() -> None:
    base = trials(experiment.load(SPEC))[0]
    streams = ("data", "start", "order")
    rows = list(variance.twins(base, streams, range(5)))
    for seed, row in enumerate(rows):
        assert row[0].key == key(base.problem, base.configuration, seed)
        assert row[0].seeds == Seeds.of(seed)
        for stream, twin in zip(streams, row[1:], strict=True):
            differ = {n for n, s in twin.seeds._asdict().items() if s != seed}
            assert differ - {"rule"} == {stream}
    every = list(itertools.chain.from_iterable(rows))
    assert len({t.key for t in every}) == len(every) == 20
    anew = [t.seeds._asdict()[s] for row in rows for s, t in zip(streams, row[1:], strict=True)]
    assert not set(anew) & set(range(5))


def test_where_nothing_is_drawn_twins_go_with_the_last_stream() -> None:
    base = trials(experiment.load(SPEC))[0]
    [[_, start, order]] = variance.twins(base, ("start", "order"), [4])
    assert start.seeds.data == 4
    assert order.seeds.data == order.seeds.order != 4
    [[alone]] = variance.twins(base, ("start",), [4])
    assert alone.streams is None


def test_first_seeds_are_those_of_the_spec_then_the_lowest_unused() -> None:
    assert variance.first_seeds([5, 2], {0, 3}, 5) == (5, 2, 1, 4, 6)
    assert variance.first_seeds(range(9), (), 3) == (0, 1, 2)
    # More of them keep the first ones.
    assert variance.first_seeds([5, 2], {0, 3}, 3) == (5, 2, 1)


def design() -> tuple[variance.Design, manifests.Manifest]:
    planned = experiment.load(SPEC)
    manifest = manifests.of(planned, trials(planned))
    base = manifest.trials[0]
    rows = variance.twins(base, ("data", "start", "order"), (0, 1, 2, 7))
    keys = tuple(tuple(run.key for run in row) for row in rows)
    streams = ("data", "start", "order")
    return variance.Design("spiral", "adam", 0, streams, {}, (0, 1, 2, 7), keys), manifest


def test_designs_are_read_as_they_were_written() -> None:
    one, manifest = design()
    plain = json.loads(json.dumps(variance.to_json([one])))
    assert variance.from_json(plain, manifest) == [one]


@pytest.mark.parametrize(
    "change",
    [
        {"keys": "zz"},
        {"keys": ""},
        {"keys": "0" * 64 * 16},  # of trials that the experiment does not have now
        {"seeds": [0, 1]},
        {"seeds": [50, 51, 52, 53]},
        {"streams": ["weather"]},
        {"streams": ["data", "start"]},
        {"problem": "moons"},
        {"configuration": 7},
        {"configuration": -1},
        {"absent": {"order": "\x1b[2J"}},
        {"more": 1},
    ],
)
def test_what_is_no_design_of_these_trials_is_none(change: dict[str, object]) -> None:
    one, manifest = design()
    [plain] = variance.to_json([one])
    assert variance.from_json([{**plain, **change}], manifest) == []
    assert variance.from_json("nonsense", manifest) == []


def test_a_design_whose_last_row_is_cut_is_none() -> None:
    one, manifest = design()
    [plain] = variance.to_json([one])
    assert variance.from_json([{**plain, "keys": plain["keys"][:-64]}], manifest) == []


def test_a_changed_problem_has_no_designs() -> None:
    one, manifest = design()
    longer = replace(manifest, trials=tuple(replace(t, key="0" * 64) for t in manifest.trials))
    assert variance.from_json(variance.to_json([one]), longer) == []
