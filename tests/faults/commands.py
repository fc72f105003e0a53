"""`python -m bench` as a user types it: processes that tests watch, signal and kill."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pandas as pd

from bench.store.store import FILE, Store
from tests import ROOT

SOON = 20.0

# A spec of one small problem: a second of training, a second of figures.
SMALL = """
seeds = 3
[[problem]]
dataset = "people"
epochs = 20
[[optimizer]]
rule = "sgd"
learning_rate = [0.1, 1.0]
"""

# A rule that takes its time, whatever the machine: 50 updates of a stack last a second. Rehearsals,
# on a network of 26 parameters, do not.
SLOW = """
import time
from nncore.rules import rule

@rule
def slow(w, g, t, *, learning_rate=0.1):
    "Slow."
    if w.size > 100:
        time.sleep(0.02)
    w -= learning_rate * g
"""
SLOW_SPEC = """
seeds = 48
plugins = ["slow.py"]
[[problem]]
dataset = "spiral"
epochs = 20
[[optimizer]]
rule = "slow"
learning_rate = [0.1, 0.2]
"""
SLOW_TRIALS = 96


def is_worker(number):
    """Whether process `number` trains: for joblib's pool, or for the quarantine."""
    command = Path(f"/proc/{number}/cmdline").read_bytes()
    return b"popen_loky" in command or b"bench.run.worker" in command


class Running:
    """`python -m bench ARGUMENTS`, a session of its own, its processes found by a mark."""

    def __init__(
        self, *arguments, cwd, python=("-m", "bench"), limit=None, paths=(ROOT,), under=()
    ):
        self.mark = uuid.uuid4().hex
        self.out = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.room = Path(tempfile.mkdtemp())
        variables = {
            **os.environ,
            "BENCH_TEST": self.mark,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "TMPDIR": str(self.room),
        }
        command = [sys.executable, *python, *map(str, arguments)]
        command = [*under, *command]
        if limit is not None:  # bytes a file may have: nobody else is to find half a .pyc
            variables["PYTHONDONTWRITEBYTECODE"] = "1"
            command = ["prlimit", f"--fsize={limit}", *command]
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            stdout=self.out,
            stderr=subprocess.STDOUT,
            text=True,
            env=variables,
            start_new_session=True,
        )

    def __del__(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.out.close()
        shutil.rmtree(self.room, ignore_errors=True)

    def processes(self):
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"BENCH_TEST={self.mark}".encode() in (path / "environ").read_bytes():
                    found.append(int(path.name))
        return found

    def workers(self):
        found = []
        for number in self.processes():
            with contextlib.suppress(OSError):
                if is_worker(number):
                    found.append(number)
        return found

    def printed(self):
        return os.pread(self.out.fileno(), 1 << 20, 0).decode()

    def until(self, condition, seconds=120.0, pause=0.005):
        """Wait until `condition()` holds or the process has ended; whether it holds.

        Conditions are about files and processes, which tell nobody of themselves: they are looked
        at after every `pause`.
        """
        end = time.monotonic() + seconds
        while not (held := condition()) and self.lasts(pause):
            assert time.monotonic() < end, self.printed()
        return bool(held)

    def lasts(self, seconds):
        """Let it go on for so many seconds or to its end; whether it still goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode is None

    def signal(self, number, *, group=False):
        """Send a signal; whether there was someone to get it."""
        if self.process.poll() is not None:
            return False
        (os.killpg if group else os.kill)(self.process.pid, number)
        return True

    def kill(self, *, group=False):
        return self.signal(signal.SIGKILL, group=group)

    def wait(self, seconds=300.0):
        """Exit code and what was printed."""
        code = self.process.wait(seconds)
        return code, self.printed()

    def ends(self):
        """Exit code, what was printed, and the seconds to the end that no other process took.

        While the processor works for others, its first process waits in a queue, which the system
        counts: a machine that is busy makes no promise late.
        """
        began, queued = time.monotonic(), self._queued()
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.monotonic() - began - (self._queued() - queued)
        return *self.wait(), seconds

    def _queued(self):
        """Seconds that its first process has waited for a processor."""
        _, waited, _ = Path(f"/proc/{self.process.pid}/schedstat").read_text().split()
        return int(waited) / 1e9

    def litter(self):
        """What it has left behind in the system: semaphores, temporary files."""
        semaphores = Path("/dev/shm").glob(f"sem.loky-{self.process.pid}-*")
        return [*semaphores, *self.room.iterdir()]

    def gone(self, seconds=SOON):
        """Whether no process of it is left after at most so many seconds."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            with contextlib.suppress(ProcessLookupError):
                ended = os.pidfd_open(left[0])
                select.select([ended], [], [], max(0.0, end - time.monotonic()))
                os.close(ended)
        return not left


def typed(*arguments, cwd, code=0, **options):
    """Run `python -m bench` to its end; what it printed. Fails on another code or a traceback."""
    running = Running(*arguments, cwd=cwd, **options)
    returned, printed = running.wait()
    assert returned == code, f"{returned}: {printed}"
    assert "Traceback" not in printed, printed
    assert running.gone()
    return printed


def tables(folder):
    """All CSV files of a results folder as text, without the wall-clock columns."""
    texts = {}
    for path in sorted(Path(folder).glob("*.csv")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        texts[path.name] = frame[[c for c in frame if not c.endswith("_seconds")]].to_csv()
    assert {"trials.csv", "curves.csv", "summary.csv"} <= set(texts)
    return texts


def stored(folder):
    """Every stored outcome by key, as `status` counts them; empty before the first."""
    if not (Path(folder) / FILE).exists():
        return {}
    with Store.read(folder) as store:
        assert store.damage == []
        return dict(store.outcomes(store.statuses()))


def grown(folder, name=FILE):
    """A condition: there is more in the store than when this was called."""
    path = Path(folder) / name

    def state():
        return (path.stat().st_size, path.stat().st_mtime_ns) if path.exists() else None

    before = state()
    return lambda: state() != before


def litter(folder):
    """Files in a results folder that no run of it should leave behind."""
    kept = {".lock", ".report.json"}
    return [p.name for p in Path(folder).iterdir() if p.name[0] == "." and p.name not in kept]
