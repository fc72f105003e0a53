"""Workers that raise, die, hang and are killed: every trial gets one outcome, and no process stays.

What every executor does is in `test_executors.py`; here is what becomes of deaths, and whole runs.
The tasks are in `tests/faults/tasks.py`, where worker processes can import them.
"""

import contextlib
import os
import random
import signal
import subprocess
import threading

import pytest

from bench.run import runner
from bench.store.store import Store, StoreError, verify
from tests import ROOT
from tests.faults import tasks
from tests.faults.commands import Running, stored
from tests.run.workers import children, expected, stacks_of

pytestmark = pytest.mark.faults


def outcomes(stacks, **options):
    """Records by trial number, and the results they came in."""
    results = []
    options = {"jobs": 2, "task": tasks.task} | options
    runner.run(stacks, on_result=results.append, **options)
    keys = [key for result in results for key in result.keys]
    assert sorted(keys) == sorted(trial.key for stack in stacks for trial in stack)
    records = [record for result in results for record in result.records]
    return {int(key, 16): record for key, record in zip(keys, records, strict=True)}, results


@pytest.mark.parametrize(("jobs", "size"), [(1, 1), (1, 50), (2, 3), (3, 1)])
def test_outcomes_depend_neither_on_workers_nor_on_grouping(jobs, size):
    stacks = stacks_of([tasks.trial(n) for n in range(20)], size)
    found, results = outcomes(stacks, jobs=jobs)
    assert found == {n: expected(n) for n in range(20)}
    assert all(result.pid not in (0, os.getpid()) for result in results)
    assert all(result.attempts == 1 for result in results)
    assert len({result.pid for result in results}) <= jobs
    assert children() == []


def test_nothing_to_do_starts_nothing():
    assert outcomes([]) == ({}, [])


def test_the_longest_stacks_start_first():
    stacks = [(tasks.trial(n),) for n in range(6)]
    _, results = outcomes(stacks, jobs=1, estimate=lambda stack: stack[0].number % 3)
    assert [int(result.keys[0], 16) for result in results] == [2, 5, 1, 4, 0, 3]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("deed", "size", "reason"),
    [
        # Once with the others, which the pool of two jobs cannot tell apart; then in a process of
        # its own: as four, as two, twice alone.
        ("exit", 4, "worker died: exit code 3"),
        ("kill", 2, "worker died: signal 9 (SIGKILL)"),
        ("segfault", 1, "worker died: signal 11 (SIGSEGV) (tasks.py:"),
        ("hang", 1, "no result after 1 s"),
    ],
)
def test_a_worker_that_dies_takes_nobody_with_it(deed, size, reason, jobs):
    trials = [tasks.trial(n, deed if n == 2 else "train") for n in range(8)]
    found, results = outcomes(stacks_of(trials, size), limit_seconds=1.0, jobs=jobs)
    crashed = found.pop(2)
    assert found == {n: expected(n) for n in range(8) if n != 2}
    assert crashed.status == "crashed"
    assert crashed.reason.startswith(reason)
    attempts = {int(key, 16): result.attempts for result in results for key in result.keys}
    assert attempts[2] == {4: 4, 2: 3, 1: 2}[size] + (jobs > 1)
    assert attempts[7] <= jobs
    assert children() == []


def test_one_job_is_a_process_too():
    found, _ = outcomes(stacks_of([tasks.trial(0), tasks.trial(1, "exit")], 1), jobs=1)
    assert found[0] == expected(0)
    assert found[1].reason == "worker died: exit code 3"


def test_a_trial_whose_worker_died_by_accident_is_trained_again(tmp_path):
    trials = [tasks.trial(n, "kill once", str(tmp_path / str(n))) for n in range(4)]
    found, results = outcomes(stacks_of(trials, 1))
    assert found == {n: expected(n) for n in range(4)}
    # Who is at work when a neighbour's death breaks the pool may not have come to its own yet.
    assert {result.attempts for result in results} <= {2, 3}


def test_killed_workers_change_nothing():
    stacks = stacks_of([tasks.trial(n, "slow", "0.01") for n in range(60)], 3)
    generator, killed, results = random.Random(1), [], []

    def keep(result):
        results.append(result)
        if len(results) % 4 == 0 and (there := children()):
            killed.append(generator.choice(there))
            with contextlib.suppress(ProcessLookupError):
                os.kill(killed[-1], signal.SIGKILL)

    runner.run(stacks, on_result=keep, jobs=2, task=tasks.task)
    assert len(killed) >= 3
    records = {k: r for result in results for k, r in zip(result.keys, result.records, strict=True)}
    assert records == {f"{n:064x}": expected(n) for n in range(60)}
    assert sum(len(result.keys) for result in results) == 60


# Plugins

PLUGIN = """
from nncore.rules import rule

@rule
def breaks(w, g, t, *, learning_rate=1.0):
    "A rule of one's own."
    if t == 3:
        raise ZeroDivisionError("no")
"""


def test_plugins_are_loaded_and_blamed(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    stacks = stacks_of([tasks.trial(n) for n in range(6)], 3)
    found, _ = outcomes(stacks, task=tasks.plugged, plugins=[path])
    assert found.pop(3).reason == "ZeroDivisionError: no (mine.py:8)"
    assert found == {n: expected(n) for n in range(6) if n != 3}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", r"ZeroDivisionError: division by zero \(mine.py:1\)"),
        ("import sys; sys.exit(4)", "SystemExit: 4"),
        ("import os; os._exit(4)", "exit code 4"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_ends_the_run(tmp_path, source, reason):
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(runner.RunnerError, match=reason):
        outcomes([(tasks.trial(0),)], plugins=[path])
    assert children() == []


def test_a_plugin_that_changes_during_the_run_ends_it(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    stacks = [(tasks.trial(n, "exit" if n else "train"),) for n in range(2)]

    def change(result):
        path.write_text("# changed")

    with pytest.raises(runner.RunnerError, match=r"mine.py changed while the run went on"):
        runner.run(stacks, on_result=change, jobs=1, task=tasks.task, plugins=[path])
    assert children() == []


def test_a_run_outside_the_main_thread():
    found = {}
    stacks = stacks_of([tasks.trial(n) for n in range(6)], 2)
    thread = threading.Thread(target=lambda: found.update(outcomes(stacks)[0]))
    thread.start()
    thread.join()
    assert found == {n: expected(n) for n in range(6)}


def test_no_process_to_be_had_is_an_error(monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(runner.RunnerError, match="Resource temporarily unavailable"):
        outcomes([(tasks.trial(0),)])


def test_an_error_of_the_store_ends_the_run_and_the_workers():
    def full(result):
        raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"):
        runner.run(
            [(tasks.trial(n, "slow", "5"),) for n in range(1, 9)] + [(tasks.trial(0),)],
            on_result=full,
            jobs=2,
            task=tasks.task,
            estimate=lambda stack: float(stack[0].number == 0),
        )
    assert children() == []


# Signals to a whole run, from outside


def sweep(folder, seconds="0.02"):
    """`tests/faults/sweep.py` as a process: 60 trials of so many seconds, two at a time."""
    return Running(folder, 2, 60, seconds, cwd=ROOT, python=("-m", "tests.faults.sweep"))


def acknowledged(running):
    """Keys of the trials that it has said to be stored."""
    return {line for line in running.printed().splitlines() if len(line) == 64}


def unexpected(running):
    """What it has said beside keys and, when it began, how many there were."""
    return [line for line in running.printed().splitlines()[1:] if len(line) != 64]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    running = sweep(folder)
    assert running.wait()[0] == 0, running.printed()
    assert len(acknowledged(running)) == 60
    assert unexpected(running) == []
    return stored(folder)


@pytest.mark.parametrize("group", [False, True], ids=["parent", "group"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_keeps_what_is_finished(tmp_path, undisturbed, number, code, group):
    running = sweep(tmp_path)
    assert running.until(lambda: len(acknowledged(running)) >= 9)
    assert running.signal(number, group=group)
    assert running.wait()[0] == code
    assert unexpected(running) == []
    assert running.gone()
    found = stored(tmp_path)
    assert acknowledged(running) == set(found)
    assert len(found) < 60
    assert found.items() <= undisturbed.items()
    again = sweep(tmp_path)
    assert again.wait()[0] == 0
    assert unexpected(again) == []
    assert stored(tmp_path) == undisturbed


LATE = """
import importlib, sys, threading, time
loky = "joblib.externals.loky.backend"
queues = importlib.import_module(f"{loky}.queues")
synchronize = importlib.import_module(f"{loky}.synchronize")
feed, unlink = queues.Queue._feed, synchronize.sem_unlink

def late(*arguments):
    feed(*arguments)
    time.sleep(0.001)

def slow(name):
    unlink(name)
    if threading.current_thread().name == "QueueFeederThread":
        time.sleep(0.3)

queues.Queue._feed, synchronize.sem_unlink = staticmethod(late), slow
from tests.faults.sweep import main
main(*sys.argv[1:])
"""


def test_a_thread_of_the_pool_that_ends_late_leaves_no_semaphore(tmp_path):
    """It may be the last to know one, and is not stopped between removing it and saying so."""
    running = Running(tmp_path, 2, 24, "0.002", cwd=ROOT, python=("-c", LATE))
    assert running.wait()[0] == 0
    assert unexpected(running) == []


def test_an_interruption_while_workers_start(tmp_path):
    running = sweep(tmp_path)
    assert running.until(lambda: len(running.processes()) > 1)
    assert running.signal(signal.SIGINT, group=True)
    assert running.wait()[0] == 130
    assert unexpected(running) == []
    assert running.gone()


def test_a_worker_never_sees_an_interrupt_not_even_while_it_starts(tmp_path):
    running, seen = sweep(tmp_path, seconds="0"), set()

    def interrupted():
        for number in set(running.workers()) - seen:
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGINT)
                seen.add(number)
        return len(seen) >= 2

    assert running.until(interrupted, pause=0.0)
    assert running.wait()[0] == 0
    assert unexpected(running) == []
    with Store.read(tmp_path) as store:
        assert {stack.pid for stack in store.stacks()} <= seen


@pytest.mark.parametrize("group", [False, True], ids=["parent", "group"])
def test_killed_anywhere_it_ends_with_the_same_outcomes(tmp_path, undisturbed, group):
    generator = random.Random(group)
    for lines in (1, 2, 3, 9, 18, 60):
        running = sweep(tmp_path)
        running.until(lambda: running.printed().count("\n") >= lines)  # noqa: B023
        running.lasts(generator.uniform(0, 0.05))
        running.kill(group=group)
        running.wait()
        assert running.gone()
        found = stored(tmp_path)
        assert acknowledged(running) <= set(found)
        assert found.items() <= undisturbed.items()
        assert verify(tmp_path) == []
    assert sweep(tmp_path).wait()[0] == 0
    assert stored(tmp_path) == undisturbed
