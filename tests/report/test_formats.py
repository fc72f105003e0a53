"""Figures of a report in other formats: all of them, and nothing of another format stays."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

import bench
from bench.cli import main

SPEC = {
    "name": "x",
    "seeds": 2,
    "problem": {"name": "f", "dataset": "people", "epochs": 2},
    "optimizer": [{"rule": "sgd", "learning_rate": 0.1}, {"rule": "adam"}],
}
BEGINS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bench.run(SPEC, out=tmp_path_factory.mktemp("formats") / "x", jobs=1).folder


def test_a_report_has_its_figures_in_one_format(folder):
    names = {path.stem for path in (folder / "figures").iterdir()}
    for form in ("pdf", "svg", "png"):
        ended = CliRunner().invoke(main, ["report", str(folder), "--format", form])
        assert ended.exit_code == 0, ended.output
        drawn = sorted((folder / "figures").iterdir())
        assert {path.suffix for path in drawn} == {f".{form}"}
        assert {path.stem for path in drawn} == names
        assert all(path.read_bytes().startswith(BEGINS[form]) for path in drawn)


def test_figures_that_several_processes_draw_are_the_same(folder, tmp_path):
    found = {}
    for jobs in ("1", "3"):
        own = tmp_path / jobs
        shutil.copytree(folder, own)
        shutil.rmtree(own / "figures")
        # In a process of its own: this one has several threads, and would draw alone.
        command = [sys.executable, "-m", "bench", "report", str(own), "--jobs", jobs]
        subprocess.run(command, check=True, capture_output=True)
        found[jobs] = {path.name: path.read_bytes() for path in (own / "figures").iterdir()}
    assert len(found["1"]) > 3
    assert found["3"] == found["1"]
