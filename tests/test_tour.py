"""The notebook in docs runs from its first cell to its last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT

NOTEBOOK = ROOT / "docs" / "tour.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
# As a kernel does: what a cell's expressions are worth is shown, as HTML where it can be.
KERNEL = """
import ast
import json
import sys
from tests.command import untimed

def show(value):
    if value is not None:
        print(getattr(value, "_repr_html_", value.__repr__)())

sys.displayhook = show
with untimed():
    for text in json.load(sys.stdin):
        print("cell")
        exec(compile(ast.Interactive(ast.parse(text).body), "<cell>", "single"))
"""


def test_every_cell_runs_and_shows_what_is_said_of_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", KERNEL],
        input=json.dumps(["".join(cell["source"]) for cell in CELLS]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    _, _, result, verdicts, ranking, figure, own, compared = done.stdout.split("cell\n")
    assert "<table" in result
    assert "adam has the lowest median final training loss" in verdicts
    assert "median_high" in ranking
    assert figure.count("<Axes") == 2
    assert "than normalized, by at least" in own
    assert all(f"'{word}'" in compared for word in ("worse", "identical"))


def test_its_outputs_are_cleared() -> None:
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in CELLS)
