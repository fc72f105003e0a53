"""What every executor does, however it does it: stacks in; outcomes or deaths out.

An executor in a file of `bench/run` is in this table because it is declared with a name.
"""

import hashlib
import importlib
import json
import os
import pickle
import pkgutil
import signal
import threading
import time
from collections import deque
from pathlib import Path

import pytest

from bench.run import executor as seam
from bench.run.executor import Assignment, Died, StartError, Trained, executors
from bench.run.scratch import Scratch
from bench.run.worker import Setup
from tests.faults import tasks
from tests.run.workers import children, expected, stacks_of, trials_with

for module in pkgutil.iter_modules([Path(seam.__file__).parent]):
    importlib.import_module(f"bench.run.{module.name}")

PATIENCE = 1.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A dask cluster that is there already: a scheduler, and two workers."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    from bench.run.machine import Machine

    machine = Machine(2, str(tmp_path_factory.mktemp("dask")))
    yield machine.address.replace("tcp://", "dask://")
    machine.close()


# Whole clusters take their time to start: theirs are with the faults.
KINDS = [pytest.param(name, marks=[pytest.mark.faults] * (name == "dask")) for name in executors]


@pytest.fixture(params=KINDS)
def made(request):
    """A function that makes the executor; afterwards nobody of it is left."""
    where = request.getfixturevalue("cluster") if request.param == "dask" else ""
    scratch, opened = Scratch(), []

    def make(jobs=2, task=tasks.task, plugins=(), patience=lambda _: PATIENCE):
        setup = Setup(os.getpid(), pickle.dumps(task), tuple(plugins), str(scratch.folder))
        opened.append(executors[request.param](setup, jobs, scratch, patience, where))
        return opened[-1]

    make.scratch = scratch
    yield make
    for executor in opened:
        executor.close()
        executor.close()
    scratch.close()
    assert children() == []
    assert not scratch.folder.exists()


def assigned(trials, size=1):
    return deque(Assignment(stack, float(len(stack))) for stack in stacks_of(trials, size))


def carried(executor, pending):
    """Everything that comes out for `pending`, by trial; and what is left."""
    given = list(pending)
    trained, died = {}, {}
    for event in executor.run(pending):
        if isinstance(event, Trained):
            keys = [int(trial.key, 16) for trial in event.assignment.stack]
            assert not trained.keys() & set(keys)
            trained |= dict(zip(keys, event.records, strict=True))
        elif event is not None:
            died |= {trial.number: event for trial in event.assignment.stack}
    left = {trial.number for assignment in pending for trial in assignment.stack}
    assert sorted([*trained, *died, *left]) == sorted(t.number for a in given for t in a.stack)
    return trained, died, left


@pytest.mark.parametrize(("jobs", "size"), [(2, 1), (2, 50), (3, 3)])
def test_every_stack_comes_back_once_with_its_outcome(made, jobs, size):
    executor, pids = made(jobs), set()
    pending = assigned(trials_with({}, 20), size)
    stacks = list(pending)
    found = {}
    for event in executor.run(pending):
        if event is not None:
            pids.add(event.timing.pid)
            keys = [trial.number for trial in event.assignment.stack]
            found |= dict(zip(keys, event.records, strict=True))
            assert event.timing.kernel_seconds <= event.timing.wall_seconds < 60
    assert found == {n: expected(n) for n in range(20)}
    assert [a.attempts for a in stacks] == [1] * len(stacks)
    assert os.getpid() not in pids
    assert len(pids) <= jobs
    assert set(children()) >= pids


def test_the_workers_stay_for_the_next_phase(made):
    executor, pids = made(), []
    for _ in range(3):
        trained = [e for e in executor.run(assigned(trials_with({}, 12))) if e is not None]
        assert len(trained) == 12
        pids.append({event.timing.pid for event in trained})
    assert len(set.union(*pids)) <= 2
    assert executor.run(deque()) is not None
    assert list(executor.run(deque())) in ([], [None])


def test_nothing_to_do_starts_nothing(made):
    made()
    assert children() == []


def test_a_worker_is_quiet_single_threaded_and_small(made):
    trained, _, _ = carried(made(task=tasks.report), assigned(trials_with({}, 1)))
    facts = json.loads(trained[0].reason)
    assert facts["pid"] != os.getpid()
    assert set(facts["threads"]) == {1}
    assert facts["variables"] == ["1", "1"]
    assert facts["interrupt"]
    assert facts["warnings"] == ["ignore"]
    assert not {"pandas", "matplotlib", "scipy", "click", "rich", "pydantic"} & {*facts["modules"]}


EXCEPTIONS = {
    "raise": "ValueError: trial 0 is bad (tasks.py:",
    "sysexit": "SystemExit: leaving (tasks.py:",
    "unpicklable": "AttributeError: 'function' object has no attribute",
    "unprintable": "UnprintableError: (its message cannot be printed) (tasks.py:",
    "escape": "ValueError: \\x1b[31m\\udc80 (tasks.py:",
}


@pytest.mark.parametrize("size", [1, 8])
def test_an_exception_is_an_outcome_and_spares_its_neighbours(made, size):
    deeds = {2 * n: deed for n, deed in enumerate(EXCEPTIONS)}
    trained, died, left = carried(made(), assigned(trials_with(deeds, 16), size))
    assert not died
    assert not left
    for number, deed in deeds.items():
        crashed = trained.pop(number)
        assert (crashed.status, crashed.curve) == ("crashed", b"")
        assert crashed.reason.startswith(EXCEPTIONS[deed])
        crashed.reason.encode()
    assert trained == {n: expected(n) for n in range(16) if n not in deeds}


@pytest.mark.parametrize(("deed", "size"), [("exit", 4), ("kill", 2), ("segfault", 1), ("hang", 1)])
def test_a_death_is_told_and_loses_nothing(made, deed, size):
    trained, died, left = carried(made(), assigned(trials_with({2: deed}), size))
    assert 2 in died
    assert all(died[n].assignment is died[2].assignment for n in range(2 // size * size, 2))
    assert died[2].assignment.attempts == 1
    assert not left
    assert trained == {n: expected(n) for n in range(8) if n not in died}


def test_a_worker_that_dies_inside_a_message_stops_nobody(made):
    executor = made(task=tasks.half_a_message)
    trained, died, left = carried(executor, assigned(trials_with({})))
    assert 5 in died
    assert not left
    assert trained == {n: expected(n, 50000) for n in range(8) if n not in died}


def test_large_stacks_and_large_results_pass(made):
    trials = trials_with(dict.fromkeys(range(6), "large"), 6, "100000")
    trials = [trial._replace(deed="large", key=trial.key + " " * 2_000_000) for trial in trials]
    trained = [e for e in made().run(assigned(trials)) if e is not None]
    assert sorted(len(e.records[0].curve) for e in trained) == [2_400_000] * 6


def test_many_deaths_leave_what_was_not_begun(made):
    """An executor may give up on a sweep that is not calm, not on a part of it."""
    deeds = dict.fromkeys(range(0, 24, 2), "kill")
    trained, died, left = carried(made(), assigned(trials_with(deeds, 24)))
    assert died
    assert trained == {n: expected(n) for n in trained}
    assert not (set(deeds) & trained.keys())
    assert left <= set(range(24))


def test_progress_is_a_sign_of_life_for_as_long_as_it_lasts(made):
    """Three times as long as a stack may be silent."""
    trials = trials_with({0: "steady", 1: "steady"}, 2, "30")
    trained, died, _ = carried(made(), assigned(trials))
    assert not died
    assert trained == {n: expected(n) for n in range(2)}


def test_a_pause_of_the_parent_is_not_held_against_workers(made):
    found, pauses = [], iter([3.0])
    for event in made().run(assigned(trials_with({}, 12))):
        if event is not None:
            assert isinstance(event, Trained)
            found.append(event.assignment.attempts)
            time.sleep(next(pauses, 0.0))
    assert found == [1] * 12


def test_stopped_it_hands_over_what_has_arrived_and_ends(made):
    executor = made(patience=lambda _: 60.0)
    pending = assigned(trials_with({0: "train"} | dict.fromkeys(range(1, 30), "hang"), 30))
    trained = []
    for event in executor.run(pending):
        assert not isinstance(event, Died)
        if event is not None:
            trained.append(event.assignment.stack[0].number)
            executor.stop()
    assert trained == [0]
    assert pending


def test_left_in_the_middle_it_is_closed_all_the_same(made):
    executor = made(patience=lambda _: 60.0)
    events = executor.run(assigned(trials_with({0: "train", 1: "hang", 2: "hang"}, 30)))
    assert isinstance(next(event for event in events if event is not None), Trained)
    executor.close()
    assert children() == []


def test_phases_may_come_from_threads_that_end(made):
    """Linux ends workers with the thread that forked them: a phase knows how to begin again."""
    found = []
    executor = made()
    for _ in range(2):
        thread = threading.Thread(
            target=lambda: found.append(carried(executor, assigned(trials_with({}, 6))))
        )
        thread.start()
        thread.join()
    assert found == [({n: expected(n) for n in range(6)}, {}, set())] * 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero (mine.py:1)"),
        ("import sys; sys.exit(4)", "SystemExit: 4"),
        ("import os; os._exit(4)", None),
    ],
)
def test_workers_that_cannot_work_are_an_error_that_loses_nothing(made, tmp_path, source, reason):
    path = tmp_path / "mine.py"
    path.write_text(source)
    executor = made(plugins=[(str(path), hashlib.sha256(source.encode()).hexdigest())])
    pending = assigned(trials_with({}, 4))
    with pytest.raises(StartError) as caught:
        list(executor.run(pending))
    if reason:
        assert str(caught.value).startswith(reason)


def test_signals_of_a_terminal_do_not_reach_workers(made):
    executor = made()
    steady = trials_with(dict.fromkeys(range(2), "steady"), 2, "5")
    seen = set()
    for event in executor.run(assigned(steady)):
        for pid in set(children()) - seen:
            os.kill(pid, signal.SIGINT)
            seen.add(pid)
        assert not isinstance(event, Died)
    assert seen
