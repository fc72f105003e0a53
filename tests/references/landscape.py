"""The noisy quadratic on which rules, references and other packages are compared, without NumPy.

Two layers, 3-4-2: weights (3, 4), biases (4,), weights (4, 2), biases (2,). Curvatures span four
orders of magnitude, and every update brings noise, so that signs change and means have to forget.
"""

import math
import random

LAYERS = [(3, 4), (4, 2)]
SHAPES = [(3, 4), (4,), (4, 2), (2,)]
SIZES = [12, 4, 8, 2]
COUNT = sum(SIZES)
UPDATES = 200
# The updates whose weights are stored.
STORED = (1, 2, 7, 60, 200)

_numbers = random.Random(20260101)


def _uniform(count, low=-1.0, high=1.0):
    return [low + (high - low) * _numbers.random() for _ in range(count)]


START = _uniform(COUNT)
CENTRE = _uniform(COUNT)
CURVATURE = [10.0**x for x in _uniform(COUNT, -3, 1)]
NOISE = [_uniform(COUNT) for _ in range(UPDATES)]


def gradient(w, t):
    """The gradient at `w` (a list of COUNT numbers) in update `t`, from 1."""
    parts = zip(w, CENTRE, CURVATURE, NOISE[t - 1], strict=True)
    return [h * (x - c) + 0.3 * (0.1 + h) * n for x, c, h, n in parts]


def loss(w, t):
    """What has that gradient, up to a constant."""
    parts = zip(w, CENTRE, CURVATURE, NOISE[t - 1], strict=True)
    return math.fsum(h / 2 * (x - c) ** 2 + 0.3 * (0.1 + h) * n * x for x, c, h, n in parts)


def split(flat):
    """The flat list as nested lists of SHAPES."""
    parts, start = [], 0
    for shape, size in zip(SHAPES, SIZES, strict=True):
        part = list(flat[start : start + size])
        start += size
        if len(shape) == 2:
            part = [part[i * shape[1] : (i + 1) * shape[1]] for i in range(shape[0])]
        parts.append(part)
    return parts


def join(parts):
    """The flat list of nested lists; the inverse of `split`."""
    return [x for part in parts for row in part for x in (row if isinstance(row, list) else [row])]
