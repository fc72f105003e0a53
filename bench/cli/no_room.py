"""Memory, or the number of threads, that runs out: told in a line, by the main thread alone."""

from __future__ import annotations

import threading

# What Python and the loader say where it is not in the exception's kind.
WORDS = ("failed to map segment", "can't start new thread", "can't allocate", "cannot allocate")


def is_it(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is of too little memory.

    >>> is_it(MemoryError()), is_it(RuntimeError("can't start new thread")), is_it(KeyError("x"))
    (True, True, False)
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError) or any(word in str(error).lower() for word in WORDS):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def install() -> None:
    """Let other threads end without a word where there was no room: the main thread says it."""
    before = threading.excepthook
    if getattr(before, "__module__", "") == __name__:
        return

    def hook(args: threading.ExceptHookArgs) -> None:
        if not is_it(args.exc_value):
            before(args)

    threading.excepthook = hook
