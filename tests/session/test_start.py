"""What is to start fast imports little: told by a process of its own."""

import json
import subprocess
import sys

import pytest

SPEC = """
seeds = 2
[[problem]]
dataset = "blobs"
epochs = 2
[[optimizer]]
rule = "sgd"
learning_rate = 0.1
"""
PROGRAM = """
import json, sys
from bench.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]))
"""
# Each takes tenths of a second; none is needed to plan, to train or to see that all is done.
HEAVY = ["scipy.stats", "plotly", "matplotlib.pyplot", "sklearn", "torch", "jax", "dask"]


@pytest.mark.parametrize("again", [False, True], ids=["without a report", "all done before"])
def test_what_is_not_needed_is_not_imported(tmp_path, again):
    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    spec.write_text(SPEC)
    run = ["run", str(spec), "--out", str(out), "--jobs", "1", "--quiet"]

    def modules(*arguments):
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *run, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        code, found = json.loads(ended.stdout.splitlines()[-1])
        assert code == 0
        return found

    found = modules(*[] if again else ["--no-report"])
    if again:
        found = modules()
    assert [name for name in HEAVY if name in found] == []
