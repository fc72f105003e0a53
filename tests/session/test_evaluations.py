"""Gradients counted from rule to table, and what is refused of rules that draw numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench
from bench.spec.experiment import load
from bench.spec.mistakes import SpecError
from nncore.registry import kept
from nncore.rules import rules

RULES = """
from nncore.rules import rule

@rule
def twice(w, g, t, *, learning_rate=0.1, gradient):
    w -= learning_rate * gradient(w - learning_rate * g)

@rule(per="trial")
def noisy(w, g, t, *, learning_rate=0.1, rng):
    return [x - learning_rate * (d + rng.normal(0, 0.1, d.shape)) for x, d in zip(w, g)]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The file of the rules."""
    path = tmp_path / "mine.py"
    path.write_text(RULES)
    return path


def test_every_gradient_is_in_the_tables(plugin: Path, tmp_path: Path) -> None:
    spec = {
        "seeds": 2,
        "problem": {
            "dataset": {"name": "spiral", "samples": 10},
            "layers": ["dense 3", "softmax"],
            "batch_size": 15,
            "epochs": 4,
            "record_every": 2,
        },
        "optimizer": {"rule": ["sgd", "twice"], "learning_rate": [0.1, 0.2]},
    }
    with kept(rules):
        result = bench.run(spec, plugins=[plugin], out=tmp_path / "out", jobs=1)
    found = result.trials.groupby("rule")["gradient_evaluations"].unique()
    assert {rule: list(values) for rule, values in found.items()} == {"sgd": [8], "twice": [16]}
    curves = result.curves.merge(result.trials[["trial", "rule"]])
    for rule, each in (("sgd", 1), ("twice", 2)):
        mine = curves[curves["rule"] == rule]
        assert (mine["gradient_evaluations"] == mine["epoch"] * 2 * each).all()


def test_noise_needs_a_problem_with_seeds(plugin: Path) -> None:
    spec = {
        "problem": [{"dataset": "neuron"}, {"dataset": "people"}],
        "optimizer": {"rule": "noisy", "problems": ["neuron", "people"]},
    }
    with kept(rules):
        with pytest.raises(SpecError) as caught:
            load(spec, plugins=[plugin])
        [text] = str(caught.value).splitlines()
        assert "optimizer.noisy.problems" in text
        assert 'noisy draws random numbers, and on "neuron" no seed changes anything' in text
        spec["optimizer"] = {"rule": "noisy", "problems": ["people"]}
        assert load(spec, plugins=[plugin]).optimizers
