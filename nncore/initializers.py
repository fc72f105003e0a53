"""Initial parameters of a network's layers; a function's keyword arguments are its own.

Every initializer also takes `biases`: `"zeros"`, or `"same"` to draw them as the weights are. What
a layer says it begins with, such as a gain of 1, no initializer draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore.layers import Parameter
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
    definition: Mapping[str, Any], parameters: Sequence[Parameter], seed: int
) -> NDArray[np.float64]:
    """The initial values of `parameters`, one after another, `(P,)`.

    Raises ValueError when given values do not fill the network, UnknownNameError for another name.
    """
    entry = initializers[definition["name"]]
    own = {k: v for k, v in definition.items() if k not in ("name", "biases")}
    if entry.name == "values":
        return values(parameters, **own)
    left = [p for p in parameters if p.initial is None]
    weights = [list(p.shape) for p in left if not p.is_vector]
    rng = generator("initial", dict(definition), entry.digest, weights, seed)
    pieces = []
    for p in parameters:
        if p.initial is not None:
            pieces.append(np.full(p.size, p.initial))
        elif p.is_vector and definition.get("biases", "zeros") == "zeros":
            pieces.append(np.zeros(p.size))
        else:
            pieces.append(entry.function(rng, p.shape, p.fan_in, p.fan_out, **own).ravel())
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


def values(parameters: Sequence[Parameter], *, values: Sequence[float] = ()) -> Weights:
    """The given numbers: for each layer weights (inputs by outputs, row by row), then biases.

    Of every layer with parameters: of a layer norm its gains, then its biases.
    """
    needed = sum(parameter.size for parameter in parameters)
    if len(values) != needed:
        raise ValueError(f"{len(values)} values given, the network has {needed} parameters")
    return np.array(values, dtype=np.float64)


initializers.add(Entry(**describe(values)))
