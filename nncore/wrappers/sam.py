"""Sharpness-aware minimisation: the gradient at the worst point nearby."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from nncore.rules.kinds import norm
from nncore.values import POSITIVE
from nncore.wrappers.kinds import wrapper


@wrapper(changes=["g"])
def sam(w, g, t, step, *, rho: Annotated[float, POSITIVE] = 0.05, gradient):
    """Sharpness-aware minimisation. Foret et al. 2021, algorithm 1, https://arxiv.org/abs/2010.01412

    e = rho * g / ||g||
    the rule's step from w, with the gradient at w + e

    on the same batch, over all parameters of the network: two evaluations an update. Without a
    gradient, e is 0.
    """
    size = norm(g)
    step(gradient(w + rho * g / np.where(size > 0, size, 1)))
