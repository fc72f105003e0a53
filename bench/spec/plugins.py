"""Loading a user's files of rules, schedules and datasets, and saying where one of them failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.spec.mistakes import Mistakes
from bench.spec.names import TIMED, is_column
from nncore.files import open_plain
from nncore.metrics import metrics
from nncore.modifiers import modifiers
from nncore.registry import load_plugin
from nncore.rules import rules


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
            known = f"{path.name}: {named} is a column of the tables; call {what} otherwise"
            mistakes.add(key, known)
    return loaded


def _doubled(origin: str) -> Iterator[tuple[str, str]]:
    """Names of a plugin's that tables have already, and what it calls so."""
    for rule in rules.values():
        for name in rule.hyperparameters if rule.origin == origin else ():
            if is_column(name) or name in modifiers:
                yield f'"{name}" of rule {rule.name}', "that hyperparameter"
    for metric in metrics.values():
        if metric.origin == origin and metric.name.endswith(TIMED.strip("_")):
            yield f'"{metric.name}"', "that metric"


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
