"""What the README shows is what the project does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.spec import experiment as spec
from nncore.registry import kept, load_plugin
from nncore.rehearsal import fault
from nncore.rules import rules
from nncore.stack.training import train
from tests import ROOT
from tests.problems import configuration, short

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_are_what_the_registries_say() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "readme.py", "--check"], cwd=ROOT)
    assert done.returncode == 0, "run `make readme`"


def test_both_ways_to_write_a_rule_are_one_rule(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    losses = []
    for number, text in enumerate(block for block in blocks if "def normalized" in block):
        path = tmp_path / f"way_{number}.py"
        path.write_text(text)
        with kept(rules):
            load_plugin(path)
            assert fault(rules["normalized"]) == ""
            trained = short("spiral", epochs=30, dtype="float64")
            [outcome] = train(trained, [configuration("normalized", learning_rate=0.1)], [0])
            losses.append(outcome.metrics["train_loss"])
    one, other = losses
    assert one[-1] < one[0]
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_rule_that_asks_for_more_works_as_shown(tmp_path: Path) -> None:
    (text,) = re.findall(r"```python\n([^`]*def extragradient[^`]*)```", README)
    path = tmp_path / "more.py"
    path.write_text(text)
    with kept(rules):
        load_plugin(path)
        assert fault(rules["extragradient"]) == ""
        [outcome] = train(short("spiral", epochs=30), [configuration("extragradient")], [0])
    assert outcome.metrics["train_loss"][-1] < outcome.metrics["train_loss"][0]
    assert outcome.evaluations[-1] == 2 * 30


def test_the_spec_loads() -> None:
    (text,) = re.findall(r"```toml\n(# experiments/example.toml.*?)```", README, re.DOTALL)
    experiment = spec.load(tomllib.loads(text) | {"name": "example"})
    assert len(experiment.optimizers[0].configurations) == 5 * 2 * 2
    assert text == (ROOT / "experiments" / "example.toml").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").rglob("*.toml")), ids=str)
def test_every_experiment_loads(path: Path) -> None:
    for package in set(re.findall(r'"(\w+)[\w.]*:\w+"', path.read_text(encoding="utf-8"))):
        pytest.importorskip(package, reason=f"{package} is not installed")
    assert spec.load(path).optimizers


def test_the_default_spiral_is_the_one_shown() -> None:
    shown = spec.load(ROOT / "experiments" / "example.toml").problems[0].problem
    optimizer = {"rule": "sgd"}
    short = spec.load({"problem": {"dataset": "spiral"}, "optimizer": optimizer}).problems[0]
    assert shown == short.problem


def test_your_data_has_an_example_for_each_shape(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n# Your data\n(.*?)```", README, re.DOTALL)
    given = [tomllib.loads(line)["dataset"] for line in text.splitlines() if line[:1] != "#"]
    rng, n = np.random.default_rng(0), 50
    number, whole = rng.normal(size=n), rng.integers(0, 9, n)
    word = np.array(["M", "F", "I"])[np.arange(n) % 3]
    gaps = np.where(whole == 0, "", number.astype(str))
    pixels = {f"pixel{i}": rng.integers(0, 256, n) for i in range(784)}
    housing = {"longitude": number, "total_bedrooms": gaps, "ocean_proximity": word}
    titanic = {"PassengerId": range(n), "Survived": np.arange(n) % 2, "Pclass": whole % 3 + 1}
    titanic |= {"Name": word, "Sex": word, "Age": gaps, "Fare": number, "Cabin": gaps}
    texts = dict.fromkeys([1, 3, 5, 6, 7, 8, 9, 13, 14], word) | {1: np.where(whole, word, " ?")}
    adult = [texts.get(i, whole) for i in range(15)]
    headless = {
        "adult.data": adult,
        "abalone.data": [word, *[number] * 7, whole],
    }
    named = {
        "wdbc.csv": {"id": range(n), "diagnosis": word, "radius": number},
        "mnist.csv": {"label": whole, **pixels},
        "housing.csv": housing | {"median_house_value": number * 1e5},
        "energy.csv": {"x": number, "heating": number, "cooling": number},
        "titanic.csv": titanic,
    }
    headless |= {name: list(columns.values()) for name, columns in named.items()}
    for name, columns in headless.items():
        head = ",".join(named[name]) + "\n" if name in named else ""
        rows = zip(*columns, strict=True)
        (tmp_path / name).write_text(head + "".join(f"{','.join(map(str, r))}\n" for r in rows))
    images = rng.integers(0, 256, (n, 28, 28))
    halves = {"x_train": images[:30], "y_train": whole[:30], "x_test": images[30:]}
    np.savez(tmp_path / "mnist.npz", **halves, y_test=whole[30:])
    np.save(tmp_path / "matrix.npy", np.c_[number, whole % 3])
    written = {"frame.parquet", "mnist.npz", "matrix.npy", *headless}
    assert {dataset["path"] for dataset in given} == written
    for dataset in given:
        if dataset["path"] == "frame.parquet":
            if find_spec("pyarrow") is None:  # an optional extra
                continue
            pd.DataFrame({"x": number, "kind": word}).to_parquet(tmp_path / "frame.parquet")
        own = dataset | {"path": str(tmp_path / dataset["path"])}
        experiment = spec.load({"problem": {"dataset": own}, "optimizer": {"rule": "adam"}})
        assert len(experiment.problems) == 1
