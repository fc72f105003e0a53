"""Averages of the weights, at which metrics are taken while training goes on beside them."""

from __future__ import annotations

from typing import Annotated

from nncore.rules.means import running_mean, unbiased
from nncore.values import is_number, such
from nncore.wrappers.kinds import wrapper

FRACTION = such("at least 0 and below 1", lambda v: is_number(v) and 0 <= v < 1, float)


@wrapper(evaluate="average")
def ema(w, g, t, step, mean, average, *, beta: Annotated[float, FRACTION] = 0.99):
    """An exponential moving average of the weights. Kingma & Ba 2015, section 7.2, https://arxiv.org/abs/1412.6980

    w = the rule's step
    mean = beta * mean + (1 - beta) * w
    average = mean / (1 - beta^t)

    Metrics are those of the average; training does not see it. Others start the mean at the first
    weights instead of correcting its bias.
    """
    step(g)
    running_mean(mean, w, beta)
    average[:] = unbiased(mean, beta, t)
