"""`tools/browsers.sh around` a command: what it could not install is told, and the command runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import ROOT

NEEDED = ("bash", "mktemp", "rm", "tail")
# What the command sees: whether nothing may be skipped, and where the packages are.
LOOK = 'echo "${BENCH_BROWSERS-} $BENCH_NODE_MODULES"; exit 7'
FAILS = "echo much; echo no mirror >&2; exit 3"
NOTHING = ("browsers", "packages of npm")


def around(
    folder: Path, installers: dict[str, str], **environment: str
) -> subprocess.CompletedProcess[str]:
    """The tool on a machine that has `installers` (name -> script) and no browser."""
    for name in NEEDED:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, script in installers.items():
        (folder / name).write_text(f"#!{folder / 'bash'}\n{script}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["bash", ROOT / "tools" / "browsers.sh", "around", "bash", "-c", LOOK],
        env={"PATH": str(folder), "TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("installers", "lacking"),
    [
        ({"apt-get": "", "npm": ""}, {}),
        ({"apt-get": FAILS, "npm": ""}, {"browsers": "no mirror"}),
        ({"apt-get": "", "npm": FAILS}, {"packages of npm": "no mirror"}),
        ({}, dict.fromkeys(NOTHING, "command not found")),
        ({"apt-get": FAILS, "npm": FAILS}, dict.fromkeys(NOTHING, "no mirror")),
    ],
    ids=["all", "no browsers", "no packages", "no installers", "nothing"],
)
def test_what_cannot_be_had_is_told_in_a_line(
    tmp_path: Path, installers: dict[str, str], lacking: dict[str, str]
) -> None:
    done = around(tmp_path, installers)
    assert done.returncode == 7
    for line, (what, why) in zip(done.stderr.splitlines(), lacking.items(), strict=True):
        assert line.startswith(f"cannot install {what} here, tests that need them are skipped: ")
        assert why in line
    strict, _, folder = done.stdout.strip().rpartition(" ")
    assert strict == ("" if lacking else "1")
    assert Path(folder).parent == tmp_path
    assert not Path(folder).exists()


def test_packages_that_are_there_are_used_and_kept(tmp_path: Path) -> None:
    (mine := tmp_path / "mine").mkdir()
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    done = around(bin_, {"apt-get": "", "npm": FAILS}, BENCH_NODE_MODULES=str(mine))
    assert (done.stdout, done.stderr) == (f"1 {mine}\n", "")
    assert mine.exists()


def test_browsers_that_are_there_are_not_installed_again(tmp_path: Path) -> None:
    installers = {"apt-get": FAILS, "npm": "", "google-chrome": "", "firefox": ""}
    assert around(tmp_path, installers).stderr == ""
