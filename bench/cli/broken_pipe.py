"""Output whose reader may leave, as in `bench status DIR | head -1`."""

from __future__ import annotations

import os
import sys
from typing import Any


class Outlet:
    """A text stream that goes on when its reader has gone: what is left goes nowhere.

    Whoever reads no further wants no more lines, not another exit code or an end of the training.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or nothing when nobody reads."""
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._forget()
            return len(text)

    def flush(self) -> None:
        """Flush, or forget what nobody reads."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._forget()

    def _forget(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def install() -> None:
    """Let standard output and standard error be outlets; once."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Outlet):
            setattr(sys, name, Outlet(stream))
