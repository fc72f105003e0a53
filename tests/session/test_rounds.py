"""Seeds in rounds until decided: which rounds there are, and that nothing else changes them."""

from __future__ import annotations

import itertools
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.plan.trials import trials as plan_trials
from bench.run.progress import Progress
from bench.session.folder import FolderMismatchError
from bench.session.merge import merge
from bench.session.run import planned
from bench.spec import experiment
from bench.spec.seeds import UntilDecided
from bench.stats import compare, median_sequence
from tests import command
from tests.spec.mistakes import errors, names

UNTIL = {"until": "decided", "least": 10, "most": 40}
PEOPLE = {"dataset": "people", "epochs": 60, "record_every": 20}
BLOBS = {"dataset": "blobs", "epochs": 20, "record_every": 5}
NEURON = {"dataset": "neuron", "epochs": 10}
RATES = {"adam": 0.05, "rmsprop": 0.05, "sgd": 0.5}


def given(**changes: Any) -> dict[str, Any]:
    return {
        "name": "rounds",
        "seeds": UNTIL,
        "problem": [PEOPLE, BLOBS, NEURON],
        "optimizer": [{"rule": rule, "learning_rate": rate} for rule, rate in RATES.items()],
        **changes,
    }


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    return bench.run(given(), out=tmp_path_factory.mktemp("rounds") / "out", jobs=1)


def counts(result: bench.Results) -> dict[str, int]:
    """The seeds of each problem; they are the first ones."""
    found = result.trials.groupby("problem", sort=False)["seed"].unique()
    assert all(set(seeds) == set(range(len(seeds))) for seeds in found)
    return {str(problem): len(seeds) for problem, seeds in found.items()}


def decided(losses: pd.DataFrame, family: int) -> bool:
    """Whether every pair of the columns is decided, by the seeds of the rows."""
    margin, confidence = -math.log(1 - 0.1), 1 - 0.05 / family
    return all(
        compare(np.log(losses[a] / losses[b]), margin, confidence, watched=True).decided
        for a, b in itertools.combinations(losses, 2)
    )


def same_files(one: Path, other: Path) -> None:
    """Assert that two folders' tables and words agree, but for wall-clock time."""
    texts = sorted(p.name for p in one.iterdir() if p.suffix in (".csv", ".toml", ".txt"))
    assert texts == sorted(p.name for p in other.iterdir() if p.suffix in (".csv", ".toml", ".txt"))
    for name in texts:
        if name.endswith(".csv"):
            frames = [pd.read_csv(folder / name, dtype=str) for folder in (one, other)]
            kept = [c for c in frames[0] if not c.endswith("_seconds")]
            pd.testing.assert_frame_equal(frames[0][kept], frames[1][kept])
        else:
            assert (one / name).read_bytes() == (other / name).read_bytes()


def test_a_problem_has_the_seeds_of_the_first_round_that_decides_it(result: bench.Results) -> None:
    trials = result.trials
    assert (trials["status"] == "ok").all()
    seeds = counts(result)
    assert seeds.pop("neuron") == 1
    for problem, count in seeds.items():
        rows = trials[trials["problem"] == problem]
        losses = rows.pivot(index="seed", columns="optimizer", values="final_train_loss")
        rounds = UntilDecided(10, 40).rounds
        answers = {n: decided(losses.iloc[:n], 2 * 3) for n in rounds if n <= count}
        assert count == next((n for n, answer in answers.items() if answer), 40)
    # Both ends are there: one is decided before, one is not.
    assert seeds["people"] < seeds["blobs"] == 40
    assert result.trained == 3 * sum(seeds.values()) + 3
    assert trials["trial"].tolist() == list(range(len(trials)))


def test_the_report_tells_the_answers_that_ended_the_rounds(result: bench.Results) -> None:
    """Not those of intervals for a fixed number: these are narrower, and did not hold so far."""
    pairs = pd.read_csv(result.folder / "pairs.csv", keep_default_na=False)
    trials = result.trials
    for _, row in pairs[pairs["problem"].isin(["people", "blobs"])].iterrows():
        mine = trials[trials["problem"] == row["problem"]]
        losses = mine.pivot(index="seed", columns="optimizer", values="final_train_loss")
        gaps = np.log(losses[row["a"]] / losses[row["b"]])
        low, high = median_sequence(gaps, 1 - 0.05 / 6)
        assert (float(row["low"]), float(row["high"])) == pytest.approx((low, high))
        if row["problem"] == "people":
            assert row["answer"] != "cannot tell"
    assert "cannot tell" in set(pairs.loc[pairs["problem"] == "blobs", "answer"])
    text = (result.folder / "verdicts.txt").read_text()
    seeds = counts(result)
    assert text.startswith(f"Judged on {seeds['people']} to 40 seeds, added until all is decided")
    assert "after whichever round they are said" in text
    assert "might decide" not in text


def test_running_again_trains_nothing(result: bench.Results) -> None:
    assert bench.run(given(), out=result.folder, jobs=1).trained == 0
    todo = planned(given(), out=result.folder)
    assert (todo.missing, todo.later.most) == ((), 0)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("where", ["before a round", "within a round"])
def test_interruption_and_workers_change_nothing(
    result: bench.Results, tmp_path: Path, jobs: int, where: str
) -> None:
    started: list[int] = []

    class Broken(Progress):
        def add(self, result: Any) -> None:
            super().add(result)
            if where == "within a round" and len(started) == 2:
                raise KeyboardInterrupt

    def progress(todo: Any) -> Progress:
        started.append(todo.round)
        if where == "before a round" and todo.round == 3:
            raise KeyboardInterrupt
        return Broken.of(todo.stacks, todo.jobs, todo.title)

    with pytest.raises(KeyboardInterrupt):
        bench.run(given(), out=tmp_path, jobs=jobs, progress=progress)
    assert started == ([1, 2, 3] if where == "before a round" else [1, 2])
    again = bench.run(given(), out=tmp_path, jobs=jobs)
    assert 0 < again.trained < result.trained
    same_files(result.folder, tmp_path)


def test_what_is_stored_beyond_a_round_decides_nothing(
    result: bench.Results, tmp_path: Path
) -> None:
    """Whoever has 40 seeds already still stops where the rounds say so."""
    bench.run(given(seeds=40), out=tmp_path, jobs=1)
    again = bench.run(given(), out=tmp_path, jobs=1)
    assert again.trained == 0
    assert counts(again) == counts(result)


def test_rounds_go_by_the_headline_and_the_margin_of_each_problem(
    result: bench.Results, tmp_path: Path
) -> None:
    wide = bench.run(given(problem=[PEOPLE, {**BLOBS, "margin": 0.9}]), out=tmp_path / "1", jobs=1)
    assert counts(wide)["people"] == counts(result)["people"]
    assert counts(wide)["blobs"] < 40
    best = tomllib.loads((wide.folder / "best.toml").read_text())
    assert bench.run(best, out=tmp_path / "2", jobs=1).trained == wide.trained
    # By validation accuracy nearly all end alike, which few seeds tell.
    headline = {"metric": "final_validation_accuracy", "margin": 0.5}
    other = bench.run(given(problem=[{**BLOBS, **headline}]), out=tmp_path / "3", jobs=1)
    pairs = pd.read_csv(other.folder / "pairs.csv")
    assert set(pairs["metric"]) == {"final_validation_accuracy"}
    assert set(pairs["answer"]) == {"the same"}
    assert counts(other)["blobs"] == pairs["seeds"].max() < 40


def test_more_seeds_may_be_allowed_later(result: bench.Results, tmp_path: Path) -> None:
    """Looking again is what the intervals allow: the first rounds stay what they were."""
    few = bench.run(given(seeds={**UNTIL, "most": 20}), out=tmp_path, jobs=1)
    assert counts(few)["blobs"] == 20
    more = bench.run(given(), out=tmp_path, jobs=1)
    assert more.trained == result.trained - few.trained
    same_files(result.folder, tmp_path)


def test_shards_are_refused(tmp_path: Path) -> None:
    for call in (bench.run, planned):
        with pytest.raises(bench.SpecError) as caught:
            call(given(), out=tmp_path / "out", shard=(1, 2))
        names(str(caught.value), "", "--shard", "seeds=20", where="--shard")
    assert not (tmp_path / "out").exists()


def test_a_grid_without_tuning_is_refused_by_name() -> None:
    grid = [{"rule": "sgd", "learning_rate": [0.1, 0.5, 1.0]}, {"rule": "adam"}]
    [line] = errors(given(optimizer=grid))
    names(line, "optimizer.sgd", "3", "[tuning]")
    # One configuration on each problem is one.
    each = [
        {"rule": "sgd", "learning_rate": rate, "problems": [name]}
        for name, rate in (("people", 0.1), ("blobs", 0.5))
    ]
    experiment.load(given(optimizer=each, problem=[PEOPLE, BLOBS]))


def test_configurations_are_chosen_on_seeds_of_their_own_and_frozen(tmp_path: Path) -> None:
    grid = [
        {"rule": "sgd", "learning_rate": [0.05, 0.5]},
        {"rule": "adam", "learning_rate": [0.005, 0.05]},
    ]
    some = given(optimizer=grid, problem=[PEOPLE, BLOBS], tuning={"seeds": 3})
    dry = planned(some, out=tmp_path / "out")
    assert (dry.later.least, dry.later.most) == (2 * 2 * 10, 2 * 2 * 40)
    found = bench.run(some, out=tmp_path / "out", jobs=1)
    trials = found.trials
    judged = trials[trials["phase"] == "evaluation"]
    assert (judged.groupby(["problem", "optimizer"])["configuration"].nunique() == 1).all()
    assert judged.groupby("problem")["seed"].min().eq(0).all()
    assert judged["seed"].max() < 40 <= trials.loc[trials["phase"] == "tuning", "seed"].min()
    # The winners run again, in the same rounds.
    best = tomllib.loads((found.folder / "best.toml").read_text())
    again = bench.run(best, out=tmp_path / "best", jobs=1)
    assert set(again.trials["key"]) == set(judged["key"])


CRASHING = """
import os
from nncore.rules import rule


@rule
def crashing(w, g, t, *, learning_rate=0.1):
    if os.environ.get("BENCH_TEST_CRASH"):
        raise RuntimeError("on purpose")
    w -= learning_rate * g
"""


def test_crashed_trials_are_tried_again_round_by_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashing.py").write_text(CRASHING)
    rules = [{"rule": "crashing"}, {"rule": "adam"}, {"rule": "sgd", "learning_rate": 0.5}]
    some = given(optimizer=rules, problem=[BLOBS], plugins=[str(tmp_path / "crashing.py")])
    whole = bench.run(some, out=tmp_path / "whole", jobs=1)
    monkeypatch.setenv("BENCH_TEST_CRASH", "1")
    broken = bench.run(some, out=tmp_path / "out", jobs=1)
    # A pair that was never seen is never decided, and no reason for more seeds.
    assert broken.crashed == counts(broken)["blobs"]
    monkeypatch.delenv("BENCH_TEST_CRASH")
    bench.run(some, out=tmp_path / "out", jobs=1, retry_crashed=True)
    same_files(whole.folder, tmp_path / "out")


def test_verbs_understand_such_a_folder(result: bench.Results, tmp_path: Path) -> None:
    folder, cwd = result.folder, tmp_path
    told = command.bench("status", folder, cwd=cwd)
    assert "blobs: 40 seeds, the most allowed" in told
    assert f"people: {counts(result)['people']} seeds, all 3 pairs decided" in told
    assert "the next round" not in told
    command.bench("report", folder, cwd=cwd)
    command.bench("baseline", folder, "--out", tmp_path / "baseline.json", "--jobs", 1, cwd=cwd)
    command.bench("check", folder, "--against", tmp_path / "baseline.json", cwd=cwd)
    # Fewer seeds may be needed another time; those that a spec no longer allows are missing.
    for name, code in (("needed", 0), ("allowed", 3)):
        changes = {"needed": {"margin": 0.9}, "allowed": {"seeds": {**UNTIL, "most": 30}}}[name]
        bench.run(given(**changes), out=tmp_path / name, jobs=1)
        command.bench("check", name, "--against", tmp_path / "baseline.json", cwd=cwd, code=code)


def test_between_rounds_it_says_that_they_go_on(tmp_path: Path) -> None:
    def progress(todo: Any) -> Progress:
        if todo.round == 2:
            raise KeyboardInterrupt
        return Progress.of(todo.stacks, todo.jobs, todo.title)

    with pytest.raises(KeyboardInterrupt):
        bench.run(given(), out=tmp_path / "out", jobs=1, progress=progress)
    told = command.bench("status", "out", cwd=tmp_path)
    assert "round 2 of seeds until decided is not complete" in told
    # As if the kill had come before the round was planned.
    few = bench.run(given(seeds=10), out=tmp_path / "ten", jobs=1)
    assert not few.undecided
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.session.run.grown", lambda _, manifest, *__: manifest)
        bench.run(given(), out=tmp_path / "ten", jobs=1)
    assert "goes on with the next round" in command.bench("status", "ten", cwd=tmp_path)
    assert "goes on with the next round" in command.bench("report", "ten", cwd=tmp_path)
    assert bench.open_results(tmp_path / "ten").undecided > 0


def test_parts_of_such_an_experiment_are_joined(result: bench.Results, tmp_path: Path) -> None:
    def progress(todo: Any) -> Progress:
        if todo.round == 3:
            raise KeyboardInterrupt
        return Progress.of(todo.stacks, todo.jobs, todo.title)

    with pytest.raises(KeyboardInterrupt):
        bench.run(given(), out=tmp_path / "part", jobs=1, progress=progress)
    for order in ((tmp_path / "part", result.folder), (result.folder, tmp_path / "part")):
        out = tmp_path / order[0].name
        joined = merge(out / "joined", order)
        assert joined.trials == result.manifest.trials
    strange = bench.run(given(seeds={**UNTIL, "most": 20}), out=tmp_path / "strange", jobs=1)
    with pytest.raises(FolderMismatchError, match="not parts of one experiment"):
        merge(tmp_path / "no", [result.folder, strange.folder])


def test_a_dry_run_gives_the_range(tmp_path: Path) -> None:
    spec = (tmp_path / "rounds.toml").write_text
    spec(
        'seeds = { until = "decided", least = 10, most = 40 }\n'
        '[[problem]]\ndataset = "people"\nepochs = 20\n'
        '[[optimizer]]\nrule = ["sgd", "adam"]\n'
    )
    told = command.bench("run", "rounds.toml", "--dry-run", cwd=tmp_path)
    assert "20 trials" in told
    assert "up to 60 more, in rounds" in told
    told = command.bench("run", "rounds.toml", "--dry-run", "--shard", "1/2", cwd=tmp_path, code=2)
    assert "--shard" in told


def test_the_first_round_is_the_plan() -> None:
    found = plan_trials(experiment.load(given()))
    seeds = {t.seed for t in found if t.problem_name != "neuron"}
    assert seeds == set(range(10))
