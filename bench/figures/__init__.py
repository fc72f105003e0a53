"""Frames -> figures: pages of panels, in one style, with nothing lost off an axis."""

from __future__ import annotations

import contextlib
import os
import sys


def _import_matplotlib() -> None:
    """Import it whatever backend `MPLBACKEND` names, which it has to know: figures need none.

    A notebook's kernel names its own to all its children, in whose environment it need not be. One
    that can be had is the user's choice for figures of theirs.
    """
    wanted = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib as mpl
    finally:
        if wanted is not None:
            os.environ["MPLBACKEND"] = wanted
    if wanted:
        with contextlib.suppress(ValueError):
            mpl.rcParams["backend"] = wanted


if "matplotlib" not in sys.modules:
    _import_matplotlib()
