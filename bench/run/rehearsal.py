"""Rehearsals of others' rules, in a process of their own: one that dies takes nothing with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TextIO

from bench.run.worker import ENVIRONMENT, die_with
from nncore.registry import BUILT_IN, load_plugin
from nncore.rules import Rule, rules
from nncore.trial import Configuration

# A rule that is at it for longer is not judged: its trials are watched as any others.
SECONDS = 10.0
# Of another package's, which has to be imported, and compiled maybe; and for each further one.
PACKAGE_SECONDS, EACH_SECONDS = 60.0, 20.0
PROGRAM = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path[:], *given = json.loads(sys.argv[1])
from bench.run.rehearsal import answer
answer(*given, answers)
"""
# A rule's name, and of one of another package the hyperparameters and options of a configuration.
Part = tuple[str, dict[str, float], dict[str, Any]]


def faults(configurations: Iterable[Configuration]) -> list[str]:
    """What is wrong with the rules of these that are plugins' or other packages', a sentence each.

    A rule that dies or hangs is not judged, nor is a plugin's that raises: its trials will be
    `crashed`, with the reason. One of another package that raises is refused, with its reason; it
    is tried as its first configuration has it.
    """
    first: dict[str, Configuration] = {}
    for configuration in configurations:
        first.setdefault(configuration.rule, configuration)
    entries = [rules[name] for name in first]
    packaged = [_part(rules[name], each) for name, each in first.items() if rules[name].package]
    found = []
    for entry in entries:
        if entry.origin != BUILT_IN and not entry.package:
            found += _asked([(entry.name, {}, {})], entry.origin, SECONDS) or []
    answers = _asked(packaged, "", PACKAGE_SECONDS + EACH_SECONDS * len(packaged))
    if answers is None:  # one of them died: who?
        answers = [said for part in packaged for said in _asked([part], "", PACKAGE_SECONDS) or []]
    return [*filter(None, [*found, *answers])]


def _part(rule: Rule, configuration: Configuration) -> Part:
    values = {key: configuration.hyperparameters[key] for key in rule.parameters}
    return rule.name, values, dict(configuration.modifiers.get("options", {}))


def _asked(parts: Sequence[Part], plugin: str, seconds: float) -> list[str] | None:
    """What a process says of some rules; None if it says nothing."""
    if not parts:
        return []
    given = json.dumps([sys.path, os.getpid(), plugin, parts])
    command = [sys.executable, "-P", "-c", PROGRAM, given]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT},
            timeout=seconds,
            check=True,
        )
        return [str(said) for said in json.loads(done.stdout)]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def answer(parent: int, plugin: str, parts: Sequence[Part], answers: TextIO) -> None:
    """What the process says of rules, all of one plugin or of none; their prints go elsewhere."""
    from nncore.rehearsal import fault

    die_with(parent)
    if plugin:
        load_plugin(plugin)
    json.dump([fault(_rule(*part)) for part in parts], answers)
    answers.flush()
    os._exit(0)  # whatever threads the plugin has started


def _rule(name: str, values: dict[str, float], options: dict[str, Any]) -> Rule:
    rule = rules[name]
    return replace(rule, parameters={**rule.parameters, **values}, options=options)
