"""What `bench speed` measures is the same training everywhere; how fast it is, no test asks."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.studies.speed import measure, peers, workloads
from nncore.datasets import datasets
from nncore.registry import kept
from nncore.rules import rules


@pytest.fixture
def small(monkeypatch):
    """The three workloads on few samples for few epochs; their dataset leaves with the test."""
    with kept(datasets):
        found = workloads.workloads()
        for name, workload in found.items():
            problem = workload.problem
            dataset = {**problem.dataset, "samples": 10 if name == "spiral" else 70}
            problem = replace(problem, dataset=dataset, epochs=4, record_every=2)
            found[name] = replace(workload, problem=problem)
        monkeypatch.setattr(measure, "workloads", lambda: found)
        monkeypatch.setattr(measure, "SIZES", dict.fromkeys(found, (1, 2)))
        yield found


def test_the_workloads_are_the_ones_promised(small):
    full = workloads.workloads()
    sizes = {name: [w.shape for w, _ in full[name].start(0)] for name in full}
    assert sizes == {
        "spiral": [(2, 64), (64, 3)],
        "mini-batches": [(64, 64), (64, 10)],
        "per-sample": [(5, 4), (4, 4), (4, 1)],
    }
    counts = {name: (len(w.draw(0)["train"][0]), w.problem.batch_size) for name, w in full.items()}
    assert counts == {"spiral": (300, None), "mini-batches": (1797, 64), "per-sample": (900, 1)}
    assert [w.configuration.rule for w in full.values()] == ["adam", "adam", "sgd"]
    assert full["mini-batches"].steps == 29 * full["mini-batches"].problem.epochs
    assert small["mini-batches"].steps == 2 * 4


MARKS = {"torch": pytest.mark.bridges, "jax": pytest.mark.bridges}
CONTENDERS = {
    "core": (peers.core, 3, "numpy"),
    "documents' loop": (peers.documents_loop, 1, "numpy"),
    "PyTorch": (peers.torch_loop, 1, "torch"),
    "PyTorch, batched": (peers.torch_batched, 3, "torch"),
    "JAX": (peers.jax_scan, 3, "jax"),
}


@pytest.mark.parametrize("name", ["spiral", "mini-batches", "per-sample"])
@pytest.mark.parametrize(
    "contender",
    [pytest.param(name, marks=MARKS.get(needs, ())) for name, (*_, needs) in CONTENDERS.items()],
)
def test_every_contender_trains_the_same_networks(small, contender, name):
    train, trials, module = CONTENDERS[contender]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    expected = peers.core(small[name], 3)()
    found = train(small[name], trials)()
    np.testing.assert_allclose(found, expected[:trials], rtol=2e-4)


def test_a_table_of_medians_and_ratios(small):
    frame = measure.measure(["spiral"], ["documents' loop", "core, alone", "core"], rounds=3)
    assert list(frame.contender) == ["documents' loop", "core, alone", "core"]
    assert (frame.trials > 0).all()
    assert (frame.fastest <= frame.microseconds).all()
    assert (frame.microseconds <= frame.slowest).all()
    core = frame.microseconds[frame.contender == "core"].item()
    np.testing.assert_allclose(frame.ratio * frame.microseconds, core)
    assert frame.target.tolist()[0] == 1 / 8
    assert np.isnan(frame.target.tolist()[1])


def test_contenders_that_are_not_there_are_left_out(small, monkeypatch):
    absent = measure.CONTENDERS["core"]._replace(module="a_module_that_nobody_has")
    monkeypatch.setitem(measure.CONTENDERS, "JAX", absent)
    frame = measure.measure(["per-sample"], ["core", "JAX"], rounds=1)
    assert list(frame.contender) == ["core"]


def test_every_rule_has_a_price(small, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "stack_size", lambda *_: 2)
    assert measure.stored_rule_costs(tmp_path) is None
    prices = measure.rule_costs(["spiral"], rounds=1)
    assert list(prices.rule) == list(rules)
    assert (prices.microseconds > 0).all()
    assert (prices.trials == 2).all()
    assert prices.relative[prices.rule == "sgd"].item() == 1


def test_what_is_printed_is_stored(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, "rules", {name: rules[name] for name in ("sgd", "adam")})
    chosen = ["documents' loop", "core"]
    assert measure.main(tmp_path, names=["spiral"], contenders=chosen, rounds=1) == 0
    printed = capsys.readouterr().out
    stored = pd.read_csv(tmp_path / "speed.csv")
    assert list(stored.contender) == chosen
    assert f"{stored.microseconds[0]:.3g}" in printed
    assert list(measure.stored_rule_costs(tmp_path).rule) == ["sgd", "adam"]
    described = json.loads((tmp_path / "machine.json").read_text())
    assert described["processor"] in printed.replace("\n", " ")
    assert described["numpy"] == np.__version__
