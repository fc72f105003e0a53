"""What `--dry-run` says of trials that are not trained: each for what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import bench
from bench.cli import main

SPEC = """
name = "x"
seeds = 4
[[problem]]
dataset = "people"
epochs = 2
[[optimizer]]
name = "grid"
rule = "sgd"
learning_rate = [0.1, 0.2]
[[optimizer]]
name = "document"
rule = "sgd"
learning_rate = 0.1
"""
TUNED = SPEC + "[tuning]\nseeds = 2\n"


def told(folder: Path, *arguments: str, spec: str = SPEC) -> list[str]:
    path = folder / "spec.toml"
    path.write_text(spec)
    out = ["--out", str(folder / "x"), "--dry-run"]
    ended = CliRunner().invoke(main, ["run", str(path), *out, *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output.splitlines()


@pytest.mark.parametrize(
    ("arguments", "begins", "ends"),
    [
        ([], "8 to train", "; 4 are the same as others"),
        (["--shard", "1/2"], "4 to train", "; 4 are in other shards; 4 are the same as others"),
        (["--set", "optimizer.grid.learning_rate=0.3"], "8 to train", "second"),
    ],
)
def test_in_an_empty_folder_nothing_is_stored(
    tmp_path: Path, arguments: list[str], begins: str, ends: str
) -> None:
    line = told(tmp_path, *arguments)[1]
    assert line.startswith(begins)
    assert line.endswith(ends)


def test_what_is_stored_is_counted(tmp_path: Path) -> None:
    told(tmp_path)
    bench.run(
        tmp_path / "spec.toml", out=tmp_path / "x", overrides=["seeds=3"], report=False, jobs=1
    )
    line = told(tmp_path)[1]
    assert line.startswith("2 to train in 1 stack on ")
    assert line.endswith("; 6 are stored; 4 are the same as others")


def test_of_what_follows_the_time_is_told_as_well(tmp_path: Path) -> None:
    follows = told(tmp_path, spec=TUNED)[2]
    assert follows.startswith("then up to 8 on evaluation seeds")
    assert follows.endswith("about a second")
