"""What the README shows is what the project does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench.spec import experiment as spec
from tests import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_are_what_the_registries_say() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "readme.py", "--check"], cwd=ROOT)
    assert done.returncode == 0, "run `make readme`"


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
