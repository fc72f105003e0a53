"""AdaGrad of document 003's full listing, as a rule that a spec can name."""

import numpy as np

from nncore.rules import rule


@rule
def listed_adagrad(
    w, g, t, cache, *, learning_rate=1.0, listed_decay=1e-4, epsilon=1e-7, first=1.0
):
    """AdaGrad with the decay of document 003's full listing: rate * decay / t, t updates made.

    `1. / + decay * t` in place of `1. + decay * t` is (1 / decay) * t, whose reciprocal is the
    factor on the rate. The first update divides by zero; here its factor is `first`.
    """
    factor = first if t == 1 else listed_decay / (t - 1)
    cache[:] = cache + g**2
    w -= factor * learning_rate * g / (np.sqrt(cache) + epsilon)
