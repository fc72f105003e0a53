"""A run that is killed anywhere and run again ends with the bytes of one that was left alone."""

import contextlib
import os
import random
import shutil
import signal

import pytest

from tests.command import bench
from tests.faults.commands import (
    SLOW,
    SLOW_SPEC,
    SLOW_TRIALS,
    Running,
    grown,
    litter,
    stored,
    tables,
)

# Some thirty stacks of a third of a second each, and a report of one problem: more than is done
# between the kills, on a fast machine too.
SPEC = """
seeds = 40
[[problem]]
dataset = { name = "spiral", samples = 100 }
epochs = 100
record_every = 10
[[optimizer]]
rule = [
  "sgd", "adam", "rmsprop", "adagrad", "adamax",
  "nadam", "adamw", "nesterov", "adadelta", "amsgrad",
]
learning_rate = [0.01, 1.0, 1e6]
"""
ROUNDS = 20


def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path):
    (tmp_path / "sweep.toml").write_text(SPEC)
    command = ("run", "sweep.toml", "--jobs", 2)
    bench(*command, "--out", "alone", cwd=tmp_path)
    alone = stored(tmp_path / "alone")
    generator = random.Random(4)
    folder = tmp_path / "killed"
    kills = {"parent": 0, "worker": 0, "group": 0, "in the report": 0}
    seen = set()
    for number in range(ROUNDS):
        running = Running(*command, "--out", "killed", cwd=tmp_path)
        victim = ("group", "parent", "worker")[number % 3]
        if number % 6 == 5:
            running.lasts(generator.uniform(0, 1.5))
        elif number < ROUNDS - 4:
            running.until(grown(folder))
            running.lasts(generator.uniform(0, 0.1))
        else:
            running.until(lambda: "writing tables" in running.printed())  # noqa: B023
            running.lasts(generator.uniform(0, 1.0))
        if victim == "worker":
            for worker in running.workers()[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                    kills["worker"] += 1
            running.lasts(generator.uniform(0, 0.1))
        reported = set(stored(folder))
        if running.kill(group=victim == "group") and running.wait()[0] == -signal.SIGKILL:
            kills["group" if victim == "group" else "parent"] += 1
            kills["in the report"] += "writing tables" in running.printed()
        assert "Traceback" not in running.printed()
        assert running.gone(), "a worker outlived the run"
        found = stored(folder)
        assert seen | reported <= set(found), "what was reported as stored is not"
        assert found.items() <= alone.items()
        seen = set(found)
    assert sum(kills.values()) - kills["in the report"] >= 20, kills
    assert min(kills.values()) >= 2, kills
    print(kills)
    bench(*command, "--out", "killed", cwd=tmp_path)
    assert stored(folder) == alone
    assert tables(folder) == tables(tmp_path / "alone")
    assert (folder / "best.toml").read_bytes() == (tmp_path / "alone/best.toml").read_bytes()
    assert litter(folder) == []


def test_a_loop_that_kills_until_the_run_completes(tmp_path):
    """Each life lasts a random time, somewhat longer from one to the next."""
    (tmp_path / "sweep.toml").write_text(SPEC.replace("40", "10"))
    bench("run", "sweep.toml", "--out", "alone", cwd=tmp_path)
    generator = random.Random(5)
    for life in range(100):
        running = Running("run", "sweep.toml", "--out", "killed", cwd=tmp_path)
        running.lasts(generator.uniform(0.2, 1.0 + life))
        running.kill(group=True)
        code, printed = running.wait()
        assert "Traceback" not in printed
        assert running.gone()
        if code != -signal.SIGKILL:
            break
    assert code == 0, printed
    assert life
    assert tables(tmp_path / "killed") == tables(tmp_path / "alone")


ROUNDED = """
seeds = { until = "decided", least = 10, most = 40 }
[[problem]]
dataset = "blobs"
epochs = 20
[[optimizer]]
rule = ["adam", "rmsprop"]
learning_rate = 0.05
"""


def test_killed_between_rounds_it_ends_with_the_same_bytes(tmp_path):
    (tmp_path / "rounded.toml").write_text(ROUNDED)
    command = ("run", "rounded.toml", "--out")
    bench(*command, "alone", "--jobs", 1, cwd=tmp_path)
    for number in (2, 3):
        running = Running(*command, "killed", "--jobs", 2, cwd=tmp_path)
        assert running.until(lambda: f"round {number}: to" in running.printed())  # noqa: B023
        running.kill(group=True)
        assert running.wait()[0] == -signal.SIGKILL
        assert running.gone()
        assert len(stored(tmp_path / "killed")) < len(stored(tmp_path / "alone"))
    bench(*command, "killed", "--jobs", 2, cwd=tmp_path)
    assert stored(tmp_path / "killed") == stored(tmp_path / "alone")
    assert tables(tmp_path / "killed") == tables(tmp_path / "alone")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "slow.py").write_text(SLOW)
    (folder / "slow.toml").write_text(SLOW_SPEC)
    bench("run", "slow.toml", "--out", "out", "--jobs", 2, cwd=folder)
    return folder


MOMENTS = ["while it starts", "while it trains", "while it reports"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interruption_ends_it_within_two_seconds(tmp_path, undisturbed, number, code, moment):
    command = ("run", undisturbed / "slow.toml", "--out", "out", "--jobs", 2)
    folder = tmp_path / "out"
    conditions = {
        "while it starts": lambda: len(running.processes()) > 1,
        "while it trains": lambda: stored(folder),
        "while it reports": lambda: "drawing figures" in running.printed(),
    }
    seconds = []
    while len(seconds) < 3 and min(seconds, default=9.0) >= 2.0:  # disks may be busy, too
        shutil.rmtree(folder, ignore_errors=True)
        running = Running(*command, cwd=tmp_path)
        assert running.until(conditions[moment]), running.printed()
        reported = set(stored(folder))
        # A terminal sends Ctrl-C to everyone, a supervisor SIGTERM to one.
        assert running.signal(number, group=number == signal.SIGINT)
        returned, printed, lasted = running.ends()
        seconds.append(lasted)
        assert returned == code, printed
        assert running.gone()
        assert "Traceback" not in printed
        assert "Exception" not in printed
        assert "run the same again to go on" in printed.splitlines()[-1]
        assert reported <= set(stored(folder))
        assert len(stored(folder)) == SLOW_TRIALS or moment != "while it reports"
    assert min(seconds) < 2.0, seconds
    if moment != "while it starts":
        status = bench("status", "out", cwd=tmp_path)
        assert f"{len(stored(folder))} of {SLOW_TRIALS} trials done" in status
    bench(*command, cwd=tmp_path)
    assert tables(folder) == tables(undisturbed / "out")
    assert litter(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_at_any_moment_of_a_start_has_no_traceback(tmp_path, number):
    generator = random.Random(int(number))
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "slow.toml").write_text(SLOW_SPEC)
    for _ in range(4):
        running = Running("run", "slow.toml", "--out", "out", cwd=tmp_path)
        # Python itself knows nothing of a program's wishes before it runs.
        assert running.until(lambda: imported(running))  # noqa: B023
        running.lasts(generator.uniform(0, 0.8))
        assert running.signal(number, group=True)
        code, printed = running.wait()
        assert code == 128 + number, printed
        assert printed.splitlines()[-1].startswith("interrupted"), printed
        assert "Traceback" not in printed
        assert running.gone()


def imported(running):
    """Whether the process has reached the program: SIGINT and SIGTERM are handled."""
    with contextlib.suppress(OSError, StopIteration):
        with open(f"/proc/{running.process.pid}/status") as file:
            caught = int(next(line for line in file if line.startswith("SigCgt")).split()[1], 16)
        return caught >> (signal.SIGTERM - 1) & 1
    return 0
