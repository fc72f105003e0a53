"""What of a user's own a plugin executes: its file, and the modules of theirs that it imports.

Read off the sources, in functions too, so that it is the same in every process and in every order:
a module that was imported before, or will only be imported while a trial trains, is no exception.
Installed packages and Python's own modules are left out. What a source alone does not tell, a name
made up while it runs say, is noted instead.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from nncore.files import read_plain

PACKAGES = frozenset({"site-packages", "dist-packages"})
OUR_OWN = frozenset({"nncore", "bench"})
# Calls that import a module by name, and calls that execute what their source does not name.
LOADS = frozenset({"__import__", "import_module"})
HIDDEN = LOADS | {"exec_module", "spec_from_file_location", "run_path", "run_module"}
HIDDEN |= {"CDLL", "PyDLL", "LoadLibrary", "load_library"}
BUILT_IN = frozenset({"exec", "eval"})  # others have methods of these names
# Calls that read what no source holds.
READS = frozenset({"open", "read_text", "read_bytes", "loadtxt", "genfromtxt", "fromfile"})
READS |= {"memmap", "open_memmap", "loadmat", "imread", "get_data"}
LIBRARIES = frozenset({"np", "numpy", "pickle", "joblib", "torch", "json", "yaml"})  # of `load`
FRAMES = frozenset({"pd", "pandas"})  # of `read_csv` and its like
# Whose `open` has the mode after the path; that of a path has it first.
OPENERS = frozenset({"open", "io", "gzip", "bz2", "lzma", "codecs", "tarfile", "zipfile"})


@dataclass(frozen=True)
class Sources:
    """Of a plugin or a module: bytes by name, "" for a plugin's own file, else the module's.

    `files` are where they lie, `notes` what cannot be followed, a sentence each.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """The SHA-256 of all of them; of the file alone where it imports nothing of its user's."""
        if len(self.contents) == 1:
            return hashlib.sha256(*self.contents.values()).hexdigest()
        each = {name: hashlib.sha256(data).hexdigest() for name, data in self.contents.items()}
        return hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()


def sources(path: str | Path) -> Sources:
    """The sources of the plugin at `path`, whose folder is one that Python looks for modules in.

    Raises OSError for a file that cannot be read. Of one that is not Python there are no others.
    """
    found = Sources()
    _follow("", Path(os.path.realpath(path)), None, found, read_plain(path))
    return found


def module_sources(name: str) -> Sources:
    """The sources of the user's module `name` and of the packages that it is in.

    None of a module of Python's own or of an installed package. Raises OSError for a file that
    cannot be read.
    """
    found = Sources()
    _take(name, found)
    return found


def _take(name: str, found: Sources) -> None:
    """Add what importing `name` executes of the user's."""
    for module, spec in _users(name):
        if module not in found.contents and spec.origin is not None:
            where = Path(spec.origin)
            _follow(module, where, spec, found, read_plain(where))


def _follow(name: str, path: Path, spec: ModuleSpec | None, found: Sources, data: bytes) -> None:
    """Add the module `name` at `path`, and whatever it imports."""
    found.contents[name], found.files[name] = data, path
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):  # a library, or what will not load anyway
        return
    aliases = _aliases(tree)
    package = name if spec and spec.submodule_search_locations is not None else _parent(name)
    for node in ast.walk(tree):
        for wanted in _imported(node, package):
            _take(wanted, found)
        if isinstance(node, ast.Call) and _is_hidden(node):
            _note(found, path, node, "executes")
        elif isinstance(node, ast.Call) and _reads(node, aliases):
            _note(found, path, node, "reads")


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    """The full names of the modules that a statement imports, or may: `from a import b`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".") if package else []
            parts = parts[: len(parts) - node.level + 1]
            base = ".".join([*parts, *filter(None, [node.module])])
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _called(node) in LOADS and (name := _constant(node)):
        yield name


def _note(found: Sources, path: Path, node: ast.Call, does: str) -> None:
    what = f"{path.name}, line {node.lineno}: {ast.unparse(node)[:60]}"
    found.notes.append(f"{what}: what this {does} is no part of its trials' keys")


def _aliases(tree: ast.AST) -> dict[str, str]:
    """What the imports of a source call otherwise: `pd` pandas, `read_csv` pandas.read_csv."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def _full(called: ast.expr, aliases: dict[str, str]) -> str:
    """The dotted name of what is called, as far as there is one: `gzip.open`, `?.open`."""
    if isinstance(called, ast.Name):
        return aliases.get(called.id, called.id)
    return (
        f"{_full(called.value, aliases)}.{called.attr}"
        if isinstance(called, ast.Attribute)
        else "?"
    )


def _reads(node: ast.Call, aliases: dict[str, str]) -> bool:
    """Whether a call reads a file, by its name: `open(path)`, `np.load(path)`, `pd.read_csv(path)`.

    One that opens a file to write it reads nothing.
    """
    parts = _full(node.func, aliases).split(".")
    top, called = parts[0], parts[-1]
    modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
    if called == "open":
        modes += node.args[1:2] if top in OPENERS else node.args[:1]
    if any(isinstance(mode, ast.Constant) and _only_writes(mode.value) for mode in modes):
        return False
    of_library = (called == "load" and top in LIBRARIES) or (
        called.startswith("read_") and top in FRAMES
    )
    return called in READS or (of_library and len(parts) > 1)


def _only_writes(mode: object) -> bool:
    """Whether a file that is opened so has nothing that could be read.

    >>> [_only_writes(mode) for mode in ("wt", "w+b", "xb", "a", "w:gz", "a+", "r+", "rb", "tax")]
    [True, True, True, True, True, False, False, False, False]
    """
    if not isinstance(mode, str):
        return False
    letters = sorted(re.split("[:|]", mode)[0].replace("b", "").replace("t", ""))
    return letters in (["w"], ["x"], ["a"], ["+", "w"], ["+", "x"])


def _is_hidden(node: ast.Call) -> bool:
    if isinstance(node.func, ast.Name) and node.func.id in BUILT_IN:
        return True
    return _called(node) in HIDDEN and not _constant(node)


def _called(node: ast.Call) -> str:
    called = node.func
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _constant(node: ast.Call) -> str:
    """The full name of a module that a call names outright."""
    if _called(node) in LOADS and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
        name = node.args[0].value
        if isinstance(name, str) and not name.startswith("."):
            return name
    return ""


def _users(name: str) -> Iterator[tuple[str, ModuleSpec]]:
    """The modules of the user's that importing `name` executes: its packages, then itself."""
    places: list[str] | None = None
    so_far = ""
    for part in name.split("."):
        so_far = f"{so_far}.{part}" if so_far else part
        spec = _top(part) if places is None else PathFinder.find_spec(so_far, places)
        if spec is None or _is_installed(so_far, spec):
            return
        if spec.has_location:
            yield so_far, spec
        places = list(spec.submodule_search_locations or [])


def _top(name: str) -> ModuleSpec | None:
    if name in OUR_OWN or name in sys.stdlib_module_names:
        return None
    try:
        return importlib.util.find_spec(name)
    except Exception:  # of `__main__`; and finders of other packages raise what they like
        return None


def _is_installed(name: str, spec: ModuleSpec) -> bool:
    """Whether a module is Python's own or lies where packages are installed."""
    if name.partition(".")[0] in OUR_OWN:
        return True
    places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or [])
    real = [os.path.realpath(place) for place in places if place]
    # A path may be given for the environment, too: by PYTHONPATH, or by modules of a cluster.
    return not real or any(
        place.startswith(_installed()) or not PACKAGES.isdisjoint(Path(place).parts)
        for place in real
    )


@cache
def _installed() -> tuple[str, ...]:
    """Folders of Python's own modules and of packages that were installed."""
    paths = sysconfig.get_paths()
    found = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [site.getusersitepackages(), *site.getsitepackages()]
    return tuple(os.path.realpath(path) + os.sep for path in found)


def _parent(name: str) -> str:
    return name.rpartition(".")[0]
