"""A page's blobs as frames and arrays: written from the words of its format, not from its code."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

BLOB = re.compile(r'<script type="text/plain" id="data-([^"]+)">([^<]*)</script>')


def blobs(page: str) -> dict[str, Any]:
    """The headers and bytes of a page's blobs by name."""
    return {name: opened(text) for name, text in BLOB.findall(page) if name != "plotly"}


def opened(text: str) -> tuple[Any, bytes]:
    """A blob's header, and the bytes of its buffers."""
    raw = zlib.decompress(base64.b64decode(text))
    (length,) = struct.unpack_from("<I", raw)
    assert (4 + length) % 8 == 0
    return json.loads(raw[4 : 4 + length]), raw[4 + length :]


def buffer(data: bytes, place: list[int]) -> bytes:
    return data[place[0] : place[0] + place[1]]


def unplaned(data: bytes, width: int) -> bytes:
    count = len(data) // width
    return bytes(data[b * count + i] for i in range(count) for b in range(width))


def table(head: Any, data: bytes) -> dict[str, list[Any]]:
    """A table's columns."""
    found: dict[str, list[Any]] = {}
    for column in head["columns"]:
        codes = None
        if "codes" in column:
            offset, length, width = column["codes"]
            codes = np.frombuffer(buffer(data, [offset, length]), f"<u{width}")
        if column["kind"] == "text":
            found[column["name"]] = [column["texts"][c] for c in codes]
            continue
        width = column["bytes"]
        plain = np.frombuffer(unplaned(buffer(data, column["values"]), width), f"<f{width}")
        values = plain.astype(float).tolist()
        found[column["name"]] = values if codes is None else [values[c] for c in codes]
    return found


def curve_values(how: Any, data: bytes, records: int) -> Iterator[float]:
    """The values of packed curves, one curve after another."""
    folded = np.frombuffer(unplaned(buffer(data, how["data"]), 2), "<u2").tolist()
    code = 0
    for place, step in enumerate(folded):
        code = 0 if place % records == 0 else code
        code = (code + (-(step + 1) // 2 if step % 2 else step // 2)) % 65536
        if how["mode"] == "exact":
            yield struct.unpack_from("<d", data, how["values"][0] + 8 * code)[0]
        elif code < 4:
            yield [math.nan, math.inf, -math.inf, how["base"]][code]
        else:
            steps = code - 4 - how["room"]
            below = steps < 0
            size = math.exp(how["least"] + (-steps - 1 if below else steps) * how["step"])
            yield how["base"] + how["way"] * (-size if below else size)
