"""Schedule-free learning around any rule that does not average already."""

from __future__ import annotations

from typing import Annotated

from nncore.rules.averaging import share
from nncore.wrappers.average import FRACTION
from nncore.wrappers.kinds import wrapper


@wrapper(changes=["w"], evaluate="x")
def schedule_free(
    w, g, t, step, x, z, length, *, beta: Annotated[float, FRACTION] = 0.9, learning_rate
):
    """Schedule-free learning. Defazio et al. 2024, equations 3 to 5, https://arxiv.org/abs/2405.15682

    x = z = w at first
    z = the rule's step from z, with the gradient at w
    c = learning_rate^2 / (the sum of its squares so far)
    x = (1 - c) * x + c * z
    w = (1 - beta) * z + beta * x

    Metrics are those of the average x. Around `sgd` it is `schedule_free_sgd` without weight decay;
    rules that decay weights decay those of z, as in the authors' wrapper. Leave out the rule's
    momentum, which the average replaces.
    """
    if t == 1:
        x[:] = w
        z[:] = w
    w[:] = z
    step(g)
    z[:] = w
    c = share(length, learning_rate)
    x[:] = (1 - c) * x + c * z
    w[:] = (1 - beta) * z + beta * x
