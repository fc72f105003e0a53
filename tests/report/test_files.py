"""What killed reports leave behind goes, and nothing else."""

import os
import subprocess
import sys

import pytest

from bench.report.files import remove_leftovers


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_leftovers_of_processes_that_have_ended_go(tmp_path, dead):
    for number in (dead, os.getpid()):  # whose number another process had, before or elsewhere
        (tmp_path / f".figures.{number}").mkdir()
        (tmp_path / f".figures.{number}" / "ranking.png").write_bytes(b"half")
        (tmp_path / f".trials.csv.{number}").write_text("half")
    alive = tmp_path / f".trials.csv.{os.getppid()}"
    alive.write_text("half")
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [alive]


def test_what_is_no_leftover_stays(tmp_path, dead):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for place in (outside, folder / f".figures.{dead}", folder / f".trials.csv.{dead}"):
        place.mkdir(parents=True)
        (place / "ranking.png").write_bytes(b"figure")
        (place / "notes.txt").write_text("precious")
    (folder / f".spec.toml.{dead}").symlink_to(outside)
    remove_leftovers(folder)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*.txt")}
    assert left == {f".figures.{dead}/notes.txt", f".trials.csv.{dead}/notes.txt"}
    assert sorted(path.name for path in outside.iterdir()) == ["notes.txt", "ranking.png"]
