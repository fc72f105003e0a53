"""Gradient centralisation: each output's gradient without its mean."""

from __future__ import annotations

import numpy as np

from nncore.wrappers.kinds import wrapper


@wrapper(changes=["g"])
def centralisation(w, g, t, step, *, tensors):
    """Gradient centralisation. Yong et al. 2020, equation 1, https://arxiv.org/abs/2004.01461

    g = g - (the mean of g over the inputs), for each output of each weight
    the rule's step with this gradient

    Biases and gains, having no inputs, keep theirs.
    """
    centred = np.array(g)
    for part in tensors(centred):
        if part.ndim == 3:  # (T, inputs, outputs)
            rows = np.ascontiguousarray(part.transpose(0, 2, 1))
            sums = np.add.reduce(rows, axis=2)[:, None, :]
            part -= sums / part.dtype.type(part.shape[1])
    step(centred)
