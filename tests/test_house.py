"""The house: rooms in the order of the flow, and a contract that an import upwards breaks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import ROOT

CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
SOURCES = sorted(path for room in ("bench", "nncore") for path in (ROOT / room).rglob("*.py"))

# Where somebody imports what lies above, beside, or in a circle: at once, for types, in a function.
UPWARDS = {
    "nncore.losses": "from bench.spec.toml import dumps",
    "bench.store.lock": "if TYPE_CHECKING:\n    from bench.report.files import CSVS",
    "bench.plan.keys": "def later():\n    from bench.run.worker import pack",
    "bench.verdicts.words": "from bench.gate.check import check",
    "nncore.streams": "from nncore.datasets import draw",
}
# What is said of each: the import, or, of a circle, the link that closes it.
TOLD = {
    "nncore.losses": "nncore.losses -> bench.spec.toml",
    "bench.store.lock": "bench.store.lock -> bench.report.files",
    "bench.plan.keys": "bench.plan.keys -> bench.run.worker",
    "bench.verdicts.words": "bench.verdicts.words -> bench.gate.check",
    "nncore.streams": ".streams -> .datasets",
}


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What `make lint` says of a copy in which all of them were written."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in ("bench", "nncore"):
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for importer, statement in UPWARDS.items():
        with (copy / f"{importer.replace('.', '/')}.py").open("a") as file:
            file.write(f"\n\n{statement}\n")
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )


def test_the_contracts_are_broken(linted: subprocess.CompletedProcess[str]) -> None:
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert f"{len(CONFIGURATION['contracts'])} broken" in linted.stdout


@pytest.mark.parametrize("importer", UPWARDS)
def test_an_import_upwards_is_named(
    linted: subprocess.CompletedProcess[str], importer: str
) -> None:
    assert re.search(rf"- {re.escape(TOLD[importer])}\b", linted.stdout), linted.stdout


def test_every_room_is_in_the_contract() -> None:
    (layers,) = (c["layers"] for c in CONFIGURATION["contracts"] if c["type"] == "layers")
    named = {name for layer in layers for name in re.findall(r"[\w.]+", layer)}
    rooms = {f"bench.{path.parent.name}" for path in (ROOT / "bench").glob("*/__init__.py")}
    assert named == rooms | {"nncore"}


def test_beside_the_rooms_there_are_only_the_doors() -> None:
    files = {path.name for path in (ROOT / "bench").iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py", "py.typed"}


def test_tests_have_the_code_s_folders() -> None:
    tests = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("*.py")}
    rooms = {path.parent.relative_to(ROOT) for path in SOURCES}
    mirrored = {Path(*room.parts[room.parts[0] == "bench" :]) for room in rooms} - {Path()}
    assert {path.parent for path in tests} - mirrored == {
        Path(),
        Path("faults"),
        Path("references"),
    }


def test_no_test_reaches_round_a_door() -> None:
    for path in {*(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").rglob("*.py")}:
        if path != Path(__file__):
            assert not re.findall(r"sys\.path\.(?:insert|append)|\._entries\b", path.read_text()), (
                path
            )
