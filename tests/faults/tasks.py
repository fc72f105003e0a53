"""Trials and tasks that misbehave, importable by worker processes."""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from bench.run.worker import progress


class Trial(NamedTuple):
    """What the runner needs of a trial, and how it behaves: `deed` of the function below."""

    key: str
    number: int
    deed: str = "train"
    argument: str = ""


class Outcome(NamedTuple):
    """What `nncore.trial.Outcome` has."""

    status: str
    reason: str
    diverged_epoch: int | None
    improved: bool | None
    epochs: np.ndarray
    metrics: dict
    evaluations: np.ndarray
    constant: float | None = None
    arrivals: Mapping = MappingProxyType({})


class UnprintableError(Exception):
    """What a user's exception may be like."""

    def __str__(self):
        raise SystemExit("no words")


def trial(number, deed="train", argument=""):
    return Trial(f"{number:064x}", number, deed, argument)


def outcome(number, records=5):
    generator = np.random.default_rng(number)
    epochs = np.arange(records) * 10
    metrics = {"train_loss": generator.random(records), "train_accuracy": generator.random(records)}
    if number % 7 == 3:
        return Outcome("diverged", "loss is not finite", 20, False, epochs, metrics, epochs)
    return Outcome("ok", "", None, True, epochs, metrics, epochs)


def once(path):
    """Whether this is the first call with `path`, over all processes."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def task(stack):
    """Train every trial of `stack`, each in its own way."""
    result = []
    for trial in stack:
        records = 5
        match trial.deed:
            case "raise":
                raise ValueError(f"trial {trial.number} is bad")
            case "unprintable":
                raise UnprintableError
            case "escape":
                raise ValueError("\x1b[31m\udc80")
            case "exit":
                os._exit(3)
            case "sysexit":
                raise SystemExit("leaving")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "kill once" if once(trial.argument):
                os.kill(os.getpid(), signal.SIGKILL)
            case "kill parent":
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()
            case "stop parent once" if once(trial.argument):
                os.kill(os.getppid(), signal.SIGSTOP)
                signal.pause()
            case "stop once" if once(trial.argument):
                os.kill(os.getpid(), signal.SIGSTOP)
            case "hang":
                signal.pause()
            case "steady":
                for _ in range(int(trial.argument)):
                    time.sleep(0.1)
                    progress()
            case "slow":
                time.sleep(float(trial.argument))
            case "large":
                records = int(trial.argument)
            case "unpicklable":
                result.append(lambda: None)
                continue
        result.append(outcome(trial.number, records))
    return result


def report(stack):
    """Outcomes whose reason says what the worker is like."""
    import threadpoolctl

    with np.errstate() as _:
        facts = {
            "pid": os.getpid(),
            "threads": [pool["num_threads"] for pool in threadpoolctl.threadpool_info()],
            "variables": [os.environ.get(f"{name}_NUM_THREADS") for name in ("OPENBLAS", "OMP")],
            "interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
            "warnings": sorted(set(np.geterr().values())),
            "modules": sorted({name.partition(".")[0] for name in sys.modules}),
            "argv": len(stack),
        }
    return [outcome(t.number)._replace(reason=json.dumps(facts)) for t in stack]


def plugged(stack):
    """Outcomes of the rule `breaks` that a plugin registers."""
    from nncore.rules import rules

    for trial in stack:
        rules["breaks"].function(np.zeros(1), np.zeros(1), trial.number)
    return task(stack)


def half_a_message(stack):
    """Like `task`, but trial 5's worker dies while it hands over its result."""

    def half(line, data):
        os.write(line.fileno(), bytes(data)[: len(data) // 2])
        os._exit(7)

    def half_a_file(path, data):
        path.open("wb", buffering=0).write(data[: len(data) // 2])
        os._exit(7)

    if any(trial.number == 5 for trial in stack):
        Connection._send = half
        Path.write_bytes = half_a_file
    return task([t._replace(deed="large", argument="50000") for t in stack])
