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
from nncore.wrappers import Wrapper, wrappers

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
# What tells a wrapper's name from a rule's.
WRAPPER = "wrapper "
# A rule's name, and of one of another package the hyperparameters and options of a configuration.
Part = tuple[str, dict[str, float], dict[str, Any]]


def faults(configurations: Iterable[Configuration]) -> list[str]:
    """What is wrong with the rules and wrappers of these that are others', a sentence each.

    A rule that dies or hangs is not judged, nor is a plugin's that raises: its trials will be
    `crashed`, with the reason. One of another package that raises is refused, with its reason; it
    is tried with each of its sets of options, otherwise as the first configuration has it.
    """
    own: dict[str, Rule | Wrapper] = {}
    parts: dict[str, Part] = {}
    for configuration in configurations:
        rule = rules[configuration.rule]
        if rule.package:
            parts.setdefault(*_part(rule, configuration))
        else:
            own[rule.name] = rule
        own |= {f"{WRAPPER}{name}": wrappers[name] for name in configuration.wrappers}
    found = []
    for name, piece in own.items():
        if piece.origin != BUILT_IN:
            found += _asked([(name, {}, {})], piece.origin, SECONDS) or []
    packaged = list(parts.values())
    answers = _asked(packaged, "", PACKAGE_SECONDS + EACH_SECONDS * len(packaged))
    if answers is None:  # one of them died: who?
        answers = [said for part in packaged for said in _asked([part], "", PACKAGE_SECONDS) or []]
    return [*filter(None, [*found, *answers])]


def _part(rule: Rule, configuration: Configuration) -> tuple[str, Part]:
    """What is tried of a configuration of another package's rule, by what makes it another one."""
    values = {key: configuration.hyperparameters[key] for key in rule.parameters}
    options = dict(configuration.modifiers.get("options", {}))
    return json.dumps([rule.name, options], sort_keys=True), (rule.name, values, options)


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
    from nncore.rehearsal import fault, wrapper_fault

    die_with(parent)
    if plugin:
        load_plugin(plugin)
    said = []
    for name, values, options in parts:
        if name.startswith(WRAPPER):
            said.append(wrapper_fault(wrappers[name.removeprefix(WRAPPER)]))
        else:
            rule = rules[name]
            parameters = {**rule.parameters, **values}
            said.append(fault(replace(rule, parameters=parameters, options=options)))
    json.dump(said, answers)
    answers.flush()
    os._exit(0)  # whatever threads the plugin has started
