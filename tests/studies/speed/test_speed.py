"""What `bench speed` measures is the same training everywhere; how fast it is, no test asks."""

import importlib.util
import json
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.spec.experiment import load
from bench.studies.speed import against, measure, peers, sweep, workloads
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


def test_a_sweep_has_every_size_and_the_chosen_one(small, monkeypatch):
    monkeypatch.setattr(sweep.importlib.util, "find_spec", lambda name: None)
    ((name, found),) = sweep.sweep(sweep.of_workloads(["spiral"]), rounds=1)
    assert name == "spiral"
    assert found["chosen"] in map(int, found["core"])
    assert all(cost > 0 for cost in found["core"].values())
    assert sorted(map(int, found["core"])) == [int(size) for size in found["core"]]
    told = sweep.told("spiral", {"chosen": 8, "core": {"4": 22.0, "8": 20.0, "16": 25.0}})
    assert "the best is 8; the chosen one takes 0% more" in told
    told = sweep.told("spiral", {"chosen": 4, "core": {"4": 22.0, "8": 20.0}, "JAX": 40.0})
    assert "the best is 8; the chosen one takes 10% more" in told
    assert "the core / JAX 0.50" in told


SPEC = {
    "seeds": 30,
    "problem": [
        {"name": "second", "dataset": "people", "epochs": 2, "record_every": 2},
        {"name": "first", "dataset": "spiral", "epochs": 2, "record_every": 2},
    ],
    "optimizer": [
        {"rule": "adam", "learning_rate": 0.01},
        {"rule": "sgd", "learning_rate": [0.1, 0.2]},
    ],
}


def test_a_sweep_of_a_spec_is_of_each_problem_as_a_run_plans_it():
    cases = sweep.of_experiment(load(SPEC), jobs=2)
    assert [case.workload.name for case in cases] == ["second", "first"]
    for case in cases:
        assert case.workload.configuration.rule == "adam"
        assert 1 <= case.sent <= case.most <= 30
    assert cases[0].most == 30
    for name, found in sweep.sweep(cases[:1], rounds=1):
        assert name == "second"
        assert found["chosen"] <= found["stack"] <= cases[0].sent
        assert max(map(int, found["core"])) == 30
        assert "JAX" not in found


@pytest.fixture
def history(tmp_path, monkeypatch):
    """A repository whose first commit says `1.0` for every workload; the files say what is set."""
    code = tmp_path / "bench" / "studies" / "speed" / "measure.py"
    code.parent.mkdir(parents=True)
    core = tmp_path / "nncore"
    core.mkdir()
    for folder in (code.parent, code.parents[1], code.parents[2], core):
        (folder / "__init__.py").write_text("")

    def says(seconds):
        code.write_text(
            "from types import SimpleNamespace\n"
            "def measure(names, contenders, rounds):\n"
            f"    return SimpleNamespace(workload=names, microseconds=[{seconds}] * len(names))\n"
        )

    says(1.0)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    monkeypatch.setattr(against, "ROOT", tmp_path)
    return says


@pytest.mark.parametrize(("seconds", "slow"), [(1.1, False), (1.2, True), (0.5, False)])
def test_what_has_become_slower_than_a_commit_is_named(history, seconds, slow):
    history(seconds)
    said = []
    (ratio,) = against.against("HEAD", ["spiral"], 2, said.append)
    assert (ratio.workload, ratio.slower) == ("spiral", slow)
    assert ratio.least == ratio.median == ratio.most == pytest.approx(seconds)
    assert [line.split(":")[0] for line in said] == ["round 1 of 2", "round 2 of 2"]
    verdict = against.told([ratio], "HEAD").splitlines()[-1]
    assert ("slower by more than 15%: spiral" in verdict) is slow


def test_a_commit_without_a_core_is_not_compared_with_the_one_installed(history, tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "rm", "-qr", "--cached", "nncore", "bench"], check=True)
    subprocess.run([*git, "commit", "-qm", "second", "--allow-empty"], check=True)
    with pytest.raises(against.CommitError, match="cannot be measured: it has no nncore"):
        against.against("HEAD", ["spiral"])


@pytest.mark.parametrize("commit", ["no_such", "--list", "--"])
def test_a_commit_that_is_not_there_is_named(history, commit):
    with pytest.raises(against.CommitError, match=commit):
        against.against(commit, ["spiral"])


def test_without_git_there_is_no_other_commit(history, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(against.CommitError, match="git is not installed"):
        against.against("HEAD", ["spiral"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workload", "nothing"], "nothing: there is no such workload; spiral"),
        (["--json"], "add --sweep"),
        (["--sweep", "--against", "HEAD"], "one at a time"),
        (["--spec", "@quick"], "with --sweep"),
        (["--sweep", "--spec", "@quick", "--workload", "spiral"], "without --workload"),
        (["--sweep", "--spec", "nothing.toml"], "no such file"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    found = CliRunner().invoke(main, ["speed", *arguments])
    assert found.exit_code == 2
    assert message in found.output
