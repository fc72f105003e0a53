"""What computed the results: the part that changes numbers, compared, and the rest, recorded.

Numbers follow from the core's sources, the plugins', NumPy, its BLAS and the vector instructions
that NumPy picks on the processor; not from comments, docstrings, Python's version or the host.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from nncore.imports import sources
from nncore.values import TEXT, record, table_of

PACKAGES = [
    *("bench-optimizers", "click", "filelock", "joblib", "matplotlib", "numpy", "pandas"),
    *("rich", "scipy", "threadpoolctl", "torch", "optax", "jax", "pytorch_optimizer"),
]
# A fingerprint as JSON, whoever wrote it.
FORM = record(
    {
        "core": table_of(TEXT),
        "plugins": table_of(TEXT),
        "numpy": TEXT,
        "blas": TEXT,
        "vectors": TEXT,
    }
)
ROOT = Path(__file__).resolve().parents[2]


def fingerprint(plugins: Sequence[str | Path] = ()) -> dict[str, Any]:
    """What changes numbers, in plain values that JSON can hold: compare with `differences`.

    Raises OSError for a plugin that cannot be read, MemoryError where the parser has no room.
    """
    import numpy as np

    core = ROOT / "nncore"
    return {
        "core": {
            source.relative_to(ROOT).as_posix(): _own_digest(source)
            for source in sorted(core.rglob("*.py"))
        },
        "plugins": {name: digest for path in plugins for name, digest in _pieces(path)},
        "numpy": np.__version__,
        "blas": blas(),
        "vectors": vectors(),
    }


def _own_digest(source: Path) -> str:
    """The digest of code that this process runs."""
    try:
        return code_digest(source.read_bytes())
    except SyntaxError as error:  # what the parser says where memory is short
        raise MemoryError(f"{source}: cannot be parsed") from error


def _pieces(path: str | Path) -> Iterator[tuple[str, str]]:
    """A plugin and the modules of the user's that it imports, with what their code amounts to."""
    for module, content in sources(path).contents.items():
        try:
            digest = code_digest(content)
        except (SyntaxError, ValueError):  # a compiled library
            digest = hashlib.sha256(content).hexdigest()
        name = Path(path).name
        yield f"{name}: {module}" if module else name, digest


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any], *, machine: bool = True
) -> list[str]:
    """What differs between two fingerprints, a line each; empty when numbers are comparable.

    A plugin that only one of them has is no difference: it can change no trial of the other.
    Without `machine`, what follows from the processor is left out.
    """
    old, new = then.get("core", {}), now.get("core", {})
    lines = [f"{name} changed" for name in old if name in new and old[name] != new[name]]
    lines += [f"{name} is new" for name in new if name not in old]
    lines += [f"{name} is gone" for name in old if name not in new]
    old, new = then.get("plugins", {}), now.get("plugins", {})
    lines += [f"plugin {name} changed" for name in old if new.get(name, old[name]) != old[name]]
    named = [("numpy", "NumPy"), ("blas", "BLAS"), ("vectors", "processor's vectors")]
    for name, words in named if machine else named[:1]:
        if then.get(name) != now.get(name):
            lines.append(f"{words}: {then.get(name, 'unknown')} then, {now.get(name)} now")
    return lines


def environment() -> dict[str, Any]:
    """What is worth knowing about a run and changes no number, in plain values for JSON."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "revision": revision(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


@functools.lru_cache(maxsize=256)
def code_digest(source: bytes) -> str:
    """SHA-256 of Python source as a syntax tree, so of neither comments, layout nor docstrings.

    >>> code_digest(b"x = 1  # one") == code_digest(b"'Numbers.'\\nx   = 1")
    True
    """
    words: list[str] = []
    _canonical(ast.parse(source), words)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _canonical(node: Any, words: list[str]) -> None:
    """Append a syntax tree to `words`, alike in every version of Python (`ast.dump` is not)."""
    if isinstance(node, ast.AST):
        words.append(type(node).__name__)
        for name in node._fields:
            value = getattr(node, name, None)
            # Fields that newer versions added are empty in code that older ones can read.
            if value is None or value == [] or name in ("ctx", "kind", "type_comment"):
                continue
            words.append(name)
            _canonical(value, words)
        words.append("end")
    elif isinstance(node, list):
        for item in node[_documented(node) :]:
            _canonical(item, words)
    else:
        words.append(repr(node))


def _documented(body: list[Any]) -> bool:
    """Whether a list of statements begins with a string, which is a docstring or does nothing."""
    return (
        isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    )


def blas() -> str:
    """The library behind NumPy's matrix products, with the kernels it picked."""
    import numpy as np
    from threadpoolctl import threadpool_info

    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    loaded = {
        f"{library['internal_api']} {library['version']} {library.get('architecture', '')}".strip()
        for library in threadpool_info()
        # SciPy brings one of its own, which trains nothing.
        if library["user_api"] == "blas" and "scipy.libs" not in library["filepath"]
    }
    return ", ".join(sorted(loaded)) or f"{built['name']} {built['version']}"


def vectors() -> str:
    """The machine, and the vector instruction sets that NumPy uses on it."""
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join([platform.machine(), *found.get("baseline", ()), *found.get("found", ())])


def processor() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def revision() -> str:
    """The git revision of the sources, with a `+` if they were changed since; empty without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()

    try:
        if not (ROOT / ".git").exists():
            return ""  # installed: the repository around it, if any, is another
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "bench", "nncore")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
