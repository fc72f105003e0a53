"""Tables and arrays of numbers -> compressed blobs of bytes that the page's scripts read.

A blob is zlib's of: the length of a header (uint32), the header (JSON, padded to eight bytes),
and buffers, each from a multiple of eight on. All numbers are little-endian. Within the header a
buffer is `[offset, length]` in bytes, counted from the end of the header. Equal content gives equal
bytes. `assets/data.js` is the way back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.page.compressed import compressed
from nncore.metrics import Quantity

Array = NDArray[Any]
ALIGNED = 8
STEP = math.log(1.0028)  # between neighbouring codes of a logarithm
CODES = 1 << 16
# The first codes of a logarithm: missing, the two infinities, exactly the base.
MISSING, INFINITE, MINUS_INFINITE, BASE, FIRST = range(5)
FEW = 1024  # so many distinct values have a code each, and are exact


class Blob:
    """What becomes one compressed text: `reference` takes arrays, `text` gives the whole."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def reference(self, array: Array) -> list[int]:
        """Keep an array's bytes; returns `[offset, length]`."""
        data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        place = [self._length, len(data)]
        padded = data + bytes(-len(data) % ALIGNED)
        self._parts.append(padded)
        self._length += len(padded)
        return place

    def text(self, header: Any) -> str:
        """The blob as base64, with `header` in front of all that was kept."""
        head = json.dumps(header, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        encoded = head.encode(errors="replace")  # reasons of crashes may be anything
        encoded += b" " * (-(len(encoded) + 4) % ALIGNED)
        raw = len(encoded).to_bytes(4, "little") + encoded + b"".join(self._parts)
        return compressed(raw)


def frame(blob: Blob, table: pd.DataFrame) -> dict[str, Any]:
    """A table, column by column, every digit of it: `{"rows": n, "columns": [...]}`."""
    columns = [{"name": str(name), **_column(blob, table[name])} for name in table.columns]
    return {"rows": len(table), "columns": columns}


def _column(blob: Blob, values: pd.Series) -> dict[str, Any]:
    """Texts and truth values as codes of distinct texts, numbers as they are."""
    if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
        if _are_numbers(values):
            return _column(blob, values.astype(float))
        texts = values.astype(object).where(values.notna(), "").astype(str)
        codes, names = pd.factorize(texts)
        return {"kind": "text", "texts": list(names), "codes": _small(blob, codes)}
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    distinct, places = np.unique(numbers, return_inverse=True)
    few = len(distinct) <= min(FEW, len(numbers) // 4)
    kept = distinct if few else numbers
    with np.errstate(over="ignore"):
        single = kept.astype(np.float32)
    exact = bool(((single == kept) | np.isnan(kept)).all())
    shuffled = planes(single if exact else kept)
    found: dict[str, Any] = {"kind": "number", "bytes": 4 if exact else 8}
    found["values"] = blob.reference(shuffled)
    return found | ({"codes": _small(blob, places.reshape(-1))} if few else {})


def _are_numbers(values: pd.Series) -> bool:
    """Whether a column of objects holds numbers alone, as an empty table's do."""
    known = values.dropna()
    return bool(len(known)) and all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in known
    )


def _small(blob: Blob, codes: Array) -> list[int]:
    """Codes from 0 on, with the bytes of one: `[offset, length, bytes]`."""
    largest = int(codes.max(initial=0))
    kind = np.min_scalar_type(largest) if largest < 1 << 32 else np.dtype(np.uint32)
    return [*blob.reference(codes.astype(kind)), kind.itemsize]


def planes(numbers: Array) -> NDArray[np.uint8]:
    """The first byte of every number, then the second, ...: what is alike lies together.

    >>> planes(np.array([1, 258], dtype="<u2")).tolist()
    [1, 2, 0, 1]
    """
    flat = np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<"))
    return flat.reshape(-1).view(np.uint8).reshape(-1, numbers.dtype.itemsize).T.copy().reshape(-1)


def curves(blob: Blob, values: NDArray[np.float64], quantity: Quantity) -> dict[str, Any]:
    """Curves `(n, R)` in 16 bits a value: how to read them, and the differences along records.

    Few distinct values are exact. Others are distances from the metric's best value (from 0 where
    it has none) in logarithmic steps of 0.28%, or as wide as the range asks for.
    """
    codes, how = _codes(values, quantity)
    if "values" in how:
        how["values"] = blob.reference(how["values"])
    steps: Array = np.diff(codes.astype(np.int64), axis=1, prepend=0)
    # Small differences of either sign are small numbers: 0, -1, 1, -2, ... is 0, 1, 2, 3, ...
    steps = (steps + CODES // 2) % CODES - CODES // 2
    folded = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype(np.uint16)
    return {**how, "data": blob.reference(planes(folded))}


def _codes(values: NDArray[np.float64], quantity: Quantity) -> tuple[Array, dict[str, Any]]:
    distinct, places = np.unique(values, return_inverse=True)
    if len(distinct) <= min(FEW, max(values.size // 8, 16)):
        return places.reshape(values.shape), {"mode": "exact", "values": distinct}
    base = quantity.best or 0.0
    with np.errstate(invalid="ignore"):
        distance = (values - base) * (1 if quantity.lower else -1)
    finite = np.isfinite(distance) & (distance != 0)
    sizes = np.log(np.abs(distance[finite]))
    least, most = float(sizes.min()), float(sizes.max())
    signed = bool((distance[finite] < 0).any())
    room = (CODES - FIRST) // (2 if signed else 1) - 1
    step = max(STEP, (most - least) / room)
    codes = np.full(values.shape, MISSING)
    codes[values == np.inf] = INFINITE
    codes[values == -np.inf] = MINUS_INFINITE
    codes[distance == 0] = BASE
    rounded = np.rint((sizes - least) / step).astype(np.int64)
    below = distance[finite] < 0
    codes[finite] = FIRST + np.where(below, room - rounded, rounded + (room + 1) * signed)
    way = 1 if quantity.lower else -1
    how = {"mode": "log", "base": base, "way": way, "least": least, "step": step}
    return codes, how | {"room": room + 1 if signed else 0}


def coarsest(sheet: Mapping[str, Any]) -> float:
    """The largest step of the logarithms among packed curves, 0 where all are exact."""
    return max((how["step"] for how in sheet.values() if how["mode"] == "log"), default=0.0)
