"""Output whose reader may leave, as in `bench status DIR | head -1`, or never was: `>&-`.

What it shows may be anyone's: names in a folder, messages of a plugin's exceptions, paths. No
control character among them reaches the terminal.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from nncore.text import shown


class Outlet:
    """A text stream that goes on when its reader has gone: what is left goes nowhere.

    Whoever reads no further wants no more lines, not another exit code or an end of the training.
    `forgives` are the errors after which it is so. Control characters are escaped, but for those of
    lines of text; `drawing` writes to the same place what moves the cursor, a progress bar.
    """

    def __init__(
        self, stream: Any, forgives: type[OSError] = BrokenPipeError, *, plain: bool = True
    ) -> None:
        self._stream = stream
        self._forgives = forgives
        self._plain = plain

    @property
    def drawing(self) -> Outlet:
        """The same outlet for what is more than text."""
        return Outlet(self._stream, self._forgives, plain=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or nothing when nobody reads."""
        with suppress(self._forgives):
            self._stream.write(shown(text, kept="\n\t") if self._plain else text)
            return len(text)
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
