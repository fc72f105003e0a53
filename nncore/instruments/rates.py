"""How large a step is for its gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncore.instruments.kinds import Probe, instrument
from nncore.instruments.norms import norm

Array = NDArray[np.float64]


@instrument(label="effective learning rate")
def effective_learning_rate(probe: Probe) -> Array:
    """Norm of the last update over that of the gradient after it; 0 where that is 0.

    Gradient descent with this rate would go as far. Costs one gradient a record.
    """
    size = norm(probe.gradient)
    return np.where(size > 0, norm(probe.update) / np.where(size > 0, size, 1), 0.0)
