"""What a report needs, imported while workers train: that takes half a second."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from importlib import import_module

MODULES = ("bench.figures.book", "bench.page.build", "scipy.special")


@contextlib.contextmanager
def imported() -> Iterator[None]:
    """A while in which a thread imports `MODULES`; it has ended when the while is over."""
    thread = threading.Thread(target=_import, name="imports", daemon=True)
    with contextlib.suppress(RuntimeError):  # no room for a thread: they are imported later
        thread.start()
    try:
        yield
    finally:
        if thread.ident is not None:
            thread.join()


def _import() -> None:
    for module in MODULES:
        with contextlib.suppress(Exception):  # whoever needs it says what is wrong
            import_module(module)
