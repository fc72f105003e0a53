"""Layers, as a spec names them in `layers`: a registry of kinds, and networks made of them.

A kind is one function that describes a layer, an activation one function with its derivative;
`kinds` says what they take, CONTRIBUTING.md shows one of each. An `Architecture` is what follows
from a spec's text: shapes, parameters and their places, computed once and asked by all others.
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
