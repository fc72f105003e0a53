"""What has become of the units of a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncore.instruments.kinds import Probe, instrument

Array = NDArray[np.float64]


@instrument(label="share of dead ReLUs", worst=1.0)
def dead_relus(probe: Probe) -> Array:
    """Share of the ReLUs that are 0 on every training sample. Lu et al. 2020, https://arxiv.org/abs/1903.06733

    No gradient comes through them, so that they stay as they are. Nothing is told of networks
    without ReLUs. Costs one gradient a record.
    """
    outputs = [values for name, values in probe.activations() if name == "relu"]
    if not outputs:
        return np.full(len(probe.w), np.nan)
    return np.asarray(np.mean(np.hstack([(y <= 0).all(axis=2) for y in outputs]), axis=1))
