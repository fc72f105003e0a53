"""Keys of trials by the million: 32 bytes each, that read as their texts of 64."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

SIZE = 32  # bytes of a SHA-256
KIND = np.dtype(f"S{SIZE}")


class Keys(Sequence[str]):
    """SHA-256s as texts; `digests` `(N,)` holds their bytes, `KIND`.

    >>> keys = Keys.of(["00" * 32, "ab" * 32])
    >>> keys[1] == "ab" * 32, len(keys), keys[:1][0] == "00" * 32
    (True, 2, True)
    """

    def __init__(self, digests: NDArray[np.bytes_]) -> None:
        self.digests = digests

    @classmethod
    def of(cls, keys: Iterable[str]) -> Keys:
        """Those of texts. Raises ValueError for one that is no key."""
        if isinstance(keys, Keys):
            return keys
        return cls(np.frombuffer(b"".join(map(digest, keys)), KIND))

    def __len__(self) -> int:
        return len(self.digests)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Keys: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Keys(self.digests[place])
        return text(self.digests[place])

    def __iter__(self) -> Iterator[str]:
        return map(text, self.digests)


def digest(key: str) -> bytes:
    """The bytes of a key. Raises ValueError for what is none."""
    found = bytes.fromhex(key)
    if len(found) != SIZE:
        raise ValueError(f"is no key: {key!r:.80}")
    return found


def text(digest: bytes) -> str:
    """The key of a SHA-256, whose last zeros may be missing, as NumPy leaves them out."""
    return digest.ljust(SIZE, b"\0").hex()
