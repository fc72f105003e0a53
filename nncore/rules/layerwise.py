"""Rules that look at a whole weight matrix or vector: its norm, its singular directions.

They are called for each weight `(T, inputs, outputs)` and each vector `(T, features)` apart: what
they say of biases holds for a layer norm's gains and biases too, each a vector of its own.
"""

from __future__ import annotations

import math

import numpy as np

from nncore.rules.adam import adam
from nncore.rules.kinds import Array, Shape, norm, rule
from nncore.rules.means import running_mean, unbiased


def trust_ratio(weights, update, trust=1):
    """`trust * weights / update` of two norms; 1 where either is 0: biases at zero must move.

    1 also where the quotient is beyond the largest number.
    """
    size = trust * weights
    usable = (size > 0) & (update > size / np.finfo(update.dtype).max)
    return np.where(usable, size, 1) / np.where(usable, update, 1)


@rule(per="tensor")
def lars(w, g, t, v, *, learning_rate=1.0, momentum=0.9, weight_decay=0.0, trust=1e-3):
    """LARS: a rate per layer. You, Gitman & Ginsburg 2017, algorithm 1, https://arxiv.org/abs/1708.03888

    local = trust * ||w|| / (||g|| + weight_decay * ||w||)
    v = momentum * v + learning_rate * local * (g + weight_decay * w)
    w = w - v

    for each weight and each bias; `local` is 1 where a norm is 0. Others leave biases out, and
    optax divides by the norm of g + weight_decay * w: the same without decay.
    """
    size = norm(w)
    local = trust_ratio(size, norm(g) + weight_decay * size, trust)
    v[:] = momentum * v + learning_rate * local * (g + weight_decay * w)
    w -= v


@rule(per="tensor")
def lamb(
    w, g, t, m, v, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-6, weight_decay=0.0
):
    """LAMB: Adam with a rate per layer. You et al. 2020, algorithm 2, https://arxiv.org/abs/1904.00962

    m, v, m_hat, v_hat as in `adam`
    r = m_hat / (sqrt(v_hat) + epsilon) + weight_decay * w
    w = w - learning_rate * ||w|| / ||r|| * r

    for each weight and each bias; the ratio is 1 where a norm is 0. The paper's scaling function is
    the identity, as in optax.
    """
    running_mean(m, g, beta_1)
    running_mean(v, g**2, beta_2)
    m_hat = unbiased(m, beta_1, t)
    v_hat = unbiased(v, beta_2, t)
    r = m_hat / (np.sqrt(v_hat) + epsilon) + weight_decay * w
    w -= learning_rate * trust_ratio(norm(w), norm(r)) * r


def newton_schulz(x: Array, steps: int = 5) -> Array:
    """Nearly the nearest semi-orthogonal matrices to `x` (T, I, O): singular values near 1.

    Jordan 2024's quintic iteration, a x + (b A + c A^2) x with A = x x^T, on `x` of norm 1.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.transpose(0, 2, 1)
    x = x / (norm(x) + 1e-7)
    for _ in range(steps):
        squared = np.matmul(x, x.transpose(0, 2, 1))
        x = a * x + np.matmul(b * squared + c * np.matmul(squared, squared), x)
    return x if wide else x.transpose(0, 2, 1)


@rule(per="tensor")
def muon(
    w, g, t, m, v, *,
    learning_rate=2e-2, momentum=0.95, weight_decay=0.0, beta_1=0.9, beta_2=0.95, epsilon=1e-10,
):  # fmt: skip
    """Muon: orthogonalised momentum for weights, Adam for biases. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/

    m = momentum * m + (1 - momentum) * g
    u = newton_schulz((1 - momentum) * g + momentum * m)
    w = w - learning_rate * (sqrt(max(1, outputs / inputs)) * u + weight_decay * w)

    for each weight; biases follow `adam` with the same rate (`bias.learning_rate` for their own),
    and decay as weights do. Jordan leaves the first and last layer to Adam as well. PyTorch
    iterates in bfloat16; optax corrects biases of `m` and `g`, which mixes them otherwise at first.
    """
    if w.ndim == 2:
        w -= learning_rate * weight_decay * w
        adam(
            w,
            g,
            t,
            m,
            v,
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
        )
        return
    inputs, outputs = w.shape[1:]
    running_mean(m, g, momentum)
    u = newton_schulz((1 - momentum) * g + momentum * m)
    w -= learning_rate * (math.sqrt(max(1, outputs / inputs)) * u + weight_decay * w)


def inverse_root(matrix: Array, power: int) -> Array:
    """`matrix ** (-1 / power)` for symmetric positive `(T, N, N)`, by eigenvalues; NaN for NaN."""
    finite = np.isfinite(matrix).all(axis=(1, 2), keepdims=True)
    # LAPACK refuses what is not finite, which would end the other trials too.
    values, vectors = np.linalg.eigh(
        np.where(finite, matrix, np.eye(matrix.shape[1], dtype=matrix.dtype))
    )
    # Rounding can leave an eigenvalue at or below zero.
    least = np.finfo(matrix.dtype).eps * values[:, -1:]
    roots = np.maximum(values, least) ** (-1 / power)
    root = np.matmul(vectors * roots[:, None, :], vectors.transpose(0, 2, 1))
    return np.where(finite, root, np.nan)


def _rows(shape: Shape) -> Shape:
    return shape[0], shape[0]


def _columns(shape: Shape) -> Shape:
    return (shape[1], shape[1]) if len(shape) == 2 else (0, 0)


@rule(per="tensor", state={"left": _rows, "right": _columns})
def shampoo(w, g, t, left, right, *, learning_rate=1e-1, epsilon=1e-4):
    """Shampoo: a preconditioner for each axis. Gupta, Koren & Singer 2018, algorithm 1, https://arxiv.org/abs/1802.09568

    left = epsilon * I at first, left = left + g g^T
    right = epsilon * I at first, right = right + g^T g
    w = w - learning_rate * left^(-1/4) g right^(-1/4)

    for each weight; a bias, having one axis, w = w - learning_rate * left^(-1/2) g (algorithm 2).
    Roots are taken at every update; implementations elsewhere take them now and then, let the sums
    decay, and graft another rule's step size.
    """
    if t == 1:
        left[:] = np.reshape(epsilon, (-1, 1, 1)) * np.eye(left.shape[1], dtype=w.dtype)
        right[:] = np.reshape(epsilon, (-1, 1, 1)) * np.eye(right.shape[1], dtype=w.dtype)
    if w.ndim == 2:
        column = g[:, :, None]
        left += column * g[:, None, :]
        w -= learning_rate * np.matmul(inverse_root(left, 2), column)[:, :, 0]
        return
    left += np.matmul(g, g.transpose(0, 2, 1))
    right += np.matmul(g.transpose(0, 2, 1), g)
    w -= learning_rate * np.matmul(np.matmul(inverse_root(left, 4), g), inverse_root(right, 4))
