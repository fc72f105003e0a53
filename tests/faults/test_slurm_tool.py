"""`tools/slurm.sh stop` ends its own daemons, waits for them, and removes nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import ROOT

pytestmark = pytest.mark.faults

# A daemon that takes its time to end.
DAEMON = """#!/bin/bash
trap 'sleep 0.3; exit' TERM
echo $$ > "$1"
while :; do sleep 0.05; done
"""
PIDS = {"slurmd": "slurmd.pid", "slurmctld": "slurmctld.pid", "munged": "munge/pid"}


def stop(home: str | Path) -> subprocess.CompletedProcess[str]:
    """What the tool says where its folder is `home`."""
    return subprocess.run(
        ["bash", str(ROOT / "tools" / "slurm.sh"), "stop"],
        env={**os.environ, "BENCH_SLURM": str(home)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder as `start` makes it."""
    (tmp_path / "home" / "munge").mkdir(parents=True)
    (tmp_path / "home" / ".made-by-bench").touch()
    return tmp_path / "home"


def test_a_folder_of_others_stays(tmp_path: Path) -> None:
    (tmp_path / "slurm.conf").write_text("mine")
    done = stop(tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert (tmp_path / "slurm.conf").read_text() == "mine"


@pytest.mark.parametrize("odd", ["home", "./home", "~"])
def test_a_path_that_is_not_absolute_is_refused(odd: str) -> None:
    assert stop(odd).returncode == 2


def test_daemons_have_ended_when_it_returns(home: Path, tmp_path: Path) -> None:
    daemons = []
    try:
        for name, place in PIDS.items():
            path = tmp_path / name
            path.write_text(DAEMON)
            path.chmod(0o755)
            os.mkfifo(fifo := tmp_path / f"{name}.started")
            daemons.append(subprocess.Popen([path, fifo]))
            (home / place).write_text(fifo.read_text())  # waits for it
        done = stop(home)
        ended = [daemon.poll() for daemon in daemons]
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()
    assert (done.returncode, ended) == (0, [0, 0, 0]), done.stderr
    assert not home.exists()


def test_a_number_that_is_another_process_s_by_now_is_let_alone(home: Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        (home / "slurmd.pid").write_text(f"{other.pid}\n")
        assert stop(home).returncode == 0
        assert other.poll() is None
        assert other.stdin is not None
        other.stdin.close()
    assert not home.exists()
