"""Before a plugin's rule trains it is tried, in a process of its own, and refused by name."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import bench
from bench.run import rehearsal
from bench.spec.mistakes import SpecError
from nncore.registry import kept, load_plugin
from nncore.rules import rules
from tests.command import bench as command
from tests.problems import added, configuration

RULES = """
import os
import time
import numpy as np
from nncore.rules import rule

print("a plugin may print")

@rule(per="tensor")
def layerwise(w, g, t, *, learning_rate=0.01):
    w -= learning_rate * np.linalg.norm(w) * g / (np.linalg.norm(g) + 1e-8)

@rule
def noisy(w, g, t, *, learning_rate=0.01):
    w -= learning_rate * (g + np.random.standard_normal(g.shape))

@rule
def leaving(w, g, t, *, learning_rate=0.01):
    os._exit(3)

@rule
def lasting(w, g, t, *, learning_rate=0.01):
    time.sleep(3600)

@rule(per="trial")
def fine(w, g, t, *, learning_rate=0.01):
    return [x - learning_rate * d for x, d in zip(w, g)]
"""
SPEC = {
    "seeds": 2,
    "plugins": ["mine.py"],
    "problem": [{"dataset": "people", "epochs": 3}],
    "optimizer": [{"rule": ["fine", "layerwise", "noisy", "sgd"]}],
}
SAID = [
    "mine.py, line 10: rule layerwise mixes the trials of a stack",
    "mine.py, line 14: rule noisy draws from np.random or random",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the plugin and a spec, in which this process is."""
    (tmp_path / "mine.py").write_text(RULES)
    text = 'seeds = 2\nplugins = ["mine.py"]\n[[problem]]\ndataset = "people"\nepochs = 3\n'
    (tmp_path / "mine.toml").write_text(f'{text}[[optimizer]]\nrule = ["fine", "layerwise"]\n')
    monkeypatch.chdir(tmp_path)
    with kept(rules):
        yield tmp_path


def test_wrong_rules_are_refused_all_at_once(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        bench.run(SPEC, out="results/mine", jobs=1)
    assert len(caught.value.errors) == len(SAID)
    for line, said in zip(caught.value.errors, SAID, strict=True):
        assert line.startswith(said)
    assert not (folder / "results").exists()


def test_a_refusal_leaves_what_is_stored(folder: Path) -> None:
    good = {**SPEC, "optimizer": [{"rule": "fine"}]}
    bench.run(good, out="results/mine", jobs=1)
    before = {path: path.read_bytes() for path in folder.rglob("results/**/*.csv")}
    assert before
    for fresh in (False, True):
        with pytest.raises(SpecError):
            bench.run(SPEC, out="results/mine", jobs=1, fresh=fresh)
        assert {path: path.read_bytes() for path in folder.rglob("results/**/*.csv")} == before


def test_on_the_command_line_it_is_exit_code_2(folder: Path) -> None:
    printed = command("run", "mine.toml", cwd=folder, code=2)
    [line] = [line for line in printed.splitlines() if line != "a plugin may print"]
    assert line.startswith(SAID[0])
    assert not (folder / "results").exists()


def test_what_dies_or_hangs_is_not_judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_plugin(folder / "mine.py")
    monkeypatch.setattr(rehearsal, "SECONDS", 3.0)
    tried = [configuration(name) for name in ("leaving", "lasting", "fine", "sgd")]
    assert rehearsal.faults(tried) == []


def test_a_package_s_rule_is_tried_with_each_set_of_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(rehearsal, "_asked", lambda parts, *_: asked.extend(parts) or [])
    with added(rules, "sgd", package="some 1.0", options={"nesterov": False}) as name:
        plain, other = configuration(name), configuration(name, learning_rate=0.5)
        nesterov = replace(plain, modifiers={"options": {"nesterov": True}})
        clipped = replace(plain, modifiers={"clip_norm": 1.0})
        rehearsal.faults([plain, other, nesterov, clipped, nesterov, configuration("adam")])
    values = {key: plain.hyperparameters[key] for key in ("learning_rate", "momentum")}
    assert asked == [(name, values, {}), (name, values, {"nesterov": True})]


def test_only_what_will_train_is_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {**SPEC, "optimizer": [{"rule": ["fine", "sgd"]}]}
    bench.run(good, out="results/mine", jobs=1)

    def called(*arguments: object, **options: object) -> None:
        raise AssertionError("a process for a rule that has nothing to train")

    monkeypatch.setattr(subprocess, "run", called)
    bench.run(good, out="results/mine", jobs=1)
