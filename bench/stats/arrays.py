"""What every estimate asks of its input; arithmetic and ranks on which infinity is a number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def numbers(values: ArrayLike, what: str = "values", fewest: int = 1) -> Array:
    """`values` as float64, any shape `(..., n)` with `n >= fewest`; infinities are welcome.

    Raises ValueError for NaN (nobody knows where a NaN ranks: the caller must say whether it is a
    diverged run, infinite, or no run at all) and for fewer than `fewest` values.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        raise ValueError(f"{what}: an array is needed, not a single number")
    if array.shape[-1] < fewest:
        raise ValueError(f"{what}: at least {fewest} needed, {array.shape[-1]} given")
    if np.isnan(array).any():
        raise ValueError(f"{what}: NaN; write a diverged run as infinity, leave a missing one out")
    return array


def sample(values: ArrayLike, what: str = "values") -> Array:
    """`values` as one sample `(n,)`: as `numbers`, and ValueError for more than one axis."""
    array = numbers(values, what)
    if array.ndim != 1:
        raise ValueError(f"{what}: one axis is needed, not {array.ndim}")
    return array


def fraction(value: float, what: str) -> float:
    """`value`, which must lie strictly between 0 and 1, or ValueError."""
    if not 0 < value < 1:
        raise ValueError(f"{what}: {value} is not between 0 and 1")
    return float(value)


def between(low: Any, high: Any, weight: Any) -> Array:
    """The point `weight` (0 to 1) of the way from `low` to `high`, elementwise, `low <= high`.

    An infinite end wins as soon as its weight is positive. Between -inf and inf the heavier end
    wins, and half-way is 0: the only choice that flips its sign when all values do.

    >>> between([1.0, 1.0, -np.inf], [3.0, np.inf, np.inf], 0.5)
    array([ 2., inf,  0.])
    """
    low, high, weight = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (low, high, weight))
    )
    with np.errstate(invalid="ignore"):
        # Scaled before they are added: two large losses must not add up to infinity.
        mixed = low * (1 - weight) + high * weight
    mixed = np.where(weight == 0, low, np.where(weight == 1, high, mixed))
    mixed = np.where(low == high, low, mixed)
    torn = np.isnan(mixed)
    if torn.any():
        mixed = np.where(torn, np.select([weight < 0.5, weight > 0.5], [low, high], 0.0), mixed)
    return mixed


def midranks(values: Array) -> Array:
    """Ranks from 1 along the last axis of `values` `(..., n)`; equal values share their mean rank.

    >>> midranks(np.array([3.0, np.inf, 1.0, np.inf]))
    array([2. , 3.5, 1. , 3.5])
    """
    order = values.argsort(axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    place = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    begins = np.ones(values.shape, dtype=bool)
    begins[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    ends = np.ones(values.shape, dtype=bool)
    ends[..., :-1] = begins[..., 1:]
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=-1)
    behind = np.where(ends, place, values.shape[-1])[..., ::-1]
    last = np.minimum.accumulate(behind, axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    return ranks
