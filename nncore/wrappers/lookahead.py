"""Lookahead: slow weights that follow the fast ones."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from nncore.values import is_number, such, whole
from nncore.wrappers.kinds import wrapper

SHARE = such("above 0 and at most 1", lambda v: is_number(v) and 0 < v <= 1, float)


@wrapper(changes=["w"])
def lookahead(
    w, g, t, step, slow, *,
    steps: Annotated[int, whole(1)] = 5, rate: Annotated[float, SHARE] = 0.5,
):  # fmt: skip
    """Lookahead. Zhang et al. 2019, algorithm 1, https://arxiv.org/abs/1907.08610

    slow = w at first
    w = the rule's step
    every `steps` updates: slow = slow + rate * (w - slow), w = slow

    The rule keeps its own state, as in the paper's experiments. Metrics are those of `w`.
    """
    if t == 1:
        slow[:] = w
    step(g)
    back = t % steps == 0
    slow[:] = np.where(back, slow + rate * (w - slow), slow)
    w[:] = np.where(back, slow, w)
