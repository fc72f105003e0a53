"""Files that people have, from the command line: read, or refused with nothing written."""

import os

import pandas as pd
import pytest

from tests.command import bench
from tests.faults.commands import Running

SPEC = """
plugins = ["watch.py"]
seeds = 2
[[problem]]
dataset = { name = "csv", path = "data.csv", target = "kind" }
epochs = 2
[[optimizer]]
rule = "watchful"
"""
# Fails its trial in a process that has read the file on its own.
WATCH = """
import sys
import numpy as np
from nncore.datasets.tables import _Shared
from nncore.rules import rule

@rule
def watchful(w, g, t, *, learning_rate=0.1):
    "Descent, where tables are mapped."
    shared = [table for _, table in _Shared.tables.values()]
    if "pandas" in sys.modules or not shared:
        raise RuntimeError("reads on its own")
    if not all(isinstance(table.samples.X, np.memmap) for table in shared):
        raise RuntimeError("holds its own")
    w -= learning_rate * g
"""
ROWS = "".join(f"{i % 7},{i * i % 11},{'ab'[i % 2]}\n" for i in range(60))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "watch.py").write_text(WATCH)
    (tmp_path / "spec.toml").write_text(SPEC)
    (tmp_path / "data.csv").write_text("x,z,kind\n" + ROWS)
    return tmp_path


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_map_what_the_run_has_read(folder, jobs):
    bench("run", "spec.toml", "--jobs", jobs, cwd=folder)
    trials = pd.read_csv(folder / "results/spec/trials.csv")
    assert trials["status"].tolist() == ["ok", "ok"]


REFUSED = {
    "no header": (ROWS, "header = false"),
    "no name": ("".join(f"{line}\n" for line in (",z,kind", *ROWS.split())), "ignore = [0]"),
    "a mark": ("x,z,kind\n" + ROWS + "\n1,2,NA\n", 'row 63, column "kind": "NA"'),
    "text": ("x,z,kind\n\n" + ROWS + "1,two,b\n", 'row 63, column "z": "two"'),
    "far": ("x,z,kind\n" + ROWS + "1,1.797e308,b\n", 'row 62, column "z": 1.797e308'),
    "short": ("x,z,kind\n" + ROWS + "1,b\n", "row 62: 2 cells"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_and_nothing_is_written(folder, case):
    text, said = REFUSED[case]
    (folder / "data.csv").write_text(text)
    printed = bench("run", "spec.toml", cwd=folder, code=2)
    assert "data.csv" in printed
    assert said in printed
    assert not (folder / "results").exists()


@pytest.mark.parametrize("place", ["fifo", "/dev/zero", ".", "terminal", "a\\u0000b"])
def test_a_path_that_is_no_plain_file_never_hangs(folder, place):
    os.mkfifo(folder / "fifo")
    os.symlink("/dev/tty", folder / "terminal")
    change = f'problem.csv.dataset.path="{place}"'
    with_it = Running("run", "spec.toml", "--set", change, cwd=folder)
    code, printed = with_it.wait(60.0)
    assert code == 2, printed
    assert "problem.csv.dataset" in printed
    assert "Traceback" not in printed
    assert not (folder / "results").exists()


def test_a_column_that_counts_is_warned_of(folder):
    rows = [f"{i},{row}" for i, row in enumerate(ROWS.split())]
    (folder / "data.csv").write_text("\n".join(["id,x,z,kind", *rows]))
    printed = bench("run", "spec.toml", cwd=folder)
    assert 'column "id" counts the samples' in printed
    assert 'ignore = ["id"]' in printed
    audit = pd.read_csv(folder / "results/spec/audit.csv")
    [message] = audit.loc[audit["check"] == "data", "message"]
    assert 'column "id" counts the samples' in message
    again = " ".join(bench("report", "results/spec", cwd=folder).split())
    assert 'column "id" counts the samples' in again
