"""Works in copies of a process: done once each, and here where a copy could not."""

import json
import signal
import subprocess
import sys

import pytest

# In a process of its own: what works return, and whether a copy did them.
PROGRAM = """
import json, os, signal, sys, threading, time
from bench.run.copies import copies

here = os.getpid()


def away():
    return os.getpid() != here


def dies():
    if away():
        os.kill(os.getpid(), signal.SIGKILL)
    return "here"


def fails():
    if away():
        raise ValueError("only there")
    return "here"


def cannot_be_sent():
    return (lambda: 0) if away() else "here"


def raises():
    raise ValueError(f"in {'a copy' if away() else 'this process'}")


def value(number):
    return lambda: [number, away()]


def long():
    os.write(1, b"at work\\n")  # at once, however output is buffered
    time.sleep(1000)


WORKS = {
    "long": [long, long],
    "all": [value(k) for k in range(20)],
    "dies": [dies, value(1)],
    "fails": [fails, value(1)],
    "sent": [cannot_be_sent, value(1)],
    "large": [lambda: "x" * 300_000, lambda: "y" * 300_000],
    "one": [value(0)],
    "none": [],
}
kind, jobs = sys.argv[1], int(sys.argv[2])
if kind == "raises":
    with copies([value(0), raises], jobs) as result:
        try:
            result(1)
        except ValueError as error:
            print(json.dumps(str(error)))
elif kind == "threads":
    thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    thread.start()
    with copies(WORKS["all"], jobs) as result:
        print(json.dumps([result(k) for k in range(20)]))
else:
    works = WORKS[kind]
    with copies(works, jobs) as result:
        print(json.dumps([result(k) for k in range(len(works))]))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux alone")


def told(kind, jobs=2):
    command = [sys.executable, "-c", PROGRAM, kind, str(jobs)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == ""
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("kind", "jobs", "away"),
    [
        pytest.param("all", 3, True, marks=linux),
        ("all", 1, False),
        ("threads", 3, False),
    ],
)
def test_every_work_is_done_once_and_in_copies_where_these_are_safe(kind, jobs, away):
    assert told(kind, jobs) == [[number, away] for number in range(20)]


@linux
@pytest.mark.parametrize("kind", ["dies", "fails", "sent"])
def test_what_a_copy_cannot_do_is_done_here(kind):
    first, (number, _) = told(kind)
    assert (first, number) == ("here", 1)


def test_results_may_be_larger_than_a_pipe():
    assert told("large") == ["x" * 300_000, "y" * 300_000]


def test_what_a_work_raises_is_raised_here():
    assert told("raises") == "in this process"


@pytest.mark.parametrize(("kind", "found"), [("one", [[0, False]]), ("none", [])])
def test_for_one_work_there_is_no_copy(kind, found):
    assert told(kind, 5) == found


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_copies_end_with_the_process_they_are_of(number):
    command = [sys.executable, "-c", PROGRAM, "long", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert [running.stdout.readline() for _ in range(2)] == [b"at work\n"] * 2
        finally:
            running.send_signal(number)
        # The pipe ends when the last process that holds it does.
        assert running.communicate(timeout=60) == (b"", None)
    assert running.returncode == -number
