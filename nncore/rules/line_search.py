"""A step length that satisfies the strong Wolfe conditions, for one trial.

Nocedal & Wright 2006, algorithms 3.5 and 3.6, https://doi.org/10.1007/978-0-387-40065-5, with the
bounds of Schmidt's minFunc, https://www.cs.ubc.ca/~schmidtm/Software/minFunc.html, as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

ENOUGH = 1e-4  # of the decrease that the slope at the start promises
MOST = 25  # points tried
RESOLUTION = 1e-9  # of weights: closer ones are the same


class Point(NamedTuple):
    """How far along the line, and the loss and its slope there."""

    step: float
    loss: float
    slope: float


def strong_wolfe(
    at: Callable[[float], Point],
    start: Point,
    step: float,
    *,
    flat: float,
    size: float,
    noise: float,
) -> float:
    """A step length, beginning with `step`; the slope there is at most `flat` times the first.

    `at` evaluates a step length; `size` is the largest change of a weight that a step of 1 makes,
    `noise` what rounding alone may change of a loss. The best point seen where the conditions
    cannot be met within `MOST` points.
    """

    def is_low(point: Point) -> bool:
        return point.loss <= start.loss + ENOUGH * point.step * start.slope + noise

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -flat * start.slope

    before, now, tried = start, at(step), 1
    while is_low(now) and not (tried > 2 and now.loss >= before.loss):
        if is_flat(now):
            return now.step
        if now.slope >= 0:
            break
        if tried > MOST:
            return min(start, now, key=lambda point: point.loss).step
        further = now.step + 0.01 * (now.step - before.step)
        before, now = now, at(lowest(before, now, further, 10 * now.step))
        tried += 1
    low, high = (before, now) if before.loss <= now.loss else (now, before)
    hesitant = False
    while tried <= MOST and abs(high.step - low.step) * size >= RESOLUTION:
        left, right = sorted((low.step, high.step))
        step, margin = lowest(low, high, left, right), 0.1 * (right - left)
        # Twice near an end, or at one, is no progress: then a tenth of the way from there.
        near = min(right - step, step - left) < margin
        if near and (hesitant or not left < step < right):
            step = right - margin if right - step < step - left else left + margin
            near = False
        hesitant = near
        now = at(step)
        tried += 1
        if not is_low(now) or now.loss >= low.loss:
            low, high = (low, now) if low.loss <= now.loss else (now, low)
            continue
        if is_flat(now):
            return now.step
        if now.slope * (high.step - low.step) >= 0:
            high = low
        low = now
    return low.step


def lowest(one: Point, other: Point, least: float, most: float) -> float:
    """Where the cubic through two points is lowest, between `least` and `most`.

    Their middle where it has no lowest point.

    >>> lowest(Point(0.0, 1.0, -2.0), Point(3.0, 4.0, 4.0), 0.0, 3.0)
    1.0
    """
    left, right = sorted((one, other))
    if left.step < right.step:
        mean = (left.loss - right.loss) / (left.step - right.step)
        bend = left.slope + right.slope - 3 * mean
        square = bend**2 - left.slope * right.slope
        if square >= 0 and (width := right.slope - left.slope + 2 * math.sqrt(square)):
            share = (right.slope + math.sqrt(square) - bend) / width
            found = right.step - (right.step - left.step) * share
            return min(max(found, least), most)
    return (least + most) / 2
