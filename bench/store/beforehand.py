"""Which claims were made before there were results: a record by digest that a folder keeps.

A claim whose digest first comes when there are results already, or of which no record is left, was
made after the fact; adding or changing one changes nothing for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nncore.values import TEXT, YES_OR_NO, table_of

CLAIMS = "claims"  # the key of a folder's facts
RECORD = table_of(YES_OR_NO, keys=TEXT)


def record_of(meta: Mapping[str, Any]) -> dict[str, bool]:
    """By digest whether a claim came before results; one that cannot be made out vouches for none.

    >>> record_of({"claims": {"a": True}}), record_of({"claims": 3})
    ({'a': True}, {})
    """
    found = meta.get(CLAIMS, {})
    return dict(found) if found in RECORD else {}


def noted(known: Mapping[str, bool], digests: Iterable[str], *, results: bool) -> dict[str, bool]:
    """`known` with the claims that are new; `results` says that there are some already.

    >>> noted({"a": True}, ["a", "b"], results=True)
    {'a': True, 'b': False}
    """
    return {**dict.fromkeys(digests, not results), **known}


def joined(parts: Sequence[Mapping[str, bool]], digests: Iterable[str]) -> dict[str, bool]:
    """The record of folders that become one: before results is what was so in all of them.

    >>> joined([{"a": True, "b": True}, {"a": True}], ["a", "b"])
    {'a': True, 'b': False}
    """
    every = dict.fromkeys([*digests, *(digest for part in parts for digest in part)])
    return {digest: all(part.get(digest, False) for part in parts) for digest in every}


def late(known: Mapping[str, bool], digests: Sequence[str]) -> frozenset[int]:
    """The numbers, from 1, of those claims that were made after there were results.

    >>> sorted(late({"a": True, "b": False}, ["a", "b", "c"]))
    [2, 3]
    """
    return frozenset(n for n, digest in enumerate(digests, start=1) if not known.get(digest, False))
