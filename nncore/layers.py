"""Layers as a spec writes them: `"dense 64"`, or the name of an activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nncore.activations import activations
from nncore.registry import unknown

LAYERS = {
    "dense": "Dense N: N weighted sums of all inputs, each with a bias.",
}


class Dense(NamedTuple):
    """A dense layer of `units` neurons."""

    units: int


def parse(layers: Sequence[str]) -> list[Dense | str]:
    """The layers of a spec, dense ones as `Dense`, activations by name.

    Raises ValueError naming every layer that cannot be read.

    >>> parse(["dense 64", "relu"])
    [Dense(units=64), 'relu']
    """
    parsed: list[Dense | str] = []
    wrong: list[str] = []
    for text in layers:
        words = text.split()
        if len(words) == 2 and words[0] == "dense" and words[1].isascii() and words[1].isdigit():
            if not 0 < int(words[1]) <= 1_000_000:
                wrong.append(f'"{text}": a dense layer has 1 to 1,000,000 neurons')
            parsed.append(Dense(int(words[1])))
        elif len(words) == 1 and words[0] in activations:
            parsed.append(words[0])
        elif words and words[0] == "dense":
            wrong.append(f'"{text}": a dense layer is written "dense N", N a whole number')
        else:
            wrong.append(unknown("layer", text, ["dense N", *activations]))
    if wrong:
        raise ValueError("; ".join(dict.fromkeys(wrong)))
    if not parsed or not isinstance(parsed[0], Dense):
        raise ValueError('a network begins with a dense layer: "dense N"')
    return parsed


def shapes(layers: Sequence[str], features: int) -> list[tuple[int, int]]:
    """Inputs and outputs of every dense layer, for data with `features` columns.

    >>> shapes(["dense 64", "relu", "dense 3", "softmax"], 2)
    [(2, 64), (64, 3)]
    """
    found = []
    for layer in parse(layers):
        if isinstance(layer, Dense):
            found.append((features, layer.units))
            features = layer.units
    return found
