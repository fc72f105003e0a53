"""docs/output.md shows what commands print: each is run, one after the other, in one folder."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import ROOT
from tests.command import bench

PAGE = (ROOT / "docs" / "output.md").read_text("utf-8")
BLOCK = re.compile(r"(?:^    .*\n|^\n(?=    ))+", re.MULTILINE)
COMMAND = re.compile(r"^\$ bench (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def shown() -> list[tuple[list[str], str]]:
    """Arguments of every command on the page, and what it prints there."""
    blocks = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in BLOCK.findall(PAGE)]
    found = [pair for block in blocks for pair in COMMAND.findall(block)]
    return [(shlex.split(command), text.strip("\n")) for command, text in found]


def pattern(text: str) -> str:
    """A regular expression of what is shown: anything may stand where it says `...`."""
    lines = [
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in text.split("\n")
    ]
    return "".join(lines) if text else ""


def test_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    commands = shown()
    assert len(commands) == PAGE.count("$ bench")
    for arguments, text in commands:
        if arguments[0] == "export" and find_spec("pyarrow") is None:
            continue
        wrong = "no such key" in text
        out = bench(*arguments, cwd=tmp_path, code=2 if wrong else 0)
        assert re.fullmatch(pattern(text), out), (arguments, out)


@pytest.mark.parametrize(
    ("text", "out", "matches"),
    [
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a ...", "a b\n", True),
        ("a", "a\nb\n", False),
        ("", "", True),
        ("", "a\n", False),
    ],
)
def test_only_what_is_left_out_may_differ(text: str, out: str, matches: bool) -> None:
    assert bool(re.fullmatch(pattern(text), out)) is matches
