"""A benchmark harness for neural-network optimizers.

>>> import bench
>>> result = bench.run("experiments/quick.toml")       # doctest: +SKIP
>>> result.summary                                     # doctest: +SKIP
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.run.signals import Interrupted as Interrupted
    from bench.session.comparing import compare as compare
    from bench.session.folder import FolderMismatchError as FolderMismatchError
    from bench.session.regression import check as check
    from bench.session.regression import write_baseline as write_baseline
    from bench.session.results import Results as Results
    from bench.session.results import open_results as open_results
    from bench.session.run import run as run
    from bench.spec.mistakes import SpecError as SpecError
    from bench.store.records import StoreError as StoreError

_FROM = {
    "FolderMismatchError": "session.folder",
    "Interrupted": "run.signals",
    "Results": "session.results",
    "SpecError": "spec.mistakes",
    "StoreError": "store.records",
    "check": "session.regression",
    "compare": "session.comparing",
    "open_results": "session.results",
    "run": "session.run",
    "write_baseline": "session.regression",
}

__all__ = [
    "FolderMismatchError",
    "Interrupted",
    "Results",
    "SpecError",
    "StoreError",
    "check",
    "compare",
    "open_results",
    "run",
    "write_baseline",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    # Workers import this package too, and need none of what these modules import.
    if name in _FROM:
        return getattr(import_module(f"bench.{_FROM[name]}"), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")


class _Face(ModuleType):
    """This package as a user sees it: `bench.run` is the function, `bench.run.*` a room."""

    @property
    def run(self) -> Any:
        """Train what is missing and write the report: `bench.session.run.run`."""
        return __getattr__("run")

    @run.setter
    def run(self, room: ModuleType) -> None:
        """Whoever imports the room sets it as an attribute of its package: not here."""


sys.modules[__name__].__class__ = _Face
