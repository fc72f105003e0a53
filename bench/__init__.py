"""A benchmark harness for neural-network optimizers.

>>> import bench
>>> result = bench.run("experiments/quick.toml")       # doctest: +SKIP
>>> result.summary                                     # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import FolderMismatchError as FolderMismatchError
    from bench.api import Results as Results
    from bench.api import check as check
    from bench.api import open_results as open_results
    from bench.api import run as run
    from bench.api import write_baseline as write_baseline
    from bench.records import StoreError as StoreError
    from bench.signals import Interrupted as Interrupted
    from bench.spec import SpecError as SpecError

_FROM = {
    "FolderMismatchError": "api",
    "Interrupted": "signals",
    "Results": "api",
    "SpecError": "spec",
    "StoreError": "records",
    "check": "api",
    "open_results": "api",
    "run": "api",
    "write_baseline": "api",
}

__all__ = [
    "FolderMismatchError",
    "Interrupted",
    "Results",
    "SpecError",
    "StoreError",
    "check",
    "open_results",
    "run",
    "write_baseline",
]


def __getattr__(name: str) -> Any:
    # Workers import this package too, and need none of what these modules import.
    if name in _FROM:
        from importlib import import_module

        return getattr(import_module(f"bench.{_FROM[name]}"), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
