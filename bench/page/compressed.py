"""Bytes as a text of the page: what zlib makes of them, in base64."""

from __future__ import annotations

import base64
import zlib

LEVEL = 6  # the highest takes three times as long, for one or two per cent


def compressed(data: bytes) -> str:
    """`data` as a text that the page's scripts read."""
    return base64.b64encode(zlib.compress(data, LEVEL)).decode("ascii")
