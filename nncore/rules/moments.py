"""Further from Adam: other second moments, and gradients' differences."""

import numpy as np

from nncore.rules.kinds import rule
from nncore.rules.means import running_mean, unbiased


@rule
def adabelief(w, g, t, m, s, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """AdaBelief: the variance around the mean. Zhuang et al. 2020, algorithm 2, https://arxiv.org/abs/2010.07468

    m = beta_1 * m + (1 - beta_1) * g
    s = beta_2 * s + (1 - beta_2) * (g - m)^2 + epsilon
    w = w - learning_rate * (m / (1 - beta_1^t)) / (sqrt(s / (1 - beta_2^t)) + epsilon)

    The authors' code has an epsilon of 1e-16 since version 0.2, optax too; in float32 that keeps
    the denominator above no more than 1e-8.
    """
    running_mean(m, g, beta_1)
    running_mean(s, (g - m) ** 2, beta_2)
    s += epsilon
    m_hat = unbiased(m, beta_1, t)
    s_hat = unbiased(s, beta_2, t)
    w -= learning_rate * m_hat / (np.sqrt(s_hat) + epsilon)


@rule
def yogi(w, g, t, m, v, *, learning_rate=1e-2, beta_1=0.9, beta_2=0.999, epsilon=1e-3):
    """Yogi: an additive second moment. Zaheer et al. 2018, algorithm 2, https://papers.nips.cc/paper/8186-adaptive-methods-for-nonconvex-optimization

    m = beta_1 * m + (1 - beta_1) * g
    v = v - (1 - beta_2) * sign(v - g^2) * g^2
    w = w - learning_rate * m / (sqrt(v) + epsilon)

    Optax corrects the bias of both moments and starts them at 1e-6.
    """
    running_mean(m, g, beta_1)
    v -= (1 - beta_2) * np.sign(v - g**2) * g**2
    w -= learning_rate * m / (np.sqrt(v) + epsilon)


@rule
def adabound(
    w, g, t, m, v, *,
    learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, final_ratio=100.0, gamma=1e-3,
):  # fmt: skip
    """AdaBound: from Adam to SGD, by bounds on the rates. Luo et al. 2019, algorithm 2, https://arxiv.org/abs/1902.09843

    m, v as in `adam`
    low = final_ratio * learning_rate * (1 - 1 / (gamma * t + 1))
    high = final_ratio * learning_rate * (1 + 1 / (gamma * t))
    rate = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) / (sqrt(v) + epsilon)
    w = w - min(max(rate, low), high) * m

    This is the authors' code, which corrects the bias; algorithm 2 does not, and divides the rate
    by sqrt(t). The final rate is there in absolute numbers, 0.1 at a learning rate of 1e-3, and
    falls with that one, as it does here.
    """
    running_mean(m, g, beta_1)
    running_mean(v, g**2, beta_2)
    final = final_ratio * learning_rate
    low, high = final * (1 - 1 / (gamma * t + 1)), final * (1 + 1 / (gamma * t))
    corrected = learning_rate * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    # Where it never had a gradient, v and m are 0, and epsilon may be.
    root = np.sqrt(v) + epsilon
    rate = np.where(root > 0, corrected / np.where(root > 0, root, 1), high)
    w -= np.clip(rate, low, high) * m


@rule
def adan(
    w, g, t, m, v, n, before, *,
    learning_rate=1e-3, beta_1=0.98, beta_2=0.92, beta_3=0.99, epsilon=1e-8, weight_decay=0.0,
):  # fmt: skip
    """Adan: adaptive Nesterov momentum. Xie et al. 2024, algorithm 1, https://arxiv.org/abs/2208.06677

    d = g - (the gradient before)
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * d
    n = beta_3 * n + (1 - beta_3) * (g + beta_2 * d)^2
    m_hat, v_hat, n_hat = m / (1 - beta_1^t), v / (1 - beta_2^t), n / (1 - beta_3^t)
    w = (w - learning_rate * (m_hat + beta_2 * v_hat) / (sqrt(n_hat) + epsilon))
        / (1 + learning_rate * weight_decay)

    The betas are one minus the paper's. The paper starts its means at the first gradients; here, as
    in the authors' code and optax, they start at zero and their bias is corrected; `d` is 0 at
    first. Optax decays weights as AdamW does instead of dividing, and multiplies `d` by 1 - beta_2.
    """
    if t == 1:
        before[:] = g
    d = g - before
    before[:] = g
    running_mean(m, g, beta_1)
    running_mean(v, d, beta_2)
    running_mean(n, (g + beta_2 * d) ** 2, beta_3)
    m_hat = unbiased(m, beta_1, t)
    v_hat = unbiased(v, beta_2, t)
    n_hat = unbiased(n, beta_3, t)
    w -= learning_rate * (m_hat + beta_2 * v_hat) / (np.sqrt(n_hat) + epsilon)
    w /= 1 + learning_rate * weight_decay
