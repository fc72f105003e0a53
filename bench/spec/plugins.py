"""Loading a user's files of rules, schedules and datasets, and saying where one of them failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.spec.mistakes import Mistakes
from bench.spec.names import MISSING, TIMED, is_column
from nncore.datasets import datasets
from nncore.files import open_plain
from nncore.metrics import metrics
from nncore.modifiers import modifiers
from nncore.registry import Registry, load_plugin
from nncore.rules import rules
from nncore.schedules import schedules


def load_all(paths: Sequence[tuple[str, Path]], mistakes: Mistakes) -> dict[Path, str]:
    """Load the plugins at `paths`, each with the key it is named at.

    Returns them absolute, with the SHA-256 of what was loaded.
    """
    loaded: dict[Path, str] = {}
    for key, path in paths:
        try:
            open_plain(path).close()
        except OSError as error:
            mistakes.incomplete = True
            mistakes.add(key, f"{path}: cannot be read: {error.strerror}")
            continue
        try:
            digest = load_plugin(path)
        except (Exception, SystemExit) as error:
            mistakes.incomplete = True
            mistakes.add(key, blame(error, str(path.resolve())))
            continue
        loaded[path.resolve()] = digest
        for named, what in _doubled(str(path.resolve())):
            mistakes.add(key, f"{path.name}: {named}; call {what} otherwise")
    return loaded


def _doubled(origin: str) -> Iterator[tuple[str, str]]:
    """Names of a plugin's that tables cannot have, or have already, and what it calls so."""
    registries: tuple[Registry[Any], ...] = (rules, schedules, datasets, metrics)
    for registry in registries:
        for entry in registry.values():
            if entry.origin == origin and entry.name in MISSING:
                yield f'"{entry.name}" is a missing value in tables', f"that {registry.kind}"
    for rule in rules.values():
        for name in rule.hyperparameters if rule.origin == origin else ():
            if is_column(name) or name in modifiers:
                what = f'"{name}" of rule {rule.name} is a column of the tables'
                yield what, "that hyperparameter"
    for metric in metrics.values():
        if metric.origin == origin and metric.name.endswith(TIMED.strip("_")):
            yield f'"{metric.name}" is a column of the tables', "that metric"


def blame(error: BaseException, path: str) -> str:
    """What went wrong in the file `path`, with the line of the user's code that did it."""
    name = Path(path).name
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename == path:
        line = (error.text or "").strip()
        return f"{name}, line {error.lineno}: {line}: {error.msg}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    if not frames:
        return f"{name}: {what}"
    return f"{name}, line {frames[-1].lineno}: {frames[-1].line}: {what}"
