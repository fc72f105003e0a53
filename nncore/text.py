"""Text that others may have written, before anyone sees it."""

from __future__ import annotations

from typing import Any


def shown(text: str, kept: str = "") -> str:
    r"""`text` with everything that is not printable escaped, but for the characters in `kept`.

    Escape codes move a terminal's cursor, change its title or answer for its user; marks of
    direction turn words around; letters alone do nothing.

    >>> print(shown("a\x1b[31m\n\u202eb"))
    a\x1b[31m\n\u202eb
    >>> shown("a\tb\n", kept="\t\n") == "a\tb\n"
    True
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)


def drawing(stream: Any) -> Any:
    """Where colours and progress bars of our own go: a stream that escapes them has a way round."""
    return getattr(stream, "drawing", stream)
