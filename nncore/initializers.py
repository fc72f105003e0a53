"""Initial parameters; a function's keyword arguments are its parameters.

Every initializer also takes `biases`: `"zeros"`, or `"same"` to draw them as the weights are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore.registry import Entry, Registry, describe
from nncore.streams import generator

Weights = NDArray[np.float64]
initializers: Registry[Entry] = Registry("initializer")
BIASES = ("zeros", "same")


def initializer(function: Callable[..., Weights]) -> Callable[..., Weights]:
    """Register `function(rng, shape, fan_in, fan_out, **parameters) -> array of shape`."""
    initializers.add(Entry(**describe(function)))
    return function


def is_random(definition: Mapping[str, Any]) -> bool:
    """Whether the seed matters to initial parameters of this definition."""
    return definition["name"] not in ("zeros", "values")


def draw(
    definition: Mapping[str, Any], shapes: Sequence[tuple[int, int]], seed: int
) -> NDArray[np.float64]:
    """Initial parameters `(P,)`: for each layer of `shapes` (inputs, outputs) weights, then biases.

    Raises ValueError when given values do not fill the network, UnknownNameError for another name.
    """
    entry = initializers[definition["name"]]
    parameters = {k: v for k, v in definition.items() if k not in ("name", "biases")}
    if entry.name == "values":
        return values(shapes, **parameters)
    rng = generator("initial", dict(definition), entry.digest, [list(s) for s in shapes], seed)
    pieces = []
    for fan_in, fan_out in shapes:
        pieces.append(entry.function(rng, (fan_in, fan_out), fan_in, fan_out, **parameters).ravel())
        if definition.get("biases", "zeros") == "same":
            pieces.append(entry.function(rng, (fan_out,), fan_in, fan_out, **parameters))
        else:
            pieces.append(np.zeros(fan_out))
    return np.concatenate(pieces)


@initializer
def zeros(rng: Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Weights:
    """All zeros."""
    return np.zeros(shape)


@initializer
def normal(
    rng: Generator, shape: tuple[int, ...], fan_in: int, fan_out: int, *, scale: float = 1.0
) -> Weights:
    """Normal with standard deviation `scale`; 0.01 is what documents 000 and 003 use."""
    return scale * rng.standard_normal(shape)


@initializer
def uniform(
    rng: Generator,
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    *,
    low: float = 0.0,
    high: float = 1.0,
) -> Weights:
    """Uniform on [low, high); [0, 1) is what the last cells of document 003 use."""
    return rng.uniform(low, high, shape)


@initializer
def glorot_uniform(rng: Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Weights:
    """Uniform within sqrt(6 / (in + out)). Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html"""
    limit = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)


@initializer
def glorot_normal(rng: Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Weights:
    """Normal, variance 2 / (in + out). Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html"""
    return np.sqrt(2 / (fan_in + fan_out)) * rng.standard_normal(shape)


@initializer
def he_uniform(rng: Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Weights:
    """Uniform within sqrt(6 / in). He et al. 2015, https://arxiv.org/abs/1502.01852"""
    limit = np.sqrt(6 / fan_in)
    return rng.uniform(-limit, limit, shape)


@initializer
def he_normal(rng: Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Weights:
    """Normal, variance 2 / in. He et al. 2015, https://arxiv.org/abs/1502.01852"""
    return np.sqrt(2 / fan_in) * rng.standard_normal(shape)


def values(shapes: Sequence[tuple[int, int]], *, values: Sequence[float] = ()) -> Weights:
    """The given numbers: for each layer weights (inputs by outputs, row by row), then biases."""
    needed = sum((fan_in + 1) * fan_out for fan_in, fan_out in shapes)
    if len(values) != needed:
        raise ValueError(f"{len(values)} values given, the network has {needed} parameters")
    return np.array(values, dtype=np.float64)


initializers.add(Entry(**describe(values)))
