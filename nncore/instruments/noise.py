"""How much the gradients of batches differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncore.instruments.kinds import Probe, instrument

Array = NDArray[np.float64]


@instrument(label="variance of the batch gradient")
def gradient_variance(probe: Probe) -> Array:
    """Mean squared distance of the batches' gradients from the gradient of all samples.

    The batches are those of the training part in its order; 0 in full batch. The simple noise scale
    is about the batch size times this over the squared norm of the gradient, where batches are a
    small share of the samples. McCandlish et al. 2018, https://arxiv.org/abs/1812.06162
    Costs one gradient a record for all samples, and one cut into batches.
    """
    gaps = [np.add.reduce((some - probe.gradient) ** 2, axis=1) for some in probe.batch_gradients()]
    return np.asarray(np.mean(gaps, axis=0))
