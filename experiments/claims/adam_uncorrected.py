"""Adam without the correction of its means' bias towards zero."""

import numpy as np

from nncore.rules import rule


@rule
def adam_uncorrected(w, g, t, m, v, *, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Adam as in Kingma & Ba 2015, algorithm 1, but for the corrections. https://arxiv.org/abs/1412.6980

    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    w = w - learning_rate * m / (sqrt(v) + epsilon)
    """
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g**2
    w -= learning_rate * m / (np.sqrt(v) + epsilon)
