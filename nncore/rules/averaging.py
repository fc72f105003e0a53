"""Rules that need no schedule, or no rate: averaged iterates, estimated distances."""

from __future__ import annotations

import numpy as np

from nncore.rules.kinds import Shape, rule
from nncore.rules.means import running_mean, unbiased


def share(length, learning_rate):
    """The weight of this update in an average that squares of the rates weigh.

    `length`, the root of the sum of their squares, is kept: it is no larger or smaller than a rate
    can be, as squares are. While every rate is 0, so is the weight.
    """
    length[:] = np.hypot(length, learning_rate)
    return (learning_rate / np.where(length > 0, length, 1)) ** 2


@rule(evaluate="x")
def schedule_free_sgd(w, g, t, x, z, length, *, learning_rate=1.0, beta_1=0.9, weight_decay=0.0):
    """Schedule-free SGD. Defazio et al. 2024, equations 3 to 5, https://arxiv.org/abs/2405.15682

    x = z = w at first
    z = z - learning_rate * (g + weight_decay * w)
    total = total + learning_rate^2
    c = learning_rate^2 / total     (0 while every rate is 0)
    x = (1 - c) * x + c * z
    w = (1 - beta_1) * z + beta_1 * x

    `w` is the paper's y, at which gradients are taken; metrics are those of the average x. The
    weights c, 1 / t at a constant rate, give less to the updates of a warm-up. This is the version
    of the authors' package, which uses the largest rate so far for them, the same unless the rate
    falls; equation 5 has 1 / (t + 1) instead, so that the start is part of the average.
    """
    if t == 1:
        x[:] = w
        z[:] = w
    z -= learning_rate * (g + weight_decay * w)
    c = share(length, learning_rate)
    x[:] = (1 - c) * x + c * z
    w[:] = (1 - beta_1) * z + beta_1 * x


@rule(evaluate="x")
def schedule_free_adamw(
    w, g, t, x, z, v, length, *,
    learning_rate=2.5e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    """Schedule-free AdamW. Defazio et al. 2024, algorithm 1, https://arxiv.org/abs/2405.15682

    x = z = w at first
    v = beta_2 * v + (1 - beta_2) * g^2
    z = z - learning_rate * (g / (sqrt(v / (1 - beta_2^t)) + epsilon) + weight_decay * w)
    total = total + learning_rate^2
    c = learning_rate^2 / total     (0 while every rate is 0)
    x = (1 - c) * x + c * z
    w = (1 - beta_1) * z + beta_1 * x

    `w` is the paper's y, at which gradients are taken; metrics are those of the average x. This is
    the version of the authors' package (which differs where the rate falls, as for
    `schedule_free_sgd`). Algorithm 1 has sqrt(1 - beta_2^t) in the rate instead of in `v`: then it
    is part of the weights c, which give less to the first updates, and of the weight decay.
    """
    if t == 1:
        x[:] = w
        z[:] = w
    running_mean(v, g**2, beta_2)
    v_hat = unbiased(v, beta_2, t)
    z -= learning_rate * (g / (np.sqrt(v_hat) + epsilon) + weight_decay * w)
    c = share(length, learning_rate)
    x[:] = (1 - c) * x + c * z
    w[:] = (1 - beta_1) * z + beta_1 * x


def _one(shape: Shape) -> Shape:
    return (1,)


@rule(per="network", state={"d": _one, "r": _one}, varying=("learning_rate", "weight_decay"))
def prodigy(
    w, g, t, m, v, s, start, d, r, *,
    learning_rate=1.0, beta_1=0.9, beta_2=0.999, epsilon=1e-8,
    weight_decay=0.0, initial_distance=1e-6,
):  # fmt: skip
    """Prodigy: Adam that estimates its rate. Mishchenko & Defazio 2024, algorithm 4, https://arxiv.org/abs/2306.06101

    start = w and d = initial_distance at first
    m = beta_1 * m + (1 - beta_1) * d * g
    v = beta_2 * v + (1 - beta_2) * d^2 * g^2
    r = beta_3 * r + (1 - beta_3) * learning_rate * d^2 * <g, start - w>
    s = beta_3 * s + (1 - beta_3) * learning_rate * d^2 * g       with beta_3 = sqrt(beta_2)
    w = w - learning_rate * d * (m / (sqrt(v) + d * epsilon) + weight_decay * w)
    d = max(d, r / sum |s|)

    over all parameters of the network; the rate is a factor on the estimated one. The authors'
    package updates `d` before its product with epsilon. Of the hyperparameters, only the rate and
    the weight decay may differ between weights and biases.
    """
    if t == 1:
        start[:] = w
        d[:] = initial_distance
    beta_3 = beta_2**0.5
    running_mean(m, d * g, beta_1)
    running_mean(v, d**2 * g**2, beta_2)
    progress = learning_rate * d**2 * (g * (start - w))
    running_mean(r, np.add.reduce(progress, axis=1, keepdims=True), beta_3)
    running_mean(s, learning_rate * d**2 * g, beta_3)
    w -= learning_rate * d * (m / (np.sqrt(v) + d * epsilon) + weight_decay * w)
    size = np.add.reduce(np.abs(s), axis=1, keepdims=True)
    d[:] = np.maximum(d, np.where(size > 0, r / np.where(size > 0, size, 1), 0))
