"""What a spec may name and a report writes, off the registries: for `bench list` and the README."""

from __future__ import annotations

import contextlib
import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures.pages import pages
from bench.report.tables import tables
from bench.spec.mistakes import Mistakes
from bench.spec.plugins import load_all
from nncore.datasets import datasets
from nncore.initializers import initializers
from nncore.layers import layers
from nncore.losses import losses
from nncore.metrics import metrics
from nncore.registry import (
    BUILT_IN,
    Entry,
    RefusedError,
    Registry,
    Shelf,
    UnknownNameError,
    unknown,
)
from nncore.rules import rules
from nncore.rules.bridges import is_package, names
from nncore.schedules import schedules
from nncore.text import drawing
from nncore.wrappers import wrappers

KINDS: dict[str, Registry[Any]] = {
    "rules": rules,
    "wrappers": wrappers,
    "schedules": schedules,
    "datasets": datasets,
    "layers": layers,
    "losses": losses,
    "metrics": metrics,
    "initializers": initializers,
    "figures": pages,
    "tables": tables,
}
HEADERS = ("name", "summary", "parameters", "source")


def rows(kind: str) -> list[tuple[str, str, str, str]]:
    """Name, summary, parameters with defaults, and source of everything of one kind."""
    return [_row(entry) for entry in entries(kind)]


def entries(kind: str) -> list[Entry]:
    """Everything of one kind, in the order of its registry."""
    return list(_filled(kind).values())


def _row(entry: Entry) -> tuple[str, str, str, str]:
    return entry.usage, _summary(entry), parameters(entry), _source(entry)


def _filled(kind: str) -> Registry[Any]:
    registry = KINDS[kind]
    if isinstance(registry, Shelf):
        registry.fill()
    return registry


def named(name: str) -> dict[str, Entry]:
    """What has a name, by its kind; several may.

    >>> list(named("adam")), list(named("linear"))
    (['rules'], ['schedules', 'layers'])
    """
    found = ((kind, _filled(kind)) for kind in KINDS)
    return {kind: registry[name] for kind, registry in found if name in registry}


def parameters(entry: Entry) -> str:
    """`name = default` for every parameter.

    >>> parameters(rules["sgd"])
    'learning_rate = 1.0, momentum = 0.0'
    """
    required = getattr(entry, "required", ())
    told = [
        name if name in required else f"{name} = {_default(value)}"
        for name, value in entry.parameters.items()
    ]
    options: Mapping[str, Any] = getattr(entry, "options", {})
    return ", ".join([*told, *(f"{name} = {_default(value)}" for name, value in options.items())])


def _default(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value) if isinstance(value, tuple) else value)


def _summary(entry: Entry) -> str:
    """The docstring's first line; a source that ends it has a column of its own."""
    line = entry.summary.rstrip(".")
    if entry.source and line.endswith(entry.source):
        return line.removesuffix(entry.source).rstrip(" ,.")
    return line


def _source(entry: Entry) -> str:
    return entry.source if entry.origin == BUILT_IN else entry.origin


def markdown(kind: str) -> str:
    """The table of one kind for the README."""
    lines = ["| " + " | ".join(HEADERS) + " |", "|---" * len(HEADERS) + "|"]
    for name, summary, its_parameters, source in rows(kind):
        code = f"`{its_parameters}`" if its_parameters else ""
        link = f"[source]({source})" if source.startswith("http") else source.replace(BUILT_IN, "")
        lines.append(f"| `{name}` | {summary.replace('|', '&#124;')} | {code} | {link} |")
    return "\n".join(lines)


def show(kind: str | None, name: str | None, plugins: Sequence[str | Path] = ()) -> int:
    """Print what there is; returns the exit code.

    Raises SpecError for plugins that cannot be loaded.
    """
    import sys

    from rich.console import Console
    from rich.table import Table

    mistakes = Mistakes("")
    load_all([(f"--plugin {path}", Path(path)) for path in plugins], mistakes)
    mistakes.check()
    console = Console(file=drawing(sys.stdout), soft_wrap=not sys.stdout.isatty())
    if kind is not None and kind not in KINDS:
        found = named(kind)
        if name is None and found:
            print("\n\n".join(f"{each}: {describe(entry)}" for each, entry in found.items()))
            return 0
        names_too = [*KINDS, *(each for registry in map(_filled, KINDS) for each in registry)]
        near = difflib.get_close_matches(kind, names_too, n=1) if name is None else []
        print(unknown("kind", kind, near or list(KINDS)), file=sys.stderr)
        return 2
    if kind is not None and name is not None:
        registry = _filled(kind)
        if name.strip():
            name = name.split()[0]  # "dense 64" is about dense layers
        try:
            if registry is rules and name not in rules and is_package(name):
                tables = {name: [_row(entry) for entry in _elsewhere(name)]}
            else:
                print(describe(registry[name]))
                return 0
        except UnknownNameError as error:
            print(error, file=sys.stderr)
            return 2
    else:
        tables = {chosen: rows(chosen) for chosen in ([kind] if kind else KINDS)}
    for title, lines in tables.items():
        table = Table(title=title, title_justify="left", title_style="bold")
        for header in HEADERS:
            table.add_column(header, overflow="fold", no_wrap=not sys.stdout.isatty())
        for line in lines:
            table.add_row(*map(_literal, line))
        if sys.stdout.isatty():
            console.print(table)
        else:
            _plain(title, lines, print)
    return 0


def _elsewhere(module: str) -> list[Entry]:
    """The optimizers of another package's module that can be rules."""
    found: list[Entry] = []
    for name in names(module):
        with contextlib.suppress(RefusedError):
            found.append(rules[f"{module}:{name}"])
    if not found:
        raise RefusedError(f"{module} has no optimizer that can be a rule")
    return found


def _literal(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _plain(
    title: str, lines: Sequence[tuple[str, str, str, str]], say: Callable[[str], None]
) -> None:
    """Aligned columns without lines, whole however wide: for pipes and files."""
    widths = [max(map(len, column)) for column in zip(HEADERS, *lines, strict=True)]
    say(title)
    for line in (HEADERS, *lines):
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        say(("  " + "  ".join(padded)).rstrip())
    say("")


def describe(entry: Entry) -> str:
    """Everything about one entry: its parameters and its docstring."""
    problem: Mapping[str, Any] = getattr(entry, "problem", {})
    parts = [f"{entry.usage}({parameters(entry)})", "", inspect.getdoc(entry.function) or ""]
    if problem:
        settings = ", ".join(f"{key} = {value!r}" for key, value in problem.items())
        parts += ["", f"A problem on it defaults to: {settings}"]
    if entry.origin != BUILT_IN:
        parts += ["", f"From {entry.origin}"]
    return "\n".join(parts)
