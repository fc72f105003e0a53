"""Instruments: metrics of the training itself, and of groups of classes, for specs that ask.

A spec names them, `instruments = ["gradient_norm", "sharpness"]`; then they are recorded as other
metrics are. One of the training sees a `Probe` at every record, of the whole training part and in
float64; recording it changes nothing of the training. One of classes sees the outputs on every part
in the training's own precision, as other metrics do.
"""

# isort: off
# In the order of registration: simplest first.
import nncore.instruments.norms
import nncore.instruments.rates
import nncore.instruments.units
import nncore.instruments.noise
import nncore.instruments.curvature
import nncore.instruments.classes  # noqa: F401

# isort: on
from nncore.instruments.kinds import Probe, instrument

__all__ = ["Probe", "instrument"]
