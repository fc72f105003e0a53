"""Named pieces that a spec may ask for; a function's signature is its specification."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, Generic, TypeVar

from nncore.imports import Sources, sources

BUILT_IN = "built-in"
# Where functions of a notebook's cell, of the script that runs or of a module that it imports are
# from: no worker has them.
SESSION = "this session"


@dataclass(frozen=True)
class Entry:
    """One registered function: what a spec may name, with its parameters and their defaults.

    `parameters` maps keyword-only arguments to their defaults. `origin` is `built-in` or the path
    of the plugin that registered it; `digest` is the SHA-256 of that plugin's sources, else empty.
    """

    name: str
    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    origin: str
    digest: str

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def usage(self) -> str:
        """How a spec writes it."""
        return self.name

    @property
    def source(self) -> str:
        """The first URL in the docstring, else the document it names, else an empty string."""
        found = re.search(
            r"https?://[^\s>)]+|[Dd]ocument \d{3}", inspect.getdoc(self.function) or ""
        )
        return found.group().rstrip(".,") if found else ""


E = TypeVar("E", bound=Entry)


class UnknownNameError(KeyError):
    """A name that no entry of a registry has; the message suggests the nearest one."""

    def __str__(self) -> str:
        return str(self.args[0])


class RefusedError(UnknownNameError):
    """A name that stands for something elsewhere which cannot be used; the message says why."""


class Registry(Mapping[str, E], Generic[E]):
    """Entries of one kind by name, in the order of registration.

    `elsewhere` finds those with a colon in their name, which it says are in other packages; it
    raises RefusedError. They are no part of what the registry lists.

    >>> from nncore.rules import rules
    >>> rules["rmspro"]
    Traceback (most recent call last):
    ...
    nncore.registry.UnknownNameError: there is no rule "rmspro": did you mean "rmsprop"?
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, E] = {}
        self.elsewhere: Callable[[str], E] | None = None

    def __getitem__(self, name: str) -> E:
        try:
            return self._entries[name]
        except KeyError:
            if self.elsewhere is not None and ":" in name:
                return self.elsewhere(name)
            raise UnknownNameError(unknown(self.kind, name, self._entries)) from None

    def __contains__(self, name: object) -> bool:
        """Whether it lists `name`; what is elsewhere is not looked for."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: E) -> None:
        """Register `entry`; an edited plugin's, or a cell's, replaces its former self.

        Raises ValueError when its name is taken by another origin: silently replacing `adam` by a
        plugin's would make two different results carry one name.
        """
        taken = self._entries.get(entry.name)
        if taken is not None and taken.origin != entry.origin:
            origins = {taken.origin, entry.origin}
            if SESSION not in origins or BUILT_IN in origins:
                raise ValueError(f'there is already a {self.kind} "{entry.name}" ({taken.origin})')
        self._entries[entry.name] = entry


class Shelf(Registry[E]):
    """Entries of the modules of one package, a module each and named like it; and of plugins.

    The modules are imported when entries are asked for with `of`, not before.
    """

    def __init__(self, kind: str, package: str, path: Iterable[str]) -> None:
        super().__init__(kind)
        self._package = package
        self._modules = [module.name for module in pkgutil.iter_modules(path)]

    def add(self, entry: E) -> None:
        """Register `entry`; a plugin's cannot take the name of a module not imported yet either."""
        if entry.origin != BUILT_IN and entry.name in self._modules:
            raise ValueError(f'there is already a {self.kind} "{entry.name}" ({BUILT_IN})')
        super().add(entry)

    def fill(self) -> None:
        """Import the modules that have not been."""
        for module in self._modules:
            importlib.import_module(f"{self._package}.{module}")

    def of(self, plugins: Collection[str]) -> list[E]:
        """The package's entries and those that the files `plugins` have registered."""
        self.fill()
        return [entry for entry in self.values() if entry.origin in {BUILT_IN, *plugins}]


@contextlib.contextmanager
def kept(*registries: Registry[Any]) -> Iterator[None]:
    """A while after which `registries` hold what they held before.

    What is registered in it, in place of another entry or beside it, is forgotten, and plugins
    loaded in it count as not loaded: registries are the whole process's, tries are not. So are
    entries of modules imported in it for the first time, which come no second time.

    >>> from dataclasses import replace
    >>> from nncore.rules import rules
    >>> with kept(rules):
    ...     rules.add(replace(rules["sgd"], name="mine"))
    >>> "mine" in rules
    False
    """
    before = [dict(registry._entries) for registry in registries]
    loaded = _plugin_modules()
    try:
        yield
    finally:
        for registry, entries in zip(registries, before, strict=True):
            registry._entries = entries
        for name in _plugin_modules() - loaded:
            del sys.modules[name]


def unknown(kind: str, name: str, known: Mapping[str, Any] | list[str]) -> str:
    """The message for a name that is not among `known`, with the nearest one or all of them."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    hint = f'did you mean "{near[0]}"?' if near else "known: " + ", ".join(known)
    return f'there is no {kind} "{name}": {hint}'


def describe(function: Callable[..., Any], reserved: Collection[str] = ()) -> dict[str, Any]:
    """The fields that every `Entry` shares, read off `function`.

    Raises TypeError when a keyword-only argument has no default, as a spec could not omit it, but
    for the `reserved` ones.
    """
    asked = needed(function, reserved)
    keywords = [p for p in _keywords(function) if p.name not in asked]
    for p in keywords:
        if p.default is p.empty:
            but = f"; only {', '.join(reserved)} have none" if reserved else ""
            raise TypeError(f"{function.__name__}: parameter {p.name} needs a default{but}")
    # A plugin may be the first to import our modules, whose entries are not its own.
    built_in = function.__module__.startswith(("nncore.", "bench."))
    origin, digest = (BUILT_IN, "") if built_in else _origin.get()
    return {
        "name": function.__name__,
        "function": function,
        "parameters": {p.name: p.default for p in keywords},
        "origin": origin,
        "digest": digest,
    }


def needed(function: Callable[..., Any], reserved: Collection[str]) -> tuple[str, ...]:
    """Which of the `reserved` names `function` asks for: keyword-only, without a default.

    >>> needed(lambda w, *, rate=0.1, rng: w, ["rng", "loss"])
    ('rng',)
    """
    keywords = (p for p in _keywords(function) if p.default is p.empty)
    return tuple(p.name for p in keywords if p.name in reserved)


def _keywords(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return [p for p in parameters if p.kind is p.KEYWORD_ONLY]


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the positional arguments of `function`, in order."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds)


_newest: dict[Path, str] = {}
_imported: dict[str, bytes] = {}
_origin: ContextVar[tuple[str, str]] = ContextVar("origin", default=(SESSION, ""))
_PLUGIN = "_plugin_"


def _plugin_modules() -> set[str]:
    return {name for name in sys.modules if name.startswith(_PLUGIN)}


def load_plugin(path: str | Path, *, again: bool = False) -> str:
    """Run the Python file at `path`, so that its decorators register.

    Returns the SHA-256 of its source and of the modules of the user's that it imports; those beside
    it are found. Loading the same content twice does nothing, unless the file has had another
    since. Raises whatever the file raises, and OSError when it cannot be read.
    """
    # As Python does for a program; last, so that no module of Python's is hidden.
    folder = os.path.dirname(os.path.realpath(path))
    if folder not in sys.path:
        sys.path.append(folder)
    found = sources(path)
    path, digest = Path(path).resolve(), found.digest
    module_name = f"{_PLUGIN}{digest[:16]}"
    if module_name in sys.modules and _newest.get(path, digest) == digest and not again:
        return digest
    forget_changed(found)
    # Its name may end in anything.
    loader = SourceFileLoader(module_name, str(path))
    spec = importlib.util.spec_from_file_location(module_name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    token = _origin.set((str(path), digest))
    try:
        exec(compile(found.contents[""], str(path), "exec"), module.__dict__)
    except BaseException:
        with contextlib.suppress(KeyError):
            del sys.modules[module_name]
        raise
    finally:
        _origin.reset(token)
    _newest[path] = digest
    # Where it has told Python of further folders, there is more of it to be found.
    return digest if sources(path).digest == digest else load_plugin(path)


def forget_changed(found: Sources) -> bool:
    """Let modules that have changed since they were imported be imported anew; whether any have."""
    now = {name: data for name, data in found.contents.items() if name}
    changed = any(_imported.get(name, data) != data for name, data in now.items())
    for name in now if changed else ():
        sys.modules.pop(name, None)
    _imported.update(now)
    return changed
