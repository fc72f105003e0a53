"""A notebook's rules and arrays train in workers, under keys of their content."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests import ROOT

NOTEBOOK = """
import sys
import numpy as np
import bench
from bench.session import costs
from nncore.rules import rule
{before}
def length(arrays):
    return np.sqrt(sum(np.sum(a**2) for a in arrays))

@rule(per="trial")
def celled(w, g, t, v, *, learning_rate=0.05, momentum=0.5):
    v = [momentum * b + a / (length(g) + 1e-8) for a, b in zip(g, v)]
    return [x - learning_rate * b for x, b in zip(w, v)], v

if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    y = (X.sum(axis=1) > 0).astype(int)
    problem = {{"dataset": {{"X": X, "y": y}}, "layers": ["dense 4", "tanh", "dense 2", "softmax"],
               "loss": "categorical_crossentropy", "epochs": 5}}
    spec = {{"name": "cells", "seeds": 2, "problem": problem,
            "optimizer": [{{"rule": "sgd"}}, {{"rule": "celled"}}]}}
    costs.measure = lambda *_: None  # it takes most of a small run's time
    {call}
"""
CALL = """
result = bench.run(spec, rules=[celled], out=sys.argv[1], jobs=2, report=False)
print(*result.trials["status"], result.trained, *sorted(result.trials["key"]))
assert (result.trials["final_train_loss"] < 1).all()
again = bench.run(spec, rules=[celled], out=sys.argv[1], jobs=2, report=False)
print(again.trained)
"""


def notebook(folder: Path, out: Path, *, before: str = "", call: str = CALL) -> str:
    """What a script prints, or the last line of its errors."""
    script = folder / "notebook.py"
    script.write_text(
        NOTEBOOK.format(before=before, call=textwrap.indent(call.strip(), "    ").strip())
    )
    done = subprocess.run(
        [sys.executable, str(script), str(out)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return done.stdout if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_a_cell_s_rule_trains_on_arrays_in_memory(tmp_path: Path) -> None:
    first = notebook(tmp_path, tmp_path / "out").split()
    assert first[:5] == ["ok"] * 4 + ["4"], first
    assert first[-1] == "0"
    # In another session, further down: the same content has the same keys, and is there.
    other = notebook(tmp_path, tmp_path / "out", before="\n\nunused = 1\n").split()
    assert other[4] == "0", other
    assert other[5:] == first[5:]


def test_a_cell_s_rule_that_is_not_given_is_told(tmp_path: Path) -> None:
    told = notebook(tmp_path, tmp_path / "out", call="bench.run(spec, out=sys.argv[1])")
    assert "celled is a function of this session, which workers do not have" in told
    assert "bench.run(spec, rules=[celled])" in told
    assert not (tmp_path / "out").exists()


def test_what_is_no_rule_is_told(tmp_path: Path) -> None:
    call = "bench.run(spec, rules=[length], out=sys.argv[1])"
    told = notebook(tmp_path, tmp_path / "out", call=call)
    assert "length is no rule of this session; write @rule above it" in told
