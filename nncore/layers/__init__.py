"""Layers: a kind is one function that describes a layer, an activation one with its derivative.

A further kind, here or in a plugin, is one function:

    @layer(in_place=True)
    def scaled(features):
        '''A learnt factor for each feature.'''
        parameters = (Parameter("factor", (features,), initial=1.0),)

        def passes(a):
            [w], kept = cut(a.w, parameters), np.empty_like(a.y)

            def forward():
                kept[:] = a.y
                a.y[:] *= w[:, :, None]

            def backward():
                [g] = cut(a.g, parameters)
                g[:] = np.add.reduce(a.d * kept, axis=2)
                a.d[:] *= w[:, :, None]

            return [forward], [backward]

        return Layer(features, parameters, passes)

`Arrays` says what the passes get; sums over features or samples must not depend on the number of
trials, so they go through NumPy's reductions or the layout's products.
"""

# isort: off
# In the order of registration: what a network begins with, activations, what goes between.
import nncore.layers.dense
import nncore.layers.activations
import nncore.layers.normalization  # noqa: F401

# isort: on
from nncore.layers.architecture import Architecture, Written, parse
from nncore.layers.kinds import (
    Array,
    Arrays,
    Layer,
    LayerKind,
    Parameter,
    Passes,
    activation,
    cut,
    layer,
    layers,
)

__all__ = [
    "Architecture",
    "Array",
    "Arrays",
    "Layer",
    "LayerKind",
    "Parameter",
    "Passes",
    "Written",
    "activation",
    "cut",
    "layer",
    "layers",
    "parse",
]
