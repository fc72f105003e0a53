"""Rules with a line search, for full batches: quasi-Newton, conjugate gradients.

They evaluate the batch at every point that they try. On mini-batches the curvature that they see is
mostly noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nncore.rules.kinds import Array, Shape, rule
from nncore.rules.line_search import Point, strong_wolfe

HISTORY = 10
# Of a pair's product: below, it says nothing about curvature.
CURVED = 1e-10
# How many units in the last place of a loss are rounding.
ROUNDED = 4


def inner(x: Array, y: Array) -> Array:
    """Inner products of the rows of `(T, P)`: `(T, 1)`, in float64.

    >>> inner(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    array([[11.]])
    """
    products = np.multiply(x, y, dtype=np.float64)
    return np.asarray(np.add.reduce(np.ascontiguousarray(products), axis=1, keepdims=True))


def searched(
    w: Array,
    g: Array,
    direction: Array,
    first: Array,
    gradient: Callable[..., Array],
    loss: Callable[..., Array],
    *,
    flat: float,
) -> Array:
    """Step lengths `(T, 1)` along `direction` (T, P), trial by trial, from `first` (T, 1) on.

    0 where the direction does not lead down.
    """
    slopes, lengths = inner(g, direction), np.zeros((len(w), 1))
    for i in range(len(w)):
        if not (slopes[i, 0] < 0 and np.isfinite(slopes[i, 0])):
            continue

        def at(step: float, i: int = i) -> Point:
            there = w[i : i + 1] + w.dtype.type(step) * direction[i : i + 1]
            value = float(loss(there, [i])[0, 0])
            slope = float(inner(gradient(there, [i]), direction[i : i + 1])[0, 0])
            return Point(step, value if math.isfinite(value) else math.inf, slope)

        here = float(loss(w[i : i + 1], [i])[0, 0])
        lengths[i] = strong_wolfe(
            at,
            Point(0.0, here, float(slopes[i, 0])),
            float(first[i, 0]),
            flat=flat,
            size=float(np.abs(direction[i]).max()),
            noise=ROUNDED * float(np.finfo(w.dtype).eps) * abs(here),
        )
    return lengths


def careful(g: Array) -> Array:
    """A first step length where no scale is known, `(T, 1)`: no weight moves by more than 1."""
    total = np.add.reduce(np.abs(np.ascontiguousarray(g)), axis=1, keepdims=True)
    return np.asarray(1 / np.maximum(total, 1))


def _history(shape: Shape) -> Shape:
    return HISTORY, *shape


@rule(per="network", state={"steps": _history, "changes": _history})
def lbfgs(w, g, t, steps, changes, step, before, *, learning_rate=1.0, gradient, loss):
    """L-BFGS with the strong Wolfe conditions. Liu & Nocedal 1989, algorithm 2.1, https://doi.org/10.1007/BF01589116

    s, y = the last step, and by how much it changed g; the last 10 with y^T s > 1e-10 are kept
    H = BFGS's approximation of the inverse Hessian from these pairs and y^T s / y^T y * I
    d = -H g
    w = w + a * d with the Wolfe conditions (1e-4 and 0.9), a = learning_rate being tried first

    For full batches. Without a pair d = -g, and a begins at learning_rate / max(1, sum |g|), as in
    PyTorch with `line_search_fn="strong_wolfe"`, a history of 10 and one iteration a step, which
    gives up where slopes or gradients are below a tolerance.
    """
    if t > 1:
        change = g - before
        for i in np.flatnonzero(inner(change, step) > CURVED):
            steps[i], changes[i] = np.roll(steps[i], -1, axis=0), np.roll(changes[i], -1, axis=0)
            steps[i, -1], changes[i, -1] = step[i], change[i]
    curvatures = [inner(steps[:, k], changes[:, k]) for k in range(HISTORY)]
    weights = [np.where(c > 0, 1 / np.where(c > 0, c, 1), 0) for c in curvatures]
    known = curvatures[-1] > 0
    d, shares = -g, [np.zeros((len(w), 1))] * HISTORY
    for k in reversed(range(HISTORY)):
        shares[k] = weights[k] * inner(steps[:, k], d)
        d = d - (shares[k] * changes[:, k]).astype(w.dtype)
    square = inner(changes[:, -1], changes[:, -1])
    d = d * np.where(known, curvatures[-1] / np.where(known, square, 1), 1).astype(w.dtype)
    for k in range(HISTORY):
        more = shares[k] - weights[k] * inner(changes[:, k], d)
        d = d + (more * steps[:, k]).astype(w.dtype)
    first = np.asarray(learning_rate) * np.where(known, 1, careful(g))
    lengths = searched(w, g, d, first, gradient, loss, flat=0.9)
    before[:] = g
    step[:] = lengths.astype(w.dtype) * d
    w += step


def _one(shape: Shape) -> Shape:
    return (1,)


@rule(per="network", state={"length": _one, "slope": _one})
def conjugate_gradients(w, g, t, d, before, length, slope, *, learning_rate=1.0, gradient, loss):
    """Nonlinear conjugate gradients, Polak & Ribiere's. Gilbert & Nocedal 1992, https://doi.org/10.1137/0802003

    beta = max(0, g^T (g - (the g before)) / (the g before)^T (the g before))
    d = -g + beta * d; or -g where that does not lead down
    w = w + a * d with the Wolfe conditions (1e-4 and 0.1)

    For full batches. The first a that is tried is learning_rate times the last one, in proportion
    to how much less the slope promises (Nocedal & Wright, equation 3.60); at first times
    1 / max(1, sum |g|). SciPy's has another line search.
    """
    square = inner(before, before)
    moved = square > 0
    beta = np.where(moved, inner(g, g - before) / np.where(moved, square, 1), 0)
    d[:] = -g + np.maximum(beta, 0).astype(w.dtype) * d
    d[:] = np.where(inner(g, d) < 0, d, -g)
    now = inner(g, d)
    usable = (length > 0) & (now < 0)
    again = length * slope / np.where(usable, now, 1)
    first = np.asarray(learning_rate) * np.where(usable, again, careful(g))
    lengths = searched(w, g, d, first, gradient, loss, flat=0.1)
    before[:], length[:], slope[:] = g, lengths, now
    w += lengths.astype(w.dtype) * d
