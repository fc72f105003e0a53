"""Rules that divide by a root of the squared gradients."""

import numpy as np

from nncore.rules.kinds import rule
from nncore.rules.means import running_mean


@rule
def adagrad(w, g, t, cache, *, learning_rate=1.0, epsilon=1e-7):
    """AdaGrad. Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html

    cache = cache + g^2
    w = w - learning_rate * g / (sqrt(cache) + epsilon)

    Rate and epsilon default as in document 003; PyTorch's default to 0.01 and 1e-10. Keras starts
    the cache at 0.1, optax too, with epsilon inside the root.
    """
    cache += g**2
    w -= learning_rate * g / (np.sqrt(cache) + epsilon)


@rule
def adadelta(w, g, t, cache, delta, *, learning_rate=1.0, rho=0.95, epsilon=1e-6):
    """AdaDelta. Zeiler 2012, algorithm 1, https://arxiv.org/abs/1212.5701

    cache = rho * cache + (1 - rho) * g^2
    d = sqrt(delta + epsilon) / sqrt(cache + epsilon) * g
    delta = rho * delta + (1 - rho) * d^2
    w = w - learning_rate * d

    The paper has no rate: 1. PyTorch's rho is 0.9; Keras's rate is 0.001 and its epsilon 1e-7.
    """
    running_mean(cache, g**2, rho)
    d = np.sqrt(delta + epsilon) / np.sqrt(cache + epsilon) * g
    running_mean(delta, d**2, rho)
    w -= learning_rate * d


@rule
def rmsprop(w, g, t, cache, *, learning_rate=1e-3, rho=0.9, epsilon=1e-7):
    """RMSProp. Tieleman & Hinton 2012, https://www.cs.toronto.edu/~hinton/coursera/lecture6/lec6.pdf

    cache = rho * cache + (1 - rho) * g^2
    w = w - learning_rate * g / (sqrt(cache) + epsilon)

    Epsilon stands outside the root as in document 003 and PyTorch; PyTorch's rho (alpha) is 0.99.
    """
    running_mean(cache, g**2, rho)
    w -= learning_rate * g / (np.sqrt(cache) + epsilon)


@rule
def rmsprop_momentum(w, g, t, cache, v, *, learning_rate=1e-3, rho=0.9, momentum=0.9, epsilon=1e-7):
    """RMSProp with momentum. Tieleman & Hinton 2012, https://www.cs.toronto.edu/~hinton/coursera/lecture6/lec6.pdf

    cache = rho * cache + (1 - rho) * g^2
    v = momentum * v - learning_rate * g / (sqrt(cache) + epsilon)
    w = w + v

    The lecture names the combination without equations. The rate is inside the velocity as in Keras
    and TensorFlow, whose epsilon is inside the root; PyTorch has the rate outside the velocity, the
    same at a constant rate.
    """
    running_mean(cache, g**2, rho)
    v[:] = momentum * v - learning_rate * g / (np.sqrt(cache) + epsilon)
    w += v


@rule
def rmsprop_centred(
    w, g, t, cache, mean, v, *, learning_rate=1e-4, rho=0.95, momentum=0.9, epsilon=1e-4
):
    """RMSProp, centred, with momentum. Graves 2013, equations 38 to 41, https://arxiv.org/abs/1308.0850

    cache = rho * cache + (1 - rho) * g^2
    mean = rho * mean + (1 - rho) * g
    v = momentum * v - learning_rate * g / sqrt(cache - mean^2 + epsilon)
    w = w + v

    Epsilon inside the root as in the paper, Keras and optax; PyTorch's is outside.
    """
    running_mean(cache, g**2, rho)
    running_mean(mean, g, rho)
    # A variance, which rounding alone can make negative.
    variance = np.maximum(cache - mean**2, 0)
    v[:] = momentum * v - learning_rate * g / np.sqrt(variance + epsilon)
    w += v
