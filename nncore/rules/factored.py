"""Rules that keep little of a weight matrix's squared gradients: sums over its rows and columns."""

from __future__ import annotations

import numpy as np

from nncore.rules.kinds import Array, Shape, norm, rule
from nncore.rules.means import running_mean


def _rows(shape: Shape) -> Shape:
    return (shape[0], 1) if len(shape) == 2 else shape


def _columns(shape: Shape) -> Shape:
    return (1, shape[1]) if len(shape) == 2 else (0,)


def root_mean_square(x: Array) -> Array:
    """Of what each trial has in `x` (T, ...): `(T, 1, ...)`.

    >>> root_mean_square(np.array([[1.0, 7.0]]))
    array([[5.]])
    """
    return norm(x) / x.dtype.type(x[0].size ** 0.5)


def _mean(x: Array, axis: int) -> Array:
    """The mean along one axis of `(T, a, b)`, which is kept; added in the order of a row."""
    rows = np.ascontiguousarray(np.moveaxis(x, axis, 2))
    means = np.add.reduce(rows, axis=2, keepdims=True) / x.dtype.type(x.shape[axis])
    return np.moveaxis(means, 2, axis)


@rule(per="tensor", state={"rows": _rows, "columns": _columns})
def adafactor(
    w, g, t, rows, columns, *,
    learning_rate=1e-2, exponent=0.8, epsilon=1e-30, smallest=1e-3, threshold=1.0, weight_decay=0.0,
):  # fmt: skip
    """Adafactor: second moments of rows and columns. Shazeer & Stern 2018, algorithms 4 and 5, https://arxiv.org/abs/1804.04235

    beta = 1 - t^-exponent
    rows = beta * rows + (1 - beta) * (means of g^2 + epsilon over each row)
    columns = beta * columns + (1 - beta) * (means of g^2 + epsilon over each column)
    v = rows * columns / mean(rows)
    u = g / sqrt(v)
    u = u / max(1, rms(u) / threshold)
    w = w - min(learning_rate, 1 / sqrt(t)) * max(smallest, rms(w)) * u
        - learning_rate * weight_decay * w

    for each weight; for a bias, `v` is the running mean of its own squares. The paper has sums
    where these are means, which is the same. PyTorch bounds `v` from below instead of adding
    epsilon, and takes the weights' root mean square before the decay, as is done here.
    """
    beta = 1 - float(t) ** -exponent
    size = np.maximum(root_mean_square(w), smallest)
    w -= learning_rate * weight_decay * w
    squares = g**2 + epsilon
    if w.ndim == 2:
        running_mean(rows, squares, beta)
        u = g / np.sqrt(rows)
    else:
        running_mean(rows, _mean(squares, 2), beta)
        running_mean(columns, _mean(squares, 1), beta)
        # One root after another: the product of two small means would be 0.
        u = g / np.sqrt(rows / _mean(rows, 1)) / np.sqrt(columns)
    u /= np.maximum(1, root_mean_square(u) / threshold)
    w -= np.minimum(learning_rate, t**-0.5) * size * u
