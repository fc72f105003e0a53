"""Output whose reader may leave, as in `bench status DIR | head -1`, or never was: `>&-`."""

from __future__ import annotations

import os
import sys
from typing import Any


class Outlet:
    """A text stream that goes on when its reader has gone: what is left goes nowhere.

    Whoever reads no further wants no more lines, not another exit code or an end of the training.
    `forgives` are the errors after which it is so.
    """

    def __init__(self, stream: Any, forgives: type[OSError] = BrokenPipeError) -> None:
        self._stream = stream
        self._forgives = forgives

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or nothing when nobody reads."""
        try:
            return int(self._stream.write(text))
        except self._forgives:
            self._forget()
            return len(text)

    def flush(self) -> None:
        """Flush, or forget what nobody reads."""
        try:
            self._stream.flush()
        except self._forgives:
            self._forget()

    def _forget(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def install() -> None:
    """Let standard output and standard error be outlets; once.

    One that is closed leads nowhere: its number would go to the next file that is opened. Results
    that cannot be written to standard output are an error; words that cannot be said are none.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    for name, forgives in (("stdout", BrokenPipeError), ("stderr", OSError)):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Outlet):
            setattr(sys, name, Outlet(stream, forgives))
