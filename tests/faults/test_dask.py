"""dask clusters whose parts are killed, stopped, or of another version: the same bytes."""

import contextlib
import os
import pickle
import shutil
import signal
import sys

import pytest

from bench.run import cluster as line
from bench.run import runner
from bench.run.station import Parcel, Station
from bench.run.worker import Setup
from nncore.imports import sources
from tests import ROOT
from tests.command import bench
from tests.faults import tasks
from tests.faults.clusters import Cluster, trainers
from tests.faults.commands import SLOW, Running, stored, tables
from tests.run.workers import expected, stacks_of

# A plugin that imports a module of its user's, and a table in a file.
HELPED = SLOW.replace("from nncore", "from pauses import SECONDS\nfrom nncore").replace(
    "0.02", "SECONDS"
)
SPEC = """
seeds = 48
plugins = ["slow.py"]
[[problem]]
name = "mine"
dataset = { name = "csv", path = "mine.csv", target = "y" }
layers = ["dense 64", "relu", "dense 2", "softmax"]
batch_size = "full"
epochs = 20
record_every = 10
[[optimizer]]
rule = "slow"
learning_rate = [0.1, 0.2]
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A spec with a plugin and a table, and `out`, its results on this machine."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "slow.py").write_text(HELPED)
    (folder / "pauses.py").write_text("SECONDS = 0.02\n")
    rows = [f"{n % 7},{n % 5},{'ab'[n % 3 == 0]}" for n in range(400)]
    (folder / "mine.csv").write_text("\n".join(["u,v,y", *rows]))
    (folder / "mine.toml").write_text(SPEC)
    bench("run", "mine.toml", "--out", "out", "--jobs", 2, cwd=folder)
    return folder


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.close()


def running(alone, tmp_path, cluster, **options):
    command = "run", alone / "mine.toml", "--out", "out", "--on", cluster.where, "--no-report"
    return Running(*command, cwd=tmp_path, **options)


def same(alone, tmp_path):
    """Whether the results are those of this machine, byte for byte."""
    bench("report", "out", cwd=tmp_path)
    assert stored(tmp_path / "out") == stored(alone / "out")
    return tables(tmp_path / "out") == tables(alone / "out")


@pytest.mark.faults
def test_a_worker_that_is_killed_costs_what_it_had(alone, tmp_path, cluster):
    run = running(alone, tmp_path, cluster)
    assert run.until(lambda: stored(tmp_path / "out"))
    (process,) = trainers(cluster.workers[0])
    os.kill(cluster.workers[0], signal.SIGKILL)
    assert run.wait()[0] == 0, run.printed()
    assert "crashed" not in run.printed()
    assert not os.path.exists(f"/proc/{process}")
    assert same(alone, tmp_path)


@pytest.mark.faults
def test_a_scheduler_that_is_killed_loses_nothing_and_is_told(alone, tmp_path, cluster):
    run = running(alone, tmp_path, cluster)
    assert run.until(lambda: stored(tmp_path / "out"))
    os.kill(cluster.scheduler, signal.SIGKILL)
    code, printed = run.wait()
    assert code == 74, printed
    assert run.gone()
    last = printed.splitlines()[-1]
    assert last.startswith("dask's scheduler at dask://127.0.0.1:"), printed
    assert last.endswith("is gone; finished trials are stored; run the same again to go on")
    assert "Traceback" not in printed
    before = stored(tmp_path / "out")
    assert 0 < len(before) < len(stored(alone / "out"))
    bench("run", alone / "mine.toml", "--out", "out", "--on", "dask", "-j", 2, cwd=tmp_path)
    assert before.items() <= stored(tmp_path / "out").items()
    assert same(alone, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_ends_leaves_the_cluster_to_the_next(alone, tmp_path, cluster, number):
    run = running(alone, tmp_path, cluster)
    assert run.until(lambda: stored(tmp_path / "out"))
    assert run.signal(number)
    code, printed = run.wait()
    if number != signal.SIGKILL:
        assert code == 128 + number, printed
        assert "run the same again to go on" in printed.splitlines()[-1]
        assert not [p for worker in cluster.workers for p in trainers(worker)]
    assert len(stored(tmp_path / "out")) < len(stored(alone / "out"))
    again = running(alone, tmp_path, cluster)
    assert again.wait()[0] == 0, again.printed()
    assert same(alone, tmp_path)


@pytest.mark.faults
def test_a_cluster_of_this_machine_mends_itself_and_leaves_nobody(alone, tmp_path):
    spec = alone / "mine.toml"
    run = Running(
        *("run", spec, "--out", "out", "--on", "dask", "--jobs", 1, "--no-report"), cwd=tmp_path
    )
    assert run.until(lambda: stored(tmp_path / "out"))
    (worker,) = [n for n in run.processes() if trainers(n)]
    os.kill(worker, signal.SIGKILL)
    assert run.wait()[0] == 0, run.printed()
    assert run.gone()
    assert list(run.room.iterdir()) == []
    assert same(alone, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("what", ["core", "harness", "numpy"])
def test_workers_of_another_version_are_refused(alone, tmp_path, monkeypatch, what):
    copy = tmp_path / "copy"
    for room in ("bench", "nncore"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    told = {
        "core": "nncore/streams.py changed",
        "harness": "its bench is of another version",
        "numpy": "NumPy: ",
    }[what]
    changed = {"core": "nncore/streams.py", "harness": "bench/run/station.py"}.get(what)
    if changed:
        with (copy / changed).open("a") as file:
            file.write("\nANOTHER = 1\n")
    else:
        (copy / "sitecustomize.py").write_text("import numpy\nnumpy.__version__ = '1.0'\n")
        monkeypatch.setenv("PYTHONPATH", str(copy))
    monkeypatch.setattr(sys, "path", [str(copy), *sys.path])
    made = Cluster()
    with contextlib.closing(made):
        monkeypatch.undo()
        run = running(alone, tmp_path, made)
        code, printed = run.wait()
    assert code == 2, printed
    lines = printed.splitlines()
    assert len(lines) == 2
    for line_ in lines:
        assert line_.startswith("dask's worker tcp://127.0.0.1:")
        assert told in line_
    assert not (tmp_path / "out").exists()


def test_plugins_and_tables_travel(tmp_path):
    """A station trains without the files that the run was started with."""
    home = tmp_path / "home"
    (home / "parts").mkdir(parents=True)
    (home / "parts" / "inner.py").write_text("VALUE = 7\n")
    (home / "breaks.py").write_text(
        "from parts.inner import VALUE\n"
        "from nncore.rules import rule\n"
        "@rule\n"
        "def breaks(w, g, t, *, learning_rate=0.1):\n"
        "    if t == 2:\n"
        "        raise ValueError(VALUE)\n"
    )
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "table.npy").write_bytes(b"numbers")
    path, pickled = str(home / "breaks.py"), pickle.dumps(tasks.plugged)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(home)])
        setup = Setup(os.getpid(), pickled, ((path, sources(path).digest),), str(folder))
        parcel = Parcel.of("token", setup)
    shutil.rmtree(home)
    shutil.rmtree(folder)
    station = Station(parcel)
    try:
        assert (station._scratch.folder / "table.npy").read_bytes() == b"numbers"
        for n in (1, 2):
            stack = pickle.dumps((tasks.trial(n),))
            records, _ = station.train(stack, 60.0).trained
            assert (records[0] == expected(n)) == (n == 1)
        assert records[0].reason == "ValueError: 7 (breaks.py:6)"
    finally:
        station.close()


def results(stacks, on, **options):
    found = {}

    def keep(result):
        found.update(zip((int(key, 16) for key in result.keys), result.records, strict=True))

    with runner.Runner(jobs=2, task=tasks.task, on=on) as workers:
        workers.run(stacks, on_result=keep, **options)
    return found


@pytest.mark.faults
def test_a_stack_that_kills_dasks_workers_becomes_crashed_trials(tmp_path, monkeypatch):
    """Whatever kills the worker itself, not only the process that trains below it."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    trials = [tasks.trial(n, "kill parent" if n == 2 else "train") for n in range(8)]
    found = results(stacks_of(trials, 2), "dask", limit_seconds=5.0)
    crashed = found.pop(2)
    assert crashed.status == "crashed"
    assert crashed.reason.startswith("worker died: dask lost more than ")
    assert found == {n: expected(n) for n in range(8) if n != 2}


@pytest.mark.faults
def test_what_a_stopped_worker_has_is_sent_elsewhere(tmp_path, monkeypatch, cluster):
    """Its heart is not heard, and it is not gone."""
    monkeypatch.setattr(line, "SILENT_SECONDS", 2.0)
    trials = [tasks.trial(n, "stop parent once", str(tmp_path / "once")) for n in range(8)]
    found = results(stacks_of(trials, 2), cluster.where)
    assert found == {n: expected(n) for n in range(8)}


# The program, that waits for a heart for less long.
IMPATIENT = """
from bench.cli import main
from bench.run import cluster
cluster.SILENT_SECONDS = 2.0
main()
"""


@pytest.mark.faults
def test_a_worker_that_is_stopped_costs_nothing_but_what_it_had(alone, tmp_path, cluster):
    """Nobody wakes it: without what is sent elsewhere the run would not end."""
    run = running(alone, tmp_path, cluster, python=("-c", IMPATIENT))
    assert run.until(lambda: stored(tmp_path / "out") and trainers(cluster.workers[0]))
    stopped = [cluster.workers[0], *trainers(cluster.workers[0])]
    for number in stopped:
        os.kill(number, signal.SIGSTOP)
    assert run.wait()[0] == 0, run.printed()
    assert "crashed" not in run.printed()
    assert same(alone, tmp_path)
