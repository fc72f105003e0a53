"""The command line, run in this process: what a verb prints and its exit code, without a start.

`typed` of tests/faults/commands.py has it as a process of its own, as a user does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.cli.catalogue import KINDS
from bench.figures import book
from bench.figures.pages import pages
from bench.page import build
from bench.report.tables import tables
from bench.session import costs
from nncore.registry import kept

pages.of(()), tables.of(())  # they register when first asked for: before anything is kept
MEASURE = costs.measure
REGISTRIES = (*KINDS.values(), pages, tables)


@contextlib.contextmanager
def undrawn(*, page: bool = False) -> Iterator[None]:
    """Reports get no figures and, without `page`, an empty page: most of their time is theirs.

    tests/figures and tests/page have them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "draw", lambda *_: [])
        if not page:
            patch.setattr(build, "page", lambda *_: "")
        yield


@contextlib.contextmanager
def untimed() -> Iterator[None]:
    """Nobody measures what an epoch costs: it takes most of a small run's time.

    All of the tests in this process are so, but for those that are `timed`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "measure", lambda *_: None)
        yield


@contextlib.contextmanager
def timed() -> Iterator[None]:
    """What an epoch costs is measured, as it is for users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "measure", MEASURE)
        yield


def bench(*arguments: object, cwd: Path, code: int = 0, page: bool = False) -> str:
    """Run `bench ARGUMENTS` in `cwd`, undrawn; what it printed. Fails on another exit code.

    As in a process of its own, a plugin is loaded for this time alone.
    """
    with contextlib.chdir(cwd), undrawn(page=page), kept(*REGISTRIES):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output, result.output
    return result.output
