"""Nothing in the house leans on what another package keeps to itself: by syntax tree."""

import ast

import pytest

from tests import ROOT

OURS = ("bench", "nncore")
FILES = sorted(path for room in OURS for path in (ROOT / room).rglob("*.py"))
# Documented, underscore and all: of named tuples, of syntax trees, of the end of a process.
DOCUMENTED = {"_asdict", "_fields", "_make", "_replace", "_exit"}


def private(name):
    return name.startswith("_") and not name.endswith("__")


def defined(tree):
    """The private names that a file itself gives to something."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) in ("self", "cls")
        ):
            found.add(node.attr)
    return found


def trespasses(source):
    """Where `source` reaches for private things of others: `line: what`."""
    tree = ast.parse(source)
    own = defined(tree) | DOCUMENTED
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in own:
            names = [node.attr]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("getattr", "import_module", "__import__")
        ):
            names = [a.value for a in node.args if isinstance(a, ast.Constant)]
        for name in names:
            parts = str(name).split(".")
            if parts[0] not in OURS and any(map(private, parts)):
                yield f"{node.lineno}: {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_public_things_of_other_packages_are_used(path):
    assert list(trespasses(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from numpy._core import x",
        "import numpy._core.umath",
        "from concurrent.futures import _base",
        "pool._processes",
        "pool._executor._processes[1]",
        "sys._getframe()",
        "getattr(pool, '_processes')",
        "importlib.import_module('numpy._core')",
        "class A:\n    def f(self):\n        return self.executor._flags",
    ],
)
def test_it_sees_a_trespass(source):
    assert len(list(trespasses(source))) >= 1


@pytest.mark.parametrize(
    "source",
    ["os._exit(1)", "x.__dict__", "class A:\n    def f(self):\n        self._x = 1; return o._x"],
)
def test_it_lets_be_what_is_ones_own(source):
    assert list(trespasses(source)) == []
