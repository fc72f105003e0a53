"""What many rules keep of their gradients: a running mean, corrected for its start at 0."""


def running_mean(mean, value, beta):
    """`mean = beta * mean + (1 - beta) * value`, in place.

    >>> import numpy as np
    >>> m = np.array([4.0])
    >>> running_mean(m, 8.0, 0.75)
    >>> m
    array([5.])
    """
    mean *= beta
    mean += (1 - beta) * value


def unbiased(mean, beta, t):
    """`mean / (1 - beta^t)`: what a running mean of `t` values is, had it not started at 0.

    >>> unbiased(0.5, 0.5, 1)
    1.0
    """
    return mean / (1 - beta**t)
