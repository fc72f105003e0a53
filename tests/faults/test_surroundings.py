"""Where a run may find itself: few files, little memory, no streams, inside a pool's worker."""

import re
import shutil
import signal

import pytest

from tests.faults.commands import (
    SLOW,
    SLOW_SPEC,
    SLOW_TRIALS,
    SMALL,
    Running,
    grown,
    stored,
    tables,
    typed,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A spec, and a folder `out` of its results."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SMALL)
    typed("run", "small.toml", "--out", "out", cwd=folder)
    return folder


DAEMONIC = """
import multiprocessing, sys
import bench
def run(spec):
    return len(bench.run(spec, out="out", jobs=2).trials)
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.apply(run, (sys.argv[1],)), "trials")
"""


def test_in_a_worker_of_a_pool_it_trains_as_anywhere(small, tmp_path):
    """Such a process is daemonic: it may have no children of multiprocessing's, nor of joblib's."""
    (tmp_path / "script.py").write_text(DAEMONIC)
    printed = typed(small / "small.toml", cwd=tmp_path, python=("script.py",))
    assert "6 trials" in printed
    assert tables(tmp_path / "out") == tables(small / "out")


def test_a_script_needs_no_guard(small, tmp_path):
    (tmp_path / "script.py").write_text(
        "import bench\nbench.run('small.toml', out='out', jobs=1)\n"
    )
    shutil.copy(small / "small.toml", tmp_path)
    typed(cwd=tmp_path, python=("script.py",))
    assert tables(tmp_path / "out") == tables(small / "out")


SHORT = {
    "files": ["--nofile=8", "--nofile=12", "--nofile=16", "--nofile=24", "--nofile=40"],
    "memory": ["--as=150000000", "--as=170000000", "--as=2000000000"],
}


@pytest.mark.skipif(not shutil.which("prlimit"), reason="no prlimit here")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("what", SHORT)
def test_short_of_something_it_says_so_and_loses_nothing(small, tmp_path, what, jobs):
    shutil.copytree(small / "out", tmp_path / "out")
    before = stored(tmp_path / "out")
    run = ("run", small / "small.toml", "--out", "out", "--fresh", "--jobs", jobs)
    codes = []
    for limit in SHORT[what]:
        running = Running(*run, cwd=tmp_path, under=("prlimit", limit))
        code, printed = running.wait()
        codes.append(code)
        assert code in (0, 74), printed
        assert "Traceback" not in printed, printed
        if code:
            assert re.search("Too many open files|unable to open|memory", printed), printed
        assert running.gone()
        assert running.litter() == []
        assert stored(tmp_path / "out") == before
    assert codes == sorted(codes, reverse=True)
    assert {74} <= set(codes)
    typed(*run, cwd=tmp_path)
    assert tables(tmp_path / "out") == tables(small / "out")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("streams", "code"),
    [
        (">&-", 0),
        ("2>&-", 0),
        (">&- 2>&- <&-", 0),
        ("2>/dev/full", 0),
        (">/dev/full", 74),
    ],
)
def test_a_closed_stream_costs_words_not_results(small, tmp_path, streams, code, jobs):
    run = ("run", small / "small.toml", "--out", "out", "--jobs", jobs)
    typed(*run, cwd=tmp_path, code=code, under=("sh", "-c", f'exec "$@" {streams}', "sh"))
    assert tables(tmp_path / "out") == tables(small / "out")


# Results that are to be replaced

BROKEN = """
import os, sys
from pathlib import Path
if Path(__file__).with_name("broken").exists() and "bench.cli" not in sys.modules:
    os._exit(4)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_fresh_removes_nothing_before_its_replacement_is_there(tmp_path, jobs):
    (tmp_path / "slow.py").write_text(BROKEN + SLOW)
    (tmp_path / "slow.toml").write_text(SLOW_SPEC)
    run = ("run", "slow.toml", "--out", "out", "--jobs", jobs)
    typed(*run, cwd=tmp_path)
    before, told = stored(tmp_path / "out"), tables(tmp_path / "out")
    (tmp_path / "broken").write_text("")
    printed = typed(*run, "--fresh", cwd=tmp_path, code=74)
    assert printed.splitlines()[-1] == "workers cannot start: worker died: exit code 4"
    assert stored(tmp_path / "out") == before
    (tmp_path / "broken").unlink()
    # Cut short it goes on, and what was there is there until it is through.
    running = Running(*run, "--fresh", cwd=tmp_path)
    assert running.until(grown(tmp_path / "out", "trials.fresh.sqlite"))
    assert running.until(grown(tmp_path / "out", "trials.fresh.sqlite"))
    running.signal(signal.SIGINT)
    assert running.wait()[0] == 130
    assert stored(tmp_path / "out") == before
    assert "trials.fresh.sqlite" in typed("status", "out", cwd=tmp_path)
    printed = typed(*run, "--fresh", cwd=tmp_path)
    some = int(re.search(r"([\d,]+) trials in", printed)[1])
    assert some < SLOW_TRIALS
    assert stored(tmp_path / "out") == before
    assert tables(tmp_path / "out") == told
    assert not (tmp_path / "out" / "trials.fresh.sqlite").exists()


# What is left in the system


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_a_kill_of_the_group_leaves_nothing_in_the_system(tmp_path, number, jobs):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "slow.toml").write_text(SLOW_SPEC)
    running = Running("run", "slow.toml", "--out", "out", "--jobs", jobs, cwd=tmp_path)
    assert running.until(lambda: stored(tmp_path / "out"))
    assert running.litter()
    running.signal(number, group=True)
    assert running.wait()[0] == -number
    assert running.gone()
    assert running.litter() == []


# Trials that take their time

PATIENT = """
import time
from nncore.rules import rule

@rule
def patient(w, g, t, *, learning_rate=0.1):
    "An update takes a third of what a worker may be silent; all of them ten times as long."
    time.sleep(0.5)
    w -= learning_rate * g
"""
PATIENT_SPEC = """
seeds = 2
plugins = ["patient.py"]
[[problem]]
dataset = "spiral"
epochs = 30
[[optimizer]]
rule = "patient"
learning_rate = 0.1
"""
IMPATIENT = """
from bench import cli
from bench.run import runner
runner.MINIMUM_LIMIT, runner.PATIENCE = 1.5, 0
cli.main()
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_trial_that_makes_progress_is_never_ended(tmp_path, jobs):
    (tmp_path / "patient.py").write_text(PATIENT)
    (tmp_path / "patient.toml").write_text(PATIENT_SPEC)
    run = ("run", "patient.toml", "--jobs", jobs)
    typed(*run, cwd=tmp_path, python=("-c", IMPATIENT))
    found = stored(tmp_path / "results/patient")
    assert {record.status for record in found.values()} == {"ok"}


UNPRINTABLE = """
import os
from nncore.rules import rule

class Mute(Exception):
    def __str__(self):
        raise self

@rule
def mute(w, g, t, *, learning_rate=0.1, deed=0.0):
    "Raises what cannot be printed, or what no terminal should see."
    if (deed == 1).any():
        raise Mute
    if (deed == 2).any():
        raise ValueError("\\x1b[31mred\\x1b[0m \\udc80")
    w -= learning_rate * g
"""


def test_an_exception_that_cannot_be_printed_spares_its_neighbours(tmp_path):
    (tmp_path / "mute.py").write_text(UNPRINTABLE)
    spec = PATIENT_SPEC.replace("patient", "mute").replace("30", "5")
    (tmp_path / "mute.toml").write_text(spec + "deed = [0.0, 1.0, 2.0]\n")
    printed = typed("run", "mute.toml", cwd=tmp_path, code=1)
    assert "4 trials crashed" in printed
    assert "Mute: (its message cannot be printed) (mute.py:13)" in printed
    assert r"ValueError: \x1b[31mred\x1b[0m \udc80 (mute.py:15)" in printed
    assert "\x1b" not in printed + typed("status", "results/mute", cwd=tmp_path, code=1)
    statuses = [record.status for record in stored(tmp_path / "results/mute").values()]
    assert sorted(statuses) == ["crashed"] * 4 + ["ok"] * 2


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.nowhere", "nonsense", "TkAgg"])
def test_a_backend_of_the_user_s_is_no_matter(small, tmp_path, monkeypatch, backend):
    """A notebook's kernel names its own to all its children."""
    shutil.copytree(small / "out", tmp_path / "out")
    shutil.rmtree(tmp_path / "out/figures")
    monkeypatch.setenv("MPLBACKEND", backend)
    typed("report", "out", cwd=tmp_path)
    for figure in (small / "out/figures").iterdir():
        assert (tmp_path / "out/figures" / figure.name).read_bytes() == figure.read_bytes()
