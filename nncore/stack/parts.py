"""Equal parts of a number of trials."""

from __future__ import annotations

import itertools


def parts(count: int, size: int) -> list[slice]:
    """The places of `count` things in as few equal parts as hold at most `size`, 1 at least.

    The first is the largest, by one at most.

    >>> parts(10, 4)
    [slice(0, 4, None), slice(4, 7, None), slice(7, 10, None)]
    """
    number = -(-count // max(1, size))
    ends = [-(-count * part // number) for part in range(number + 1)] if number else []
    return [slice(*ends) for ends in itertools.pairwise(ends)]
