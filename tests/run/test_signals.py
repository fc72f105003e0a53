"""Signals that arrive where Python would only print what their handler raises."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal
from bench.run import signals

class Garbage:
    def __del__(self):
        os.kill(os.getpid(), signal.{number})

with signals.as_exceptions():
    Garbage()
    print("went on")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_finalizer_ends_the_process_without_a_traceback(number):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(number=number.name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 128 + number
    assert done.stdout == ""
    assert done.stderr.startswith("interrupted: ")
    assert len(done.stderr.splitlines()) == 1
