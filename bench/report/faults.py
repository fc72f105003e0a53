"""What a plugin's part of a report raises, which must not cost the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.run.worker import describe
from nncore.registry import BUILT_IN, Entry


class PluginReportError(Exception):
    """A plugin's table or figure raised; all else of the report is there."""

    exit_code = 2


class Faults:
    """What tables and figures of plugins raise: it costs them their own file and no other."""

    def __init__(self) -> None:
        self._told: list[str] = []

    @contextmanager
    def of(self, entry: Entry) -> Iterator[None]:
        """A while in which `entry` is at work."""
        try:
            yield
        except Exception as error:
            if entry.origin == BUILT_IN or isinstance(error, OSError):
                raise
            self._told.append(f'"{entry.name}": {describe(error, [entry.origin])}')

    def tell(self) -> None:
        """Raise PluginReportError if there were any."""
        if self._told:
            raise PluginReportError(
                f"the report lacks what a plugin was to add: {'; '.join(self._told)}; "
                "all trials are stored and everything else is written"
            )
