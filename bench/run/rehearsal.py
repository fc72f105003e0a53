"""Rehearsals of plugins' rules, in a process of their own: one that dies takes nothing with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import TextIO

from bench.run.worker import ENVIRONMENT, die_with
from nncore.registry import BUILT_IN, load_plugin
from nncore.rules import Rule, rules

# A rule that is at it for longer is not judged: its trials are watched as any others.
SECONDS = 10.0
PROGRAM = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path[:], *given = json.loads(sys.argv[1])
from bench.run.rehearsal import answer
answer(*given, answers)
"""


def faults(named: Iterable[str]) -> list[str]:
    """What is wrong with the plugins' rules among those `named`, a sentence each.

    A rule that raises, dies or hangs is not judged: its trials will be `crashed`, with the reason.
    """
    found = []
    entries = [rules[name] for name in dict.fromkeys(named)]
    for entry in entries:
        if entry.origin != BUILT_IN and (fault := _fault(entry)):
            found.append(fault)
    return found


def _fault(entry: Rule) -> str:
    given = json.dumps([sys.path, os.getpid(), entry.origin, entry.name])
    command = [sys.executable, "-P", "-c", PROGRAM, given]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
            timeout=SECONDS,
            check=True,
        )
        return str(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def answer(parent: int, plugin: str, name: str, answers: TextIO) -> None:
    """What the process says of one rule; whatever the plugin prints goes elsewhere."""
    from nncore.rehearsal import fault

    die_with(parent)
    load_plugin(plugin)
    json.dump(fault(rules[name]), answers)
    answers.flush()
    os._exit(0)  # whatever threads the plugin has started
