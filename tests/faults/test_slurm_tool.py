"""`tools/slurm.sh stop` ends its own daemons, waits for them, and removes nothing else.

A command `around` which one cannot be started runs all the same.
"""

from __future__ import annotations

import os
import shutil
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


TOOLS = "awk bash cat chmod env getconf grep head ls mkdir rm seq sed sleep tail timeout true"
# What `start` calls, doing nothing: `sinfo` knows of a node once its configuration is written.
FAKES = {
    "id": "echo 0",
    "chown": "",
    "setpriv": "",
    "apt-get": "exit 100",
    "munged": "",
    "sbatch": "",
    "slurmctld": "",
    "slurmd": "",
    "sinfo": '[ ! -s "$SLURM_CONF" ] || echo idle',
    "srun": "",
}
# Each a reason of the machine: what of it does otherwise.
MACHINES: dict[str, dict[str, str | None]] = {
    "no packages": {"slurmctld": None},
    "munge does not start": {"setpriv": "exit 1"},
    "the controller does not start": {"slurmctld": "exit 1"},
    "no job runs": {"srun": "exit 1"},
    "not root": {"id": "echo 1000"},
}


def around(tmp_path: Path, machine: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    """A command with a Slurm of such a machine; it says where that is, and ends with 3."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS.split():
        found = shutil.which(tool)
        assert found is not None, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    for name, text in {**FAKES, **machine}.items():
        if text is not None:
            (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
            (tmp_path / "bin" / name).chmod(0o755)
    variables = {"PATH": str(tmp_path / "bin"), "BENCH_SLURM": str(tmp_path / "home")}
    command = ["bash", "-c", 'echo "at ${SLURM_CONF-none}"; exit 3']
    return subprocess.run(
        [ROOT / "tools" / "slurm.sh", "around", *command],
        env=variables,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("reason", MACHINES)
def test_without_a_slurm_the_command_runs_and_that_is_told(tmp_path: Path, reason: str) -> None:
    done = around(tmp_path, MACHINES[reason])
    assert (done.returncode, done.stdout) == (3, "at none\n"), done.stderr
    assert "what wants one is skipped" in done.stderr
    assert not (tmp_path / "home").exists()


def test_with_one_the_command_is_told_of_it_and_it_is_gone_afterwards(tmp_path: Path) -> None:
    done = around(tmp_path, {})
    told = f"at {tmp_path / 'home' / 'slurm.conf'}\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, told, "")
    assert not (tmp_path / "home").exists()


def test_one_that_answers_already_is_left_alone(tmp_path: Path) -> None:
    done = around(tmp_path, {"sinfo": "echo idle", "slurmctld": "exit 1"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "at none\n", "")
