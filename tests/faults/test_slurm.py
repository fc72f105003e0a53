"""A real Slurm, whose jobs are killed or cancelled: the bytes of an undisturbed local run.

`tools/slurm.sh around make slurm` sets one up; where none answers these tests are skipped. What is
killed waits for it: of every task the first slow stack is trained, further ones when a door opens;
there are two at least, since problems do not share stacks.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.command import bench
from tests.faults.commands import Running, stored, tables, typed

pytestmark = pytest.mark.slurm

# Jobs have the environment of whoever submits: `DOOR` is a folder of the test's.
DOOR = "BENCH_TEST_DOOR"
HELD = f"""
import os
import time
from nncore.rules import rule

def through():
    door = os.environ.get("{DOOR}")
    if door is None:
        return True
    try:
        open(door + "/task-" + os.environ["SLURM_ARRAY_TASK_ID"], "x").close()
    except FileExistsError:
        return os.path.exists(door + "/open")
    return True

@rule
def slow(w, g, t, *, learning_rate=0.1):
    "Slow."
    while t == 1 and w.size > 100 and not through():
        time.sleep(0.02)
    w -= learning_rate * g
"""
SPEC = """
seeds = 24
plugins = ["slow.py"]
[tuning]
seeds = 24
[[problem]]
dataset = "spiral"
epochs = 20
record_every = 10
[[problem]]
dataset = "vertical"
epochs = 20
record_every = 10
[[optimizer]]
rule = ["slow", "sgd"]
learning_rate = [0.1, 0.2]
"""


@pytest.fixture(scope="module", autouse=True)
def _slurm():
    """Skips where no Slurm answers; one that is named is there."""
    if "SLURM_CONF" in os.environ:
        return
    try:
        done = subprocess.run(["sinfo", "-h"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip("no Slurm here: tools/slurm.sh starts one")
    if done.returncode or not done.stdout.strip():
        pytest.skip("no Slurm here: tools/slurm.sh starts one")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    (folder / "slow.py").write_text(HELD)
    (folder / "mine.toml").write_text(SPEC)
    bench("run", "mine.toml", "--out", "out", "--jobs", 2, cwd=folder)
    return folder


@pytest.fixture
def home(tmp_path):
    """A folder that jobs may be in, none of which is left."""
    yield tmp_path
    with contextlib.suppress(Exception):
        bench("cancel", "out", cwd=tmp_path)


@pytest.fixture
def door(tmp_path, monkeypatch):
    """A door that what is submitted waits at, open once it has this file."""
    folder = tmp_path / "door"
    folder.mkdir()
    monkeypatch.setenv(DOOR, str(folder))
    return folder / "open"


def command_of(alone):
    return "submit", alone / "mine.toml", "--tasks", 2, "--out", "out"


def submitted(alone, home):
    return bench(*command_of(alone), cwd=home)


def refused(alone, home):
    assert "of it queued or running" in bench(*command_of(alone), cwd=home, code=2)


def watched(condition, seconds=300.0):
    """Wait for files that processes of others write; they tell nobody of themselves."""
    with subprocess.Popen(["sleep", str(seconds)]) as clock:
        while not condition():
            with contextlib.suppress(subprocess.TimeoutExpired):
                clock.wait(0.05)
                raise AssertionError("nothing came")
        clock.kill()
        return True


def ended(home):
    """Wait until no job of the folder is left; what `status` says then."""
    found = []

    def over():
        found[:] = [bench("status", "out", cwd=home)]
        rows = [line.split() for line in found[0].splitlines()]
        steps = [r for r in rows if r and r[0].startswith(("train-", "gather-", "report"))]
        known = "what is queued is not known" not in found[0]
        return known and all(row[1:3] == ["0", "0"] for row in steps)

    watched(over)
    return found[0]


def same(alone, home):
    assert stored(home / "out") == stored(alone / "out")
    return tables(home / "out") == tables(alone / "out")


def processes(step, home):
    """The processes of a task's program, not of its workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if b"slurm-job" in words and step.encode() in words and bytes(home / "out") in words:
                found.append(int(path.name))
    return found


def task_of(number):
    """Which task of an array a process is of."""
    with contextlib.suppress(OSError):
        variables = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        found = [v for v in variables if v.startswith(b"SLURM_ARRAY_TASK_ID=")]
        return found[0].partition(b"=")[2] if found else None
    return None


def test_a_submission_gives_the_bytes_of_a_run(alone, home):
    assert "queued" in submitted(alone, home)
    printed = ended(home)
    assert "failed: " not in printed, printed
    assert same(alone, home)
    assert (home / "out" / "figures").is_dir()
    assert "nothing is missing" in submitted(alone, home)


def test_a_task_that_is_killed_is_sent_again(alone, home, door):
    submitted(alone, home)
    shard = home / "out" / "shards" / "train-1-1"
    watched(lambda: stored(shard))
    found = [number for number in processes("train-1", home) if task_of(number) == b"1"]
    assert found
    for number in found:
        os.kill(number, signal.SIGKILL)
    door.touch()
    printed = ended(home)
    assert "failed: train-1-1: see " in printed, printed
    kept = stored(home / "out")
    assert 0 < len(kept) < len(stored(alone / "out"))
    submitted(alone, home)
    assert "failed: " not in ended(home)
    assert kept.items() <= stored(home / "out").items()
    assert same(alone, home)


def test_cancelled_it_goes_on_when_it_is_submitted_again(alone, home, door):
    submitted(alone, home)
    watched(lambda: stored(home / "out" / "shards" / "train-1-2"))
    refused(alone, home)
    assert "ended; what they have stored stays" in bench("cancel", "out", cwd=home)
    door.touch()
    ended(home)
    submitted(alone, home)
    ended(home)
    assert same(alone, home)


def test_killed_while_it_submits_it_is_submitted_again(alone, home, door, monkeypatch):
    """The first of the chain is queued then, and nothing after it."""
    (home / "bin").mkdir()
    deadly = home / "bin" / "sbatch"
    deadly.write_text(f'#!/bin/sh\n{shutil.which("sbatch")} "$@"\nkill -9 $PPID\n')
    deadly.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(deadly.parent), prepend=os.pathsep)
        running = Running(*command_of(alone), cwd=home)
        assert running.wait()[0] == -signal.SIGKILL
    refused(alone, home)
    door.touch()
    ended(home)
    submitted(alone, home)
    ended(home)
    assert same(alone, home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_under_one_shard(alone, home):
    shard = home / "out" / "shards" / "train-1-1"
    shard.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(shard)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        submitted(alone, home)
        printed = ended(home)
        assert "failed: train-1-1: see " in printed, printed
        log = (home / "out" / "slurm" / "train-1-1.log").read_text()
        assert "disk" in log or "No space" in log, log
        assert "Traceback" not in log
    finally:
        subprocess.run(["umount", "--lazy", str(shard)], check=True)
    submitted(alone, home)
    ended(home)
    assert same(alone, home)


def test_the_program_is_the_one_a_user_types(alone, tmp_path):
    """Scripts alone, printed by a process of its own."""
    assert typed(*command_of(alone), "--dry-run", cwd=tmp_path).count("#!/bin/sh") == 5
