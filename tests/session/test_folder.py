"""Which plugins a folder's results hang on: those that take part in training, of every kind."""

from __future__ import annotations

from pathlib import Path

from bench.cli.catalogue import KINDS
from bench.session import folder
from tests.command import bench

WRAPPER = """
from nncore.wrappers import wrapper

@wrapper(changes=["g"])
def halved(w, g, t, step):
    "The rule with half of the gradient."
    step(g / 2)
"""
SPEC = """
seeds = 1
plugins = ["mine.py"]
[[problem]]
dataset = "people"
epochs = 2
[[optimizer]]
rule = "sgd"
wrap = { name = "halved" }
"""


def test_every_kind_of_entry_computes_but_those_that_measure_and_show() -> None:
    computing = {registry.kind for registry in folder.COMPUTING}
    kinds = {registry.kind for registry in KINDS.values()}
    assert kinds == {"metric", "page", "table", *computing}


def test_results_of_another_version_of_a_wrapper_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(WRAPPER)
    (tmp_path / "spec.toml").write_text(SPEC)
    bench("run", "spec.toml", "--jobs", 1, cwd=tmp_path)
    (tmp_path / "mine.py").write_text(WRAPPER.replace("g / 2", "g / 3"))
    assert "plugin mine.py changed" in bench("run", "spec.toml", cwd=tmp_path, code=2)
