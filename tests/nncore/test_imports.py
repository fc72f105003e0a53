"""What of a user's own a plugin executes is found, wherever it says so, and nothing else."""

import subprocess
import sys

import pytest

from nncore.imports import sources
from nncore.registry import kept, load_plugin
from nncore.schedules import schedules
from tests import ROOT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A plugin's folder with modules, where Python looks for them, until the test is over."""
    files = {
        "helper_a.py": "import deeper_a\nRATE = 1.0\n",
        "deeper_a.py": "",
        "family_a/__init__.py": "",
        "family_a/one.py": "from . import two\nfrom .inner.three import x\n",
        "family_a/two.py": "from ..family_a import four\n",
        "family_a/four.py": "",
        "family_a/inner/__init__.py": "",
        "family_a/inner/three.py": "from .. import five\nx = 1\n",
        "family_a/five.py": "import numpy, os, nncore.rules, bench\n",
        "family_a/never.py": "",
        "spaces_a/six.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.endswith("_a") or "_a." in name:
            del sys.modules[name]


FOUND = {
    "import numpy, os, scipy.stats, nncore.rules, bench, json as j": (),
    "import nowhere_a": (),
    "import helper_a": ("helper_a", "deeper_a"),
    "def f():\n    from helper_a import RATE": ("helper_a", "deeper_a"),
    "try:\n    import torch_a\nexcept ImportError:\n    import deeper_a": ("deeper_a",),
    "import family_a.two as two": ("family_a", "family_a.two", "family_a.four"),
    "from family_a import two": ("family_a", "family_a.two", "family_a.four"),
    "from family_a import one": (
        *("family_a", "family_a.one", "family_a.two", "family_a.four"),
        *("family_a.inner", "family_a.inner.three", "family_a.five"),
    ),
    "import spaces_a.six": ("spaces_a.six",),
    "import importlib\nimportlib.import_module('deeper_a')": ("deeper_a",),
    "__import__('deeper_a')": ("deeper_a",),
}


@pytest.mark.parametrize("text", FOUND)
def test_what_a_plugin_imports_is_found(folder, text):
    (folder / "mine.py").write_text(text)
    found = sources(folder / "mine.py")
    assert set(found.contents) == {"", *FOUND[text]}
    assert found.notes == []
    before = found.digest
    for name in FOUND[text]:
        found.files[name].write_text(found.files[name].read_text() + "\n# Changed.\n")
        assert sources(folder / "mine.py").digest != before
        before = sources(folder / "mine.py").digest
    (folder / "family_a/never.py").write_text("X = 1")
    assert sources(folder / "mine.py").digest == before


NOTED = {
    "import importlib\nx = 'a'\nimportlib.import_module(x)": 3,
    "__import__('a' + 'b')": 1,
    "exec('import os')": 1,
    "import runpy\nrunpy.run_path('x.py')": 2,
    "import ctypes\n\nlib = ctypes.CDLL('./fast.so')": 3,
    "def f():\n    return open('x.txt').read()": 2,
    "import numpy as np\nW = np.load('w.npy')": 2,
    "import pandas as pd\nD = pd.read_csv('d.csv')": 2,
    "from pathlib import Path\n\nT = Path('t').read_text()": 3,
    "from pandas import read_csv as read\nD = read('d.csv')": 2,
    "import pandas as frames\nD = frames.read_csv('d.csv')": 2,
    "from numpy import load\nW = load('w.npy')": 2,
    "import gzip\nT = gzip.open('w')": 2,
    "from gzip import open as unpacked\nT = unpacked('t.gz', 'rt')": 2,
    "from pathlib import Path\nT = Path('t').open()": 2,
    "from pathlib import Path\nT = Path('t').open('a+')": 2,
    "T = open('t', mode='r+')": 1,
    "open('log', 'a').write('x')": None,
    "open('log', 'wt')": None,
    "open('log', mode='w+b')": None,
    "open('log', 'tx', encoding='utf-8')": None,
    "from pathlib import Path\nPath('t').open('w')": None,
    "from pathlib import Path\nPath('t').open(mode='wt')": None,
    "import gzip\ngzip.open('t.gz', 'wt')": None,
    "import gzip as z\nz.open('t.gz', 'wb')": None,
    "import tarfile\ntarfile.open('t', 'w:gz')": None,
    "import numpy as np\nnp.lib.format.open_memmap('w.npy', mode='w+')": None,
    "def read_state(x): ...\nread_state(1)": None,
    "def load(x): ...\nload(1)": None,
    "class A:\n    def load(self): ...\nA().load()": None,
    "class A:\n    def eval(self): ...\nA().eval()": None,
}


@pytest.mark.parametrize("text", NOTED)
def test_what_cannot_be_followed_is_said(folder, text):
    (folder / "mine.py").write_text(text)
    notes = sources(folder / "mine.py").notes
    if NOTED[text] is None:
        assert notes == []
    else:
        [note] = notes
        assert note.startswith(f"mine.py, line {NOTED[text]}: ")


PLUGIN = """
from nncore.schedules import schedule
from helper_a import RATE

@schedule
def imported_a(t, total, *, rate=RATE):
    return t
"""


def test_a_changed_module_is_loaded_again(folder):
    (folder / "mine.py").write_text(PLUGIN)
    with kept(schedules):
        first = load_plugin(folder / "mine.py")
        assert load_plugin(folder / "mine.py") == first
        (folder / "helper_a.py").write_text("RATE = 2.0\n")
        second = load_plugin(folder / "mine.py")
        entry = schedules["imported_a"]
        assert (entry.parameters["rate"], entry.digest) == (2.0, second)
        assert second != first


def test_packages_on_the_path_are_not_the_user_s(folder, monkeypatch):
    place = folder / "lib" / "site-packages"
    (place / "installed_a").mkdir(parents=True)
    (place / "installed_a" / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(place)])
    (folder / "mine.py").write_text("import installed_a, helper_a")
    assert set(sources(folder / "mine.py").contents) == {"", "helper_a", "deeper_a"}


def test_a_finder_that_fails_is_no_fault_of_the_plugin(folder, monkeypatch):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            raise KeyError(name)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    (folder / "mine.py").write_text("import helper_a")
    assert set(sources(folder / "mine.py").contents) == {""}


ELSEWHERE = """
import sys
sys.path[:0] = [{place!r}]
import elsewhere_a
"""


def test_the_digest_is_the_same_in_every_process(folder, tmp_path_factory):
    """Also where a plugin tells Python of further folders, which it has done here already."""
    place = tmp_path_factory.mktemp("elsewhere")
    (place / "elsewhere_a.py").write_text("")
    (folder / "mine.py").write_text(ELSEWHERE.format(place=str(place)))
    program = "import sys; from nncore.registry import load_plugin; print(load_plugin(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(folder / "mine.py")]
    before = list(sys.path)
    try:
        here = [load_plugin(folder / "mine.py") for _ in range(2)]
    finally:
        sys.path[:] = before
    there = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert {*here, there.stdout.strip()} == {here[0]}
    (place / "elsewhere_a.py").write_text("X = 1")
    there = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert there.stdout.strip() != here[0]
