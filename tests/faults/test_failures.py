"""Workers that die, disks that fill, bytes that flip, two runs at once, other code: at the CLI."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pandas as pd
import pytest

from bench.store.store import FILE
from tests import ROOT
from tests.command import bench
from tests.faults.commands import (
    SLOW,
    SLOW_SPEC,
    SLOW_TRIALS,
    SMALL,
    Running,
    litter,
    stored,
    tables,
    typed,
)

# Workers that die

BAD = """
import os, signal
from pathlib import Path
from nncore.rules import rule

@rule
def bad(w, g, t, *, learning_rate=0.1, deed=0.0):
    "Gradient descent that misbehaves at its third update, until it is cured."
    w -= learning_rate * g
    if t < 3 or Path(__file__).with_name("cured").exists():
        return
    if (deed == 1).any():
        raise ValueError("a bad rule")
    if (deed == 2).any():
        os._exit(7)
    if (deed == 3).any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (deed == 4).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    if (deed == 5).any():
        signal.pause()
"""
BAD_SPEC = """
seeds = 2
plugins = ["bad.py"]
[[problem]]
dataset = "blobs"
epochs = 6
[[optimizer]]
rule = "bad"
learning_rate = 0.5
deed = {}
"""
REASONS = {
    1: r"ValueError: a bad rule \(bad.py:13\)",
    2: r"worker died: exit code 7",
    3: r"worker died: signal 9 \(SIGKILL\)",
    4: r"worker died: signal 11 \(SIGSEGV\) \(bad.py:19\)",
    5: r"no result after 1 s",
}
# A hang ends after a minute at the earliest, and twice so before a trial is given up.
IMPATIENT = """
from bench import cli
from bench.run import runner
runner.MINIMUM_LIMIT, runner.PATIENCE = 1, 0
cli.main()
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_worker_that_dies_costs_nobody_else_anything(tmp_path, jobs):
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "bad.toml").write_text(BAD_SPEC.format([0, 6, 1, 2, 3, 4, 5]))
    run = ("run", "bad.toml", "--jobs", jobs)
    printed = typed(*run, cwd=tmp_path, code=1, python=("-c", IMPATIENT))
    assert "10 trials crashed" in printed
    trials = pd.read_csv(tmp_path / "results/bad/trials.csv", keep_default_na=False)
    assert len(trials) == 14
    status = bench("status", "results/bad", cwd=tmp_path, code=1)
    for deed, rows in trials.groupby("deed"):
        if deed in REASONS:
            assert set(rows.status) == {"crashed"}
            assert all(re.match(REASONS[deed], reason) for reason in rows.reason), list(rows.reason)
            named = [line for line in status.splitlines() if f"deed {deed:g}, " in line]
            assert len(named) == 2
            assert all(re.search(REASONS[deed], line) for line in named)
        else:
            assert set(rows.status) == {"ok"}
    summary = pd.read_csv(tmp_path / "results/bad/summary.csv")
    assert summary.crashed.tolist() == [0, 0, 2, 2, 2, 2, 2]
    bench("report", "results/bad", cwd=tmp_path, code=1)
    # Its neighbours are as they would be without it, and crashed trials stay until asked for.
    (tmp_path / "good.toml").write_text(BAD_SPEC.format([0, 6]))
    bench("run", "good.toml", cwd=tmp_path)
    good = stored(tmp_path / "results/good")
    assert len(good) == 4
    assert good.items() <= stored(tmp_path / "results/bad").items()
    before = tables(tmp_path / "results/bad")
    bench(*run, cwd=tmp_path, code=1)
    assert tables(tmp_path / "results/bad") == before
    (tmp_path / "cured").write_text("")
    bench(*run, cwd=tmp_path, code=1)
    bench(*run, "--retry-crashed", cwd=tmp_path)
    trials = pd.read_csv(tmp_path / "results/bad/trials.csv")
    assert set(trials.status) == {"ok"}
    bench("status", "results/bad", cwd=tmp_path)


# Disks that fill


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A spec, a folder `out` of its results, and `slow.toml`, whose run takes some seconds."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SMALL)
    (folder / "slow.py").write_text(SLOW)
    (folder / "slow.toml").write_text(SLOW_SPEC)
    typed("run", "small.toml", "--out", "out", cwd=folder)
    bench("run", "slow.toml", "--out", "slow", cwd=folder)
    return folder


@pytest.mark.skipif(not shutil.which("prlimit"), reason="no prlimit here")
def test_a_full_disk_while_it_trains(small, tmp_path):
    whole = stored(small / "slow")
    limit = (small / "slow" / FILE).stat().st_size * 6 // 10
    run = ("run", small / "slow.toml", "--out", "out")
    printed = typed(*run, cwd=tmp_path, code=74, limit=limit)
    assert FILE in printed
    assert "what was stored before is intact" in printed.splitlines()[-1]
    found = stored(tmp_path / "out")
    assert 0 < len(found) < len(whole)
    assert found.items() <= whole.items()
    bench(*run, cwd=tmp_path)
    assert tables(tmp_path / "out") == tables(small / "slow")
    assert litter(tmp_path / "out") == []


@pytest.mark.skipif(not shutil.which("prlimit"), reason="no prlimit here")
@pytest.mark.parametrize("name", ["curves.csv", "figures"])
def test_a_full_disk_while_it_reports(small, tmp_path, name):
    run = ("run", small / "slow.toml", "--out", "out")
    shutil.copytree(small / "slow", tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "figures")
    for path in (tmp_path / "out").glob("*.csv"):
        path.unlink()
    size = (small / "slow" / "curves.csv").stat().st_size
    limit = {"curves.csv": size - 1, "figures": 30_000}[name]
    if name == "figures":
        run = ("run", small / "small.toml", "--out", "out")
        shutil.rmtree(tmp_path / "out")
        shutil.copytree(small / "out", tmp_path / "out")
        (tmp_path / "out" / ".report.json").unlink()
    before = stored(tmp_path / "out")
    printed = typed(*run, cwd=tmp_path, code=74, limit=limit)
    last = printed.splitlines()[-1]
    assert "the report cannot be written: File too large" in last
    assert name in last or name == "figures"
    assert "all finished trials are stored" in last
    assert stored(tmp_path / "out") == before
    assert litter(tmp_path / "out") == []
    typed("report", "out", cwd=tmp_path, code=74, limit=limit)
    bench(*run, cwd=tmp_path)
    assert tables(tmp_path / "out") == tables(small / ("out" if name == "figures" else "slow"))


DISK = """
set -u
mount -t tmpfs -o size=400k none disk || exit 99
run() { "$@"; echo "code=$?"; }
run "$PY" -m bench run "$SPEC" --out disk/out
run "$PY" -m bench status disk/out
mount -o remount,size=64m disk || exit 99
run "$PY" -m bench run "$SPEC" --out disk/out
cp -r disk/out copied
"""


def test_a_small_disk(small, tmp_path):
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", DISK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PY": sys.executable,
            "SPEC": str(small / "slow.toml"),
        },
    )
    if "code=" not in done.stdout:
        pytest.skip(f"no small disk to be had here: {done.stderr.strip()}")
    assert re.findall(r"code=(\d+)", done.stdout) == ["74", "0", "0"], done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert re.search("disk is full|No space left", done.stderr)
    assert tables(tmp_path / "copied") == tables(small / "slow")


def test_a_folder_that_cannot_be_written(small, tmp_path):
    (tmp_path / "file").write_text("")
    for out in ("file", "file/inside", "/proc/nowhere"):
        printed = bench("run", small / "small.toml", "--out", out, cwd=tmp_path, code=2)
        assert "cannot be written" in printed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


# Bytes that flip


def flip_in_curve(path):
    """Flip a byte in the middle of the first stored curve."""
    curve = next(record.curve for record in stored(path.parent).values())
    data = bytearray(path.read_bytes())
    data[data.index(curve) + len(curve) // 2] ^= 1
    path.write_bytes(data)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


DAMAGES = {
    "a flipped byte": (flip_in_curve, "does not match its SHA-256"),
    "half a file": (truncate, "malformed"),
    "no database": (lambda path: path.write_bytes(b"not a database, " * 999), "not a database"),
    "nothing": (lambda path: path.write_bytes(b""), "cut off"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_repaired_on_request(small, tmp_path, damage):
    inflict, words = DAMAGES[damage]
    folder = tmp_path / "out"
    shutil.copytree(small / "out", folder)
    inflict(folder / FILE)
    damaged = (folder / FILE).read_bytes()
    before = tables(folder)
    run = ("run", small / "small.toml", "--out", "out")
    for options in ([], ["--dry-run"], ["--retry-crashed"]):
        printed = bench(*run, *options, cwd=tmp_path, code=74)
        assert words in printed
        assert "--repair" in printed
    readable = damage == "a flipped byte"
    printed = bench("status", "out", cwd=tmp_path, code=1 if readable else 74)
    assert words in printed
    assert tables(folder) == before
    assert (folder / FILE).read_bytes() == damaged
    if readable:
        assert "5 of 6 trials done" in printed
        printed = bench("report", "out", cwd=tmp_path, code=1)
        assert words in printed
        assert "--repair" in printed
        assert len(pd.read_csv(folder / "trials.csv")) == 5
        assert pd.read_csv(folder / "summary.csv").seeds.tolist() == [2, 3]
    else:
        assert words in bench("report", "out", cwd=tmp_path, code=74)
        assert tables(folder) == before
    printed = bench(*run, "--repair", cwd=tmp_path)
    assert ("1 trials in" if readable else "6 trials in") in printed
    assert (folder / "trials.damaged-1.sqlite").read_bytes() == damaged
    assert tables(folder) == tables(small / "out")
    bench("status", "out", cwd=tmp_path)


def test_repair_makes_nothing_where_nothing_is(small, tmp_path):
    bad = ("run", small / "small.toml", "--repair", "--out", "new", "--set", "epochz=3")
    bench(*bad, cwd=tmp_path, code=2)
    assert list(tmp_path.iterdir()) == []


# Two at once


def test_two_processes_on_one_folder(small, tmp_path):
    run = ("run", small / "slow.toml", "--out", "out")
    first = Running(*run, cwd=tmp_path)
    assert first.until(lambda: stored(tmp_path / "out"))
    assert first.signal(signal.SIGSTOP)
    try:
        there = len(stored(tmp_path / "out"))
        assert 0 < there < SLOW_TRIALS
        printed = bench(*run, cwd=tmp_path, code=2)
        assert f"process {first.process.pid} on " in printed
        assert bench(*run, "--fresh", cwd=tmp_path, code=2) == printed
        assert f"{there} of {SLOW_TRIALS} trials done" in bench("status", "out", cwd=tmp_path)
        printed = bench("report", "out", cwd=tmp_path)
        assert f"{SLOW_TRIALS - there} trials have no result yet" in printed
        assert len(pd.read_csv(tmp_path / "out/trials.csv")) == there
    finally:
        first.signal(signal.SIGCONT)
    code, printed = first.wait()
    assert code == 0, printed
    assert tables(tmp_path / "out") == tables(small / "slow")


# Other code, other spec


def test_another_plugin_is_refused(tmp_path, small):
    (tmp_path / "slow.py").write_text(SLOW.replace("0.02", "0.0"))
    shutil.copy(small / "slow.toml", tmp_path / "slow.toml")
    run = ("run", "slow.toml", "--set", "seeds=2")
    bench(*run, cwd=tmp_path)
    before = tables(tmp_path / "results/slow")
    (tmp_path / "slow.py").write_text("# A word.\n" + SLOW.replace("0.02", "0.0"))
    bench(*run, "--dry-run", cwd=tmp_path)
    (tmp_path / "slow.py").write_text(SLOW.replace("0.02", "0.0").replace("-= ", "-= 2 * "))
    printed = bench(*run, cwd=tmp_path, code=2)
    assert "plugin slow.py changed" in printed
    assert "--fresh" in printed
    assert "--out" in printed
    assert tables(tmp_path / "results/slow") == before
    bench("report", "results/slow", cwd=tmp_path)
    assert tables(tmp_path / "results/slow") == before
    bench(*run, "--out", "other", cwd=tmp_path)
    bench(*run, "--fresh", cwd=tmp_path)
    assert tables(tmp_path / "results/slow") == tables(tmp_path / "other") != before


def test_another_core_is_refused(tmp_path, small):
    shutil.copytree(small / "out", tmp_path / "out")
    code = tmp_path / "code"
    for package in ("bench", "nncore"):
        shutil.copytree(
            ROOT / package, code / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    module = code / "nncore/losses.py"
    text = module.read_text()
    run = ("run", small / "small.toml", "--out", "out")
    module.write_text("# A word about losses.\n" + text)
    typed(*run, "--dry-run", cwd=tmp_path, paths=[code])
    module.write_text(text + "\nEXTRA = 1\n")
    printed = typed(*run, cwd=tmp_path, code=2, paths=[code])
    assert "nncore/losses.py changed" in printed
    assert "--fresh" in printed
    assert "--out" in printed
    assert tables(tmp_path / "out") == tables(small / "out")


def test_a_changed_spec_trains_the_difference_and_reports_its_own(tmp_path, small):
    shutil.copytree(small / "out", tmp_path / "out")
    run = ("run", small / "small.toml", "--out", "out")
    rates = "optimizer.sgd.learning_rate=[1.0, 2.0]"
    assert "3 trials in" in bench(*run, "--set", rates, cwd=tmp_path)
    assert sorted(set(pd.read_csv(tmp_path / "out/trials.csv").learning_rate)) == [1.0, 2.0]
    assert sorted(set(pd.read_csv(tmp_path / "out/summary.csv").learning_rate)) == [1.0, 2.0]
    assert len(stored(tmp_path / "out")) == 9
    bench(*run, cwd=tmp_path)
    assert tables(tmp_path / "out") == tables(small / "out")
    shutil.copy(small / "small.toml", tmp_path / "other.toml")
    printed = bench("run", "other.toml", "--out", "out", cwd=tmp_path, code=2)
    assert 'holds results of the experiment "small", not of "other"' in printed
    assert "--out" in printed
    assert "--fresh" in printed
