"""Adam and its relatives: running means of the gradient and of its square."""

import numpy as np

from nncore.rules.kinds import rule
from nncore.rules.means import running_mean, unbiased


@rule
def adam(w, g, t, m, v, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam. Kingma & Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980

    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    w = w - learning_rate * (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

    in the order of section 2, where both corrections are on the rate and on epsilon: a quarter
    faster. Epsilon defaults to document 003's 1e-7; the paper's and PyTorch's is 1e-8.
    """
    running_mean(m, g, beta_1)
    running_mean(v, g**2, beta_2)
    correction = (1 - beta_2**t) ** 0.5
    rate = learning_rate * correction / (1 - beta_1**t)
    w -= rate * m / (correction * epsilon + np.sqrt(v))


@rule
def adamw(
    w, g, t, m, v, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=1e-2
):
    """Adam with decoupled weight decay. Loshchilov & Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101

    w = w - learning_rate * weight_decay * w
    then as `adam`

    The paper multiplies the decay by the schedule's factor alone; here, as in PyTorch, Keras and
    optax, by the whole effective rate. Keras's weight decay is 4e-3, optax's 1e-4.
    """
    w -= learning_rate * weight_decay * w
    adam(w, g, t, m, v, learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@rule
def amsgrad(w, g, t, m, v, largest, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """AMSGrad: a denominator that never falls. Reddi, Kale & Kumar 2018, algorithm 2, https://openreview.net/forum?id=ryQu7f-RZ

    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    largest = max(largest, v)
    w = w - learning_rate * m / (sqrt(largest) + epsilon)

    The paper corrects no bias and needs no epsilon. PyTorch and Keras correct both means and take
    the largest uncorrected `v`; optax takes the largest corrected one.
    """
    running_mean(m, g, beta_1)
    running_mean(v, g**2, beta_2)
    np.maximum(largest, v, out=largest)
    w -= learning_rate * m / (np.sqrt(largest) + epsilon)


@rule
def adamax(w, g, t, m, u, *, learning_rate=2e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """AdaMax: Adam with the infinity norm. Kingma & Ba 2015, algorithm 2, https://arxiv.org/abs/1412.6980

    m = beta_1 * m + (1 - beta_1) * g
    u = max(beta_2 * u, |g| + epsilon)
    w = w - learning_rate / (1 - beta_1^t) * m / u

    The paper has no epsilon and divides 0 by 0 where no gradient ever came; this one stands where
    PyTorch and optax have it. Keras adds it to `u` in the quotient.
    """
    running_mean(m, g, beta_1)
    u[:] = np.maximum(beta_2 * u, np.abs(g) + epsilon)
    w -= learning_rate / (1 - beta_1**t) * m / u


@rule
def nadam(
    w, g, t, m, v, rest, *,
    learning_rate=2e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, momentum_decay=4e-3,
):  # fmt: skip
    """NAdam: Adam with Nesterov momentum. Dozat 2016, algorithm 2, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ

    mu(t) = beta_1 * (1 - 0.96^(t * momentum_decay) / 2)
    product = mu(1) * ... * mu(t)       (kept as rest = 1 - product: nothing cancels)
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    m_hat = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
    w = w - learning_rate * m_hat / (sqrt(v / (1 - beta_2^t)) + epsilon)

    The paper's `m` is a running mean with mu(t) in place of beta_1; here, as in PyTorch and Keras,
    it is Adam's. PyTorch has the same schedule of mu, Keras fixes momentum_decay at 1, optax has
    none (mu = beta_1).
    """
    mu = beta_1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta_1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    rest += (1 - rest) * (1 - mu)
    running_mean(m, g, beta_1)
    running_mean(v, g**2, beta_2)
    rest_next = rest + (1 - rest) * (1 - mu_next)
    m_hat = mu_next * m / rest_next + (1 - mu) * g / rest
    v_hat = unbiased(v, beta_2, t)
    w -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


@rule
def radam(w, g, t, m, v, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """RAdam: Adam with a rectified warm-up. Liu et al. 2020, algorithm 2, https://arxiv.org/abs/1908.03265

    rho_inf = 2 / (1 - beta_2) - 1
    rho = rho_inf - 2 * t * beta_2^t / (1 - beta_2^t)
    m, v, m_hat, v_hat as in `adam`
    where rho > 4:
        r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        w = w - learning_rate * r * m_hat / (sqrt(v_hat) + epsilon)
    elsewhere:
        w = w - learning_rate * m_hat

    PyTorch, optax and the authors' code rectify from rho > 5 (or 5 on), PyTorch with epsilon added
    to the uncorrected root.
    """
    running_mean(m, g, beta_1)
    running_mean(v, g**2, beta_2)
    m_hat = unbiased(m, beta_1, t)
    v_hat = unbiased(v, beta_2, t)
    rho_inf = 2 / (1 - beta_2) - 1
    rho = rho_inf - 2 * t * beta_2**t / (1 - beta_2**t)
    r = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    r = np.sqrt(np.maximum(r, 0))  # where rho <= 4, whatever it is: it is not used
    adaptive = r * m_hat / (np.sqrt(v_hat) + epsilon)
    w -= learning_rate * np.where(rho > 4, adaptive, m_hat)
