"""Epochs are measured by a run, once, apart from any trial; reports read what was measured."""

from __future__ import annotations

import copy
import math
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.report import write
from bench.run import runner
from bench.run.progress import Pace
from bench.session import costs
from bench.session.merge import merge
from bench.store.store import Store
from bench.tables.costs import COSTS, costs_of, name_of
from nncore.stack.timing import ROUNDS
from tests.command import bench as command
from tests.command import timed, undrawn

SPEC: dict[str, Any] = {
    "name": "priced",
    "seeds": 7,
    "problem": [
        {"dataset": "blobs", "epochs": 6, "batch_size": 4, "target": {"train_loss": 1.0}},
        {"dataset": "people", "epochs": 3, "record_every": 1},
    ],
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.1, 0.01]},
        {"rule": "sgd", "name": "with momentum", "momentum": 0.9},
        {"rule": "adam"},
    ],
}


def spec(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy({**SPEC, **changes})


@pytest.fixture(autouse=True, scope="module")
def _undrawn() -> None:
    """Figures are compared here, too."""


@pytest.fixture(autouse=True, scope="module")
def _timed() -> Iterator[None]:
    with timed():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bench.Results:
    return bench.run(spec(), out=tmp_path_factory.mktemp("priced"), jobs=2)


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def rounds(folder: Path) -> dict[str, Any]:
    with Store.read(folder) as store:
        return copy.deepcopy(dict(costs_of(store)))


def test_a_rule_has_one_price_on_a_problem(made: bench.Results) -> None:
    """Whatever optimizers have it, and beside whatever others."""
    found = table(made.folder, "seconds")
    rows = list(zip(found["problem"], found["rule"], strict=True))
    assert rows == [(p, r) for p in ("blobs", "people") for r in ("sgd", "adam")]
    seconds = found[["epoch_low_seconds", "epoch_seconds", "epoch_high_seconds"]].to_numpy()
    assert (seconds > 0).all()
    assert (seconds[:, :2] <= seconds[:, 1:]).all()
    times = table(made.folder, "time_to_target").set_index("optimizer")["epoch_seconds"]
    price = found.set_index(["problem", "rule"])["epoch_seconds"]
    assert times["sgd"] == times["with momentum"] == price["blobs", "sgd"]
    assert times["adam"] == price["blobs", "adam"]


def test_a_rule_inside_wrappers_is_another_rule(tmp_path: Path) -> None:
    wrapped = {"rule": "sgd", "wrap": ["sam", "ema"]}
    changed = spec(problem=SPEC["problem"][0], optimizer=[{"rule": "sgd"}, wrapped])
    with undrawn():
        bench.run(changed, out=tmp_path, jobs=1)
    found = table(tmp_path, "seconds")
    assert found["rule"].tolist() == ["sgd", "sgd + sam + ema"]
    assert (found["epoch_seconds"] > 0).all()
    times = table(tmp_path, "time_to_target").set_index("optimizer")["epoch_seconds"]
    assert times.tolist() == found["epoch_seconds"].tolist()


def test_the_spread_is_that_of_rounds(made: bench.Results) -> None:
    """Second lowest and second highest of nine: 96% intervals of the median."""
    found = table(made.folder, "seconds").set_index(["problem", "rule"])
    problems = {t.problem_name: t.problem for t in made.manifest.trials}
    stored = rounds(made.folder)
    for (problem, rule), row in found.iterrows():
        values = sorted(stored[name_of(problems[problem])][rule])
        assert len(values) == ROUNDS
        assert row["epoch_low_seconds"] == values[1]
        assert row["epoch_seconds"] == values[4]
        assert row["epoch_high_seconds"] == values[7]


def test_gradients_stand_beside_epochs(made: bench.Results) -> None:
    counts = {"blobs": 3, "people": 4}  # 10 samples by 4, 4 one by one
    curves = table(made.folder, "curves")
    evaluated = curves["epoch"] * curves["problem"].map(counts)
    assert (curves["gradient_evaluations"] == evaluated).all()
    times = table(made.folder, "time_to_target")
    for name in ("budget", "median", "median_low", "median_high"):
        assert (times[f"{name}_gradient_evaluations"] == times[name] * counts["blobs"]).all()


def timeless(folder: Path) -> dict[str, Any]:
    """All that a report holds but for seconds: `seconds*` and columns that end so."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            found[name] = frame[[c for c in frame if not c.endswith("_seconds")]].to_csv()
        elif path.suffix in (".txt", ".toml", ".png") and not path.name.startswith("seconds"):
            found[name] = path.read_bytes()
    return found


def test_two_runs_differ_in_seconds_alone(made: bench.Results, tmp_path: Path) -> None:
    """A second measurement changes columns of seconds and files of its own, and nothing else."""
    bench.run(spec(), out=tmp_path, jobs=1)
    assert rounds(tmp_path) != rounds(made.folder)
    assert timeless(tmp_path) == timeless(made.folder)
    assert (tmp_path / "figures" / "seconds_blobs.png").exists()


@pytest.fixture
def folder(made: bench.Results, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.folder, tmp_path / "priced"))


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("measured again")


def test_it_is_measured_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run with nothing to do and a report read it, renamed problems included."""
    before = rounds(folder)
    monkeypatch.setattr(runner, "run", never)
    said: list[str] = []
    renamed = spec()
    renamed["problem"][1]["name"] = "persons"
    with undrawn():
        bench.run(spec(), out=folder, say=said.append, jobs=1)
        bench.run(renamed, out=folder, say=said.append, jobs=1)
        with Store.read(folder) as store:
            write.write(folder, store, bench.open_results(folder).manifest)
    assert rounds(folder) == before
    assert not [line for line in said if "measuring" in line]
    assert table(folder, "seconds")["problem"].unique().tolist() == ["blobs", "persons"]


def changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """What the folder holds of costs after `change`."""
    found = rounds(folder)
    change(found)
    with Store.open(folder) as store:
        store.set_meta(**{COSTS: found})
    return found


def test_what_an_interruption_left_undone_is_measured(folder: Path) -> None:
    left = changed(folder, lambda found: found.popitem())
    said: list[str] = []
    with undrawn():
        bench.run(spec(), out=folder, say=said.append, jobs=1)
    now = rounds(folder)
    assert {name: now[name] for name in left} == left
    assert len(now) == 2
    assert "measuring what an epoch costs: 2 rules on 1 problem" in said


def test_a_new_rule_has_its_problem_measured_anew(folder: Path) -> None:
    """Only what was measured in turns can be compared."""
    before = rounds(folder)
    more = spec()
    more["optimizer"].append({"rule": "rmsprop", "problems": ["people"]})
    with undrawn():
        bench.run(more, out=folder, jobs=1)
    now = rounds(folder)
    kept = [name for name in before if now[name] == before[name]]
    assert len(kept) == 1
    assert [sorted(now[name]) for name in now if name not in kept] == [["adam", "rmsprop", "sgd"]]


@pytest.mark.parametrize("garbage", [[], 3, {"x": 3}, {"x": {"sgd": ["1"]}}])
def test_what_is_no_measurement_is_measured(folder: Path, garbage: Any) -> None:
    with Store.open(folder) as store:
        store.set_meta(**{COSTS: garbage})
    with undrawn():
        command("report", folder, cwd=folder.parent)
        assert table(folder, "seconds")["epoch_seconds"].isna().all()
        bench.run(spec(), out=folder, jobs=1)
    assert table(folder, "seconds")["epoch_seconds"].notna().all()


FAILING = """\
import sys

from nncore.rules import rule


@rule
def sometimes(w, g, t, *, learning_rate=0.1):
    \"\"\"Not where 64 networks are side by side.\"\"\"
    if len(w) > 32:
        raise RuntimeError("too many")
    w[:] = w - learning_rate * g


@rule
def never(w, g, t, *, learning_rate=0.1):
    \"\"\"Fails.\"\"\"
    raise RuntimeError("never")
"""


def test_a_rule_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    """One whose trials all crashed is not even tried, another is, once."""
    (tmp_path / "failing.py").write_text(FAILING)
    given = spec(optimizer=[{"rule": ["sgd", "sometimes", "never"]}], seeds=2)
    options: dict[str, Any] = {"plugins": [tmp_path / "failing.py"], "jobs": 1}
    with undrawn():
        bench.run(given, out=tmp_path / "out", **options)
        seconds = table(tmp_path / "out", "seconds").set_index("rule")["epoch_seconds"]
        assert seconds["sgd"].notna().all()
        assert seconds[["sometimes", "never"]].isna().all()
        before = rounds(tmp_path / "out")
        assert {tuple(sorted(found)) for found in before.values()} == {("sgd", "sometimes")}
        bench.run(given, out=tmp_path / "out", **options)
    assert rounds(tmp_path / "out") == before


def test_shards_bring_theirs_along(folder: Path, tmp_path: Path) -> None:
    """Of a problem that both have measured, those of the first with most rules: whole."""
    parts = [tmp_path / "one", tmp_path / "two"]
    with undrawn():
        for number, part in enumerate(parts, 1):
            bench.run(spec(), out=part, jobs=1, shard=(number, 2))
    found = [rounds(part) for part in parts]
    merge(tmp_path / "both", parts)
    merged = rounds(tmp_path / "both")
    assert merged.keys() == found[0].keys() | found[1].keys()
    for problem, values in merged.items():
        assert values == max((some[problem] for some in found if problem in some), key=len)
    # Of two measurements, the one of more rules.
    whole = rounds(folder)
    fewer = {problem: {"sgd": values["sgd"]} for problem, values in whole.items()}
    for part, some in zip(parts, (fewer, whole), strict=True):
        changed(part, lambda found, some=some: (found.clear(), found.update(some)))  # type: ignore[misc]
    merge(tmp_path / "again", parts)
    assert rounds(tmp_path / "again") == whole


def test_progress_is_told_of_many_problems(
    made: bench.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "Pace", partial(Pace, line_seconds=0.0))
    # Each is written with all others: once here, whatever the number of problems.
    monkeypatch.setattr(costs, "LINE_SECONDS", math.inf)
    said: list[str] = []
    writes: list[int] = []
    with Store.open(made.folder) as store:
        kept = costs_of(store)
        store.set_meta(**{COSTS: {}})
        write = store.set_meta

        def noted(**values: Any) -> None:
            writes.append(len(values[COSTS]))
            write(**values)

        monkeypatch.setattr(store, "set_meta", noted)
        costs.measure(store, made.manifest, [], said.append)
        assert costs_of(store).keys() == kept.keys()
        write(**{COSTS: kept})
    assert writes == [2]
    first, second = said
    assert first == "measuring what an epoch costs: 2 rules on 2 problems"
    assert re.fullmatch("  1/2 problems measured  about .* left", second)


def test_of_very_many_problems_the_first_are_measured_and_it_is_said(
    made: bench.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "MOST", 1)
    said: list[str] = []
    with Store.open(made.folder) as store:
        kept = costs_of(store)
        store.set_meta(**{COSTS: {}})
        costs.measure(store, made.manifest, [], said.append)
        [problem] = costs_of(store)
        costs.measure(store, made.manifest, [], said.append)  # nothing is left to measure
        store.set_meta(**{COSTS: kept})
    assert problem == name_of(made.manifest.trials[0].problem)
    assert said == [
        "what an epoch costs is measured on the first 1 of 2 problems",
        "measuring what an epoch costs: 2 rules on 1 problem",
    ]
