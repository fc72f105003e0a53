"""Sharpness: the largest eigenvalue of the Hessian, as it is and as the rule's steps see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncore.instruments.kinds import Probe, instrument
from nncore.streams import generator

Array = NDArray[np.float64]
TOLERANCE = 1e-4  # of the eigenvalue, by its residual
MOST = 120  # Hessian products a record, at most


@instrument(label="sharpness")
def sharpness(probe: Probe) -> Array:
    """The largest eigenvalue of the Hessian of the training loss. Cohen et al. 2021, https://arxiv.org/abs/2103.00065

    By Lanczos' method, from a start that the number of parameters decides, on central differences
    of gradients in float64, until its residual is below 1e-4 of it. Costs two gradients of the
    whole training part for each of 10 to 120 steps a record.
    """
    ones = np.ones_like(probe.w)
    return np.array([_sharpness(probe, i, ones[i]) for i in range(len(probe.w))])


@instrument(label="preconditioned sharpness")
def preconditioned_sharpness(probe: Probe) -> Array:
    """The same of the Hessian divided by what the rule divides its steps by. Cohen et al. 2022, https://arxiv.org/abs/2207.14484

    That is sqrt(v) + epsilon of Adam and its relatives, bias corrected; 1 of rules along the
    gradient; of other rules nothing is known. Costs as much as sharpness.
    """
    scale = probe.preconditioner()
    return np.array([_sharpness(probe, i, scale[i]) for i in range(len(probe.w))])


def _sharpness(probe: Probe, trial: int, scale: Array) -> float:
    """The largest eigenvalue of D H D with D = scale^(-1/2), for one trial; NaN without a scale."""
    w = probe.w[trial]
    if not (np.isfinite(w).all() and np.isfinite(scale).all() and (scale > 0).all()):
        return float("nan")
    root = 1 / np.sqrt(scale)
    step = np.cbrt(np.finfo(float).eps) * max(1.0, float(np.linalg.norm(w)))

    def product(v: Array) -> Array:
        along = root * v
        size = float(np.linalg.norm(along))
        if size == 0:
            return np.zeros_like(v)
        e = step / size
        ahead = probe.gradient_at(trial, w + e * along)
        behind = probe.gradient_at(trial, w - e * along)
        return np.asarray(root * (ahead - behind) / (2 * e))

    return largest_eigenvalue(product, len(w))


def largest_eigenvalue(product: Callable[[Array], Array], size: int) -> float:
    """The largest eigenvalue of a symmetric matrix of this `size`, given its product with a vector.

    Lanczos 1950, with full reorthogonalisation, until the residual of the Ritz pair is below
    `TOLERANCE` of the largest eigenvalue in size, or after `MOST` products.

    >>> round(largest_eigenvalue(lambda v: np.array([3.0, -5.0, 1.0]) * v, 3), 6)
    3.0
    """
    start = generator("lanczos", size).standard_normal(size)
    basis = [start / np.linalg.norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        new = product(basis[-1])
        if not np.isfinite(new).all():
            return float("nan")
        diagonal.append(float(basis[-1] @ new))
        for _ in range(2):  # once leaves rounding behind
            for vector in basis:
                new = new - (vector @ new) * vector
        left = float(np.linalg.norm(new))
        values, vectors = np.linalg.eigh(
            np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        )
        size_of = max(abs(float(values[0])), abs(float(values[-1])), 1e-300)
        residual = left * abs(float(vectors[-1, -1]))
        if residual <= TOLERANCE * size_of or len(basis) >= min(size, MOST):
            return float(values[-1])
        beside.append(left)
        basis.append(new / left)
