"""Rules that step along the gradient, its running sum, or their signs."""

import numpy as np

from nncore.rules.kinds import rule
from nncore.rules.means import running_mean


@rule
def sgd(w, g, t, v, *, learning_rate=1.0, momentum=0.0):
    """Stochastic gradient descent with momentum, the rate inside the velocity. Document 003.

    v = momentum * v - learning_rate * g
    w = w + v

    PyTorch keeps the rate outside the velocity; the two differ as soon as the rate changes during
    training. Momentum 0 is plain gradient descent, bit for bit.
    """
    v *= momentum
    v -= learning_rate * g
    w += v


@rule
def heavy_ball(w, g, t, v, *, learning_rate=1e-2, momentum=0.9, weight_decay=0.0):
    """Heavy ball, the rate outside the velocity. Polyak 1964, https://doi.org/10.1016/0041-5553%2864%2990137-5

    v = momentum * v + g + weight_decay * w
    w = w - learning_rate * v

    This is PyTorch's SGD without dampening; weight decay is coupled (an L2 penalty). `sgd` has the
    rate inside the velocity, as Keras does: the same at a constant rate.
    """
    v[:] = momentum * v + g + weight_decay * w
    w -= learning_rate * v


@rule
def sgd_dampened(w, g, t, v, *, learning_rate=1e-2, momentum=0.9, dampening=0.9, weight_decay=0.0):
    """Heavy ball with dampening: a running mean of gradients. PyTorch's SGD, https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html

    d = g + weight_decay * w
    v = d at first, then momentum * v + (1 - dampening) * d
    w = w - learning_rate * v

    With dampening equal to the momentum, as here by default, `v` is a mean that starts at the first
    gradient, and steps do not grow by 1 / (1 - momentum); dampening 0 is `heavy_ball`.
    """
    d = g + weight_decay * w
    v[:] = d if t == 1 else momentum * v + (1 - dampening) * d
    w -= learning_rate * v


@rule
def nesterov(w, g, t, v, *, learning_rate=1e-2, momentum=0.9):
    """Nesterov's accelerated gradient. Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html

    v = momentum * v - learning_rate * g
    w = w + momentum * v - learning_rate * g

    The paper takes its gradient at the point that the velocity leads to; `w` is that point, as in
    Bengio et al. 2013 (section 3.5, https://arxiv.org/abs/1212.0901) and Keras. PyTorch has the
    rate outside the velocity: the same at a constant rate.
    """
    v[:] = momentum * v - learning_rate * g
    w += momentum * v - learning_rate * g


@rule
def signsgd(w, g, t, *, learning_rate=1e-3):
    """Sign descent. Bernstein et al. 2018, algorithm 1, https://arxiv.org/abs/1802.04434

    w = w - learning_rate * sign(g)
    """
    w -= learning_rate * np.sign(g)


@rule
def signum(w, g, t, m, *, learning_rate=1e-3, momentum=0.9, weight_decay=0.0):
    """Sign of the momentum. Bernstein et al. 2018, algorithm 2, https://arxiv.org/abs/1802.04434

    m = momentum * m + (1 - momentum) * g
    w = w - learning_rate * (sign(m) + weight_decay * w)
    """
    running_mean(m, g, momentum)
    w -= learning_rate * (np.sign(m) + weight_decay * w)


@rule
def lion(w, g, t, m, *, learning_rate=1e-4, beta_1=0.9, beta_2=0.99, weight_decay=0.0):
    """Lion, evolved sign momentum. Chen et al. 2023, algorithm 2, https://arxiv.org/abs/2302.06675

    u = sign(beta_1 * m + (1 - beta_1) * g)
    w = w - learning_rate * (u + weight_decay * w)
    m = beta_2 * m + (1 - beta_2) * g

    The paper advises a rate 3 to 10 times below AdamW's and a weight decay as much above it; optax
    defaults to a weight decay of 1e-3.
    """
    u = np.sign(beta_1 * m + (1 - beta_1) * g)
    w -= learning_rate * (u + weight_decay * w)
    running_mean(m, g, beta_2)


@rule
def rprop(
    w, g, t, before, step, *,
    learning_rate=0.1, increase=1.2, decrease=0.5, smallest=1e-6, largest=50.0,
):  # fmt: skip
    """Resilient propagation, iRprop-. Igel & Huesken 2003, https://doi.org/10.1016/S0925-2312%2801%2900700-7

    step = learning_rate at first, then
        step * increase  where g keeps its sign
        step * decrease  where g changes it; there, g = 0
    step = min(max(step, smallest), largest)
    w = w - step * sign(g)

    For full batches: noise in the sign of `g` shrinks every step. The rate is the first step, so
    decay and schedules do nothing later; a first rate of 0 starts at `smallest`. Defaults are those
    of Riedmiller & Braun 1993, whose original takes the last step back where the sign changes;
    PyTorch has this same variant, with a first step of 0.01.
    """
    if t == 1:
        step[:] = learning_rate
    turn = np.sign(g) * np.sign(before)  # a product of two small gradients would be 0
    step[:] = np.where(turn > 0, step * increase, np.where(turn < 0, step * decrease, step))
    np.clip(step, smallest, largest, out=step)
    before[:] = np.where(turn < 0, 0, g)
    w -= step * np.sign(before)
