"""Shares of trials: whole, balanced, the same whatever is added."""

import pytest

from bench.plan.shares import shares
from bench.plan.stacks import seconds
from bench.plan.trials import trials
from bench.session.run import planned
from bench.spec.experiment import load
from nncore.stack import costs

DEAR = {"name": "dear", "dataset": "spiral", "epochs": 500}
CHEAP = {"name": "cheap", "dataset": "people", "epochs": 20}
GRID = {"rule": ["sgd", "adam"], "learning_rate": [0.1, 0.2, 0.3]}


def spec(seeds, problems=(DEAR, CHEAP)):
    return {"name": "shared", "seeds": seeds, "problem": list(problems), "optimizer": GRID}


def of(seeds, problems=(DEAR, CHEAP)):
    return trials(load(spec(seeds, problems)))


def keys(parts):
    return [{trial.key for trial in part} for part in parts]


def cost(trial):
    return seconds((trial,))


@pytest.mark.parametrize(
    ("all_", "parts"),
    [
        (of(60), 7),
        (of(5), 3),
        (of(2, [DEAR]), 7),  # a stack of them would be longer than a part
        (of(1), 64),
        ([*of(4), *of(2, [{**CHEAP, "name": "again"}])], 3),  # shared keys
        ([], 3),
    ],
)
def test_parts_cost_the_same_but_for_a_trial(all_, parts):
    found = shares(all_, parts)
    assert len(found) == parts
    assert sorted(t.key for part in found for t in part) == sorted({t.key for t in all_})
    loads = [sum(map(cost, part)) for part in found]
    assert max(loads) - min(loads) <= max(map(cost, all_), default=0.0) * (1 + 1e-9)


@pytest.mark.parametrize("parts", [2, 7])
def test_more_seeds_move_no_trial(parts):
    for before, after in zip(
        keys(shares(of([3, 1, 9]), parts)), keys(shares(of([3, 1, 9, 0, 4]), parts)), strict=True
    ):
        assert before < after


def test_every_machine_finds_the_same(monkeypatch):
    found = []
    for cache in (1 << 12, 1 << 24):
        monkeypatch.setattr(costs, "cache_bytes", lambda cache=cache: cache)
        found.append(keys(shares(of(600), 3)))
    assert found[0] == found[1]


def test_shards_are_the_shares_whatever_the_number_of_workers(tmp_path):
    found = [
        planned(spec(6), out=tmp_path / "out", shard=(i, 3), jobs=jobs).missing
        for i, jobs in ((1, 1), (2, 3), (3, 2))
    ]
    assert keys(found) == keys(shares(of(6), 3))
