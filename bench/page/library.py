"""plotly.js, which draws the figures of the page: from the installed package, compressed."""

from __future__ import annotations

import functools
from importlib import metadata
from pathlib import Path

from bench.page.compressed import compressed

PACKAGE = "plotly"
SCRIPT = "package_data/plotly.min.js"


class LibraryError(Exception):
    """plotly.js is not where the installed package should have it."""

    exit_code = 2


@functools.cache
def version() -> str:
    """The version of the installed package, empty without one."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return ""


def installed() -> Path:
    """Where plotly.js is. Raises LibraryError where it is not installed, or without its script."""
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(f"{PACKAGE}/{SCRIPT}")))
        path.stat()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise LibraryError(
            f"report.html needs the script of the package {PACKAGE} ({error}); install it, or "
            "leave the page out with --no-html"
        ) from error
    return path


@functools.cache
def script() -> str:
    """plotly.js, zlib's, as base64; nothing of the package is imported.

    Raises LibraryError as `installed` does, OSError where it cannot be read.
    """
    return compressed(installed().read_bytes())
