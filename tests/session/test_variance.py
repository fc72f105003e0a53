"""`bench variance` end to end: what it trains, keeps, refuses and says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.plan.variance import VARIANCE
from bench.session import variance as session
from bench.spec import toml
from bench.spec.mistakes import SpecError
from bench.store.store import Store
from bench.tables.variance import twins_of
from nncore.stack.training import train
from nncore.trial import Seeds
from tests.command import bench as command
from tests.command import undrawn

PEOPLE = {"dataset": "people", "epochs": 20, "record_every": 20}
BLOBS = {"dataset": "blobs", "epochs": 8, "record_every": 8, "batch_size": 3}
NEURON = {"dataset": "neuron", "epochs": 5}
SPEC: dict[str, Any] = {
    "name": "sources",
    "seeds": 6,
    "problem": [BLOBS, PEOPLE, NEURON],
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.001, 0.1]},
        {"rule": "adam", "learning_rate": 0.05},
    ],
}


def variance(spec: dict[str, Any], out: Path, **options: Any) -> session.Variance:
    with undrawn():
        return session.variance(spec, out=out, jobs=1, **{"repeats": 20, **options})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the spec, and then where its variance comes from."""
    out = tmp_path_factory.mktemp("sources")
    with undrawn():
        bench.run(SPEC, out=out, jobs=1)
    said: list[str] = []
    found = variance(SPEC, out, say=said.append)
    # Two optimizers: rows of 4 on blobs, of people's only stream one; 6 seeds are stored of each.
    assert found.results.trained == 2 * (20 * 4 - 6) + 2 * (20 - 6)
    assert any("neuron" in line and "random" in line for line in said)
    assert len(found.lines) == 4
    return out


def test_the_table_has_every_stream_of_every_best_configuration(folder: Path) -> None:
    found = pd.read_csv(folder / "variance.csv")
    ranking = pd.read_csv(folder / "ranking.csv").set_index(["problem", "optimizer"])
    for where, rows in found.groupby(["problem", "optimizer"]):
        assert set(rows["configuration"]) == {ranking.loc[where, "configuration"]}
        assert set(rows["stream"]) == {"data", "start", "order", "all"}
        assert set(rows["seeds"]) == {20}
    assert set(found["problem"]) == {"blobs", "people"}
    people = found[found["problem"] == "people"].set_index(["optimizer", "stream"])
    assert np.isnan(people.loc[("adam", "data"), "share"])
    assert people.loc[("adam", "data"), "note"]


def test_the_runs_are_those_of_separate_seeds(folder: Path) -> None:
    with Store.read(folder) as store:
        manifest = bench.open_results(folder).manifest
        twins = next(t for t in twins_of(store, manifest) if t.design.problem == "blobs")
    design = twins.design
    base = next(
        t
        for t in manifest.trials
        if (t.problem_name, t.configuration_index) == ("blobs", design.configuration)
    )
    anew = design.seeds[3] ^ (1 << 62)
    seeds = [Seeds.of(3)]
    seeds += [Seeds.of(3)._replace(**{stream: anew}) for stream in ("data", "start")]
    seeds.append(Seeds.of(3)._replace(order=anew))
    outcomes = train(base.problem, [base.configuration] * 4, seeds)
    losses = [outcome.metrics["train_loss"][-1] for outcome in outcomes]
    assert twins.costs[3].tolist() == losses
    assert len(set(losses)) == 4


def test_again_trains_nothing_and_more_rows_only_these(folder: Path) -> None:
    table = (folder / "variance.csv").read_bytes()
    assert variance(SPEC, folder).results.trained == 0
    assert (folder / "variance.csv").read_bytes() == table
    found = variance(SPEC, folder, repeats=22)
    assert found.results.trained == 2 * 2 * 4 + 2 * 2
    # Fewer are told of again, and are the same; so they are by a report, and after a run.
    assert variance(SPEC, folder).results.trained == 0
    assert (folder / "variance.csv").read_bytes() == table
    (folder / "variance.csv").unlink()
    with undrawn():
        assert bench.run(SPEC, out=folder, jobs=1).trained == 0
    assert (folder / "variance.csv").read_bytes() == table


def test_a_changed_problem_loses_what_was_said_of_the_old_one(folder: Path) -> None:
    longer = {**SPEC, "problem": [{**BLOBS, "epochs": 9}, PEOPLE, NEURON]}
    with undrawn():
        bench.run(longer, out=folder, jobs=1)
    assert set(pd.read_csv(folder / "variance.csv")["problem"]) == {"people"}
    with undrawn():
        bench.run(SPEC, out=folder, jobs=1)
    assert set(pd.read_csv(folder / "variance.csv")["problem"]) == {"blobs", "people"}


def test_of_a_tuned_experiment_the_chosen_configuration(tmp_path: Path) -> None:
    tuned = {**SPEC, "problem": BLOBS, "tuning": {"seeds": 3}, "optimizer": SPEC["optimizer"][:1]}
    variance(tuned, tmp_path)
    best = pd.read_csv(tmp_path / "ranking.csv")["configuration"].tolist()
    found = pd.read_csv(tmp_path / "variance.csv")
    assert set(found["configuration"]) == set(best)
    with Store.read(tmp_path) as store:
        [design] = store.meta[VARIANCE]
    assert not set(design["seeds"]) & {1_000_000, 1_000_001, 1_000_002}


RULES = """
from nncore.rules import rule

@rule(per="trial")
def drawing(w, g, t, *, learning_rate=0.1, rng):
    \"\"\"Steps of random length.\"\"\"
    return [x - learning_rate * rng.random() * d for x, d in zip(w, g)]

@rule(per="trial")
def wild(w, g, t, *, learning_rate=0.1):
    \"\"\"Leaves from some starts.\"\"\"
    leaves = t == 1 and w[0].size == 4 and w[0][0, 0] > 0.01
    return [x * 1e39 if leaves else x - learning_rate * d for x, d in zip(w, g)]

@rule(per="trial")
def failing(w, g, t, *, learning_rate=0.1):
    \"\"\"Fails from some starts.\"\"\"
    if t == 1 and w[0].size == 4 and w[0][0, 0] > 0.01:
        raise ValueError("too far to the right")
    return [x - learning_rate * d for x, d in zip(w, g)]
"""


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pd.DataFrame]:
    """What is said of a rule that diverges, one that draws itself, and one that crashes."""
    here = tmp_path_factory.mktemp("strange")
    (here / "strange.py").write_text(RULES)
    optimizers = [{"rule": name} for name in ("wild", "drawing", "failing")]
    problem = {**BLOBS, "epochs": 3, "layers": ["dense 2", "softmax"]}
    text = toml.dumps({**SPEC, "problem": problem, "optimizer": optimizers})
    (here / "strange.toml").write_text(text)
    args = ["--plugin", "strange.py", "--out", "out", "--jobs", 1, "--repeats", 20]
    told = command("variance", "strange.toml", *args, cwd=here, code=1)
    return told, pd.read_csv(here / "out" / "variance.csv").set_index(["optimizer", "stream"])


def test_runs_that_diverge_are_ranked_and_said(strange: tuple[str, pd.DataFrame]) -> None:
    told, table = strange
    assert table.loc["wild", "diverged"].min() > 0
    assert set(table.loc["wild", "scale"]) == {"ranks"}
    assert "ranks of final_train_loss" in told
    assert "diverged of the runs" in " ".join(told.split())


def test_a_rule_that_draws_has_a_stream_of_its_own(strange: tuple[str, pd.DataFrame]) -> None:
    table = strange[1]
    assert table.loc[("drawing", "rule"), "share"] > 0
    assert table.loc[("drawing", "start"), "share"] > 0
    assert ("failing", "rule") not in table.index


def test_rows_with_a_crashed_run_are_left_out_and_said(strange: tuple[str, pd.DataFrame]) -> None:
    told, table = strange
    assert table.loc["failing", "seeds"].between(3, 19).all()
    assert (table.loc["failing", "crashed"] > 0).all()
    assert "too far to the right" in told
    assert "crashed of the runs" in " ".join(told.split())


def test_without_randomness_it_is_refused_by_name(tmp_path: Path) -> None:
    layer = {"dataset": "layer", "epochs": 5}
    with pytest.raises(SpecError) as caught:
        variance({**SPEC, "problem": [NEURON, layer]}, tmp_path / "out")
    assert "problem.neuron" in str(caught.value)
    assert "problem.layer" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(toml.dumps(SPEC))
    args = ["--out", folder, "--jobs", 1, "--repeats", 20, "--set", "seeds=7"]
    told = " ".join(command("variance", "sources.toml", *args, cwd=tmp_path).split())
    assert "variance.csv" in told
    assert "order of samples: none, the order is that of the data" in told
    assert "of final_train_loss): data " in told
    assert "--repeats" in command("variance", "sources.toml", "--repeats", 2, cwd=tmp_path, code=2)
    alone = ["--set", 'problem.blobs.dataset="neuron"', "--out", "x"]
    told = command("variance", "sources.toml", "--set", "nothing=1", *alone, cwd=tmp_path, code=2)
    assert "nothing" in told
