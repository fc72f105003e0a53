"""What the README shows is what the project does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
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
    for number, text in enumerate(block for block in blocks if "@rule" in block):
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


def test_the_spec_loads() -> None:
    (text,) = re.findall(r"```toml\n(# experiments/example.toml.*?)```", README, re.DOTALL)
    experiment = spec.load(tomllib.loads(text) | {"name": "example"})
    assert len(experiment.optimizers[0].configurations) == 5 * 2 * 2
    assert text == (ROOT / "experiments" / "example.toml").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").rglob("*.toml")), ids=str)
def test_every_experiment_loads(path: Path) -> None:
    assert spec.load(path).optimizers


def test_the_default_spiral_is_the_one_shown() -> None:
    shown = spec.load(ROOT / "experiments" / "example.toml").problems[0].problem
    optimizer = {"rule": "sgd"}
    short = spec.load({"problem": {"dataset": "spiral"}, "optimizer": optimizer}).problems[0]
    assert shown == short.problem
