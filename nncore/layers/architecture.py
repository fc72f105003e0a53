"""Networks as a spec writes them, `["dense 64", "relu", ...]`, and what follows from that text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from nncore.layers.kinds import Array, Layer, LayerKind, Parameter, cut, layers
from nncore.registry import unknown

LARGEST = 1_000_000  # what a number after a layer's name may be


@dataclass(frozen=True)
class Written:
    """A layer of a spec: its kind with the numbers after its name and the parameters given.

    >>> str(parse(["dense 64", "layer_norm  epsilon=1e-3"])[1])
    'layer_norm epsilon=0.001'
    """

    kind: LayerKind
    numbers: tuple[int, ...]
    parameters: Mapping[str, float]

    def __str__(self) -> str:
        """The one way to write it; parameters at their defaults are left out."""
        given = [f"{name}={self.parameters[name]!r}" for name in sorted(self.parameters)]
        return " ".join([self.kind.name, *map(str, self.numbers), *given])

    def build(self, features: int) -> Layer:
        """The layer on inputs of so many features; raises ValueError where there is none."""
        try:
            layer = self.kind.build(features, *self.numbers, **self.parameters)
        except Exception as error:
            raise ValueError(f'"{self}": {error}') from error
        if self.kind.in_place and layer.outputs != features:
            raise ValueError(f'"{self}": in place, {features} inputs make {layer.outputs} outputs')
        return layer


def parse(texts: Sequence[str]) -> list[Written]:
    """The layers of a spec.

    Raises ValueError naming every layer that cannot be read.
    """
    found: list[Written] = []
    wrong: list[str] = []
    for text in texts:
        try:
            found.append(_read(text))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError("; ".join(dict.fromkeys(wrong)))
    # The first layer must not change the data.
    if not found or found[0].kind.in_place:
        raise ValueError('a network begins with a dense layer: "dense N"')
    return found


def _read(text: str) -> Written:
    name, *words = text.split() or [""]
    if name not in layers:
        raise ValueError(unknown("layer", text, [kind.usage for kind in layers.values()]))
    kind = layers[name]
    numbers = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    good = all(n.isascii() and n.isdigit() and 0 < int(n) <= LARGEST for n in numbers)
    if not good or len(numbers) != len(kind.numbers):
        which = " and ".join(n.upper() for n in kind.numbers)
        whole = f", {which} a whole number from 1 to {LARGEST:,}" if which else ""
        raise ValueError(f'"{text}": write "{kind.usage}"{whole}')
    values = {key: _value(text, kind, key, value) for key, value in given.items()}
    own = {key: value for key, value in values.items() if value != kind.parameters[key]}
    return Written(kind, tuple(map(int, numbers)), own)


def _value(text: str, kind: LayerKind, key: str, value: str) -> float:
    if key not in kind.parameters:
        known = list(kind.parameters)
        what = unknown("parameter", key, known) if known else f"{kind.name} has no parameters"
        raise ValueError(f'"{text}": {what}')
    number = type(kind.parameters[key])
    try:
        found: float = number(value)
        if math.isfinite(found):
            return found + 0  # -0.0 is 0.0
    except ValueError:
        pass
    what = "a whole number" if number is int else "a finite number"
    raise ValueError(f'"{text}": {key} must be {what}')


@dataclass(frozen=True)
class Architecture:
    """A network on data with `features` columns: its layers, as written and as described."""

    features: int
    written: tuple[Written, ...]
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, texts: Sequence[str], features: int) -> Architecture:
        """The network that a spec writes as `texts`; raises ValueError where it writes none.

        >>> network = Architecture.of(["dense 64", "relu", "dense 3", "softmax"], 2)
        >>> network.outputs, network.size
        (3, 387)
        """
        written, built, inputs = parse(texts), [], features
        for one in written:
            built.append(one.build(inputs))
            inputs = built[-1].outputs
        return cls(features, tuple(written), tuple(built))

    @property
    def outputs(self) -> int:
        """Features of the network's outputs."""
        return self.layers[-1].outputs

    @property
    def last(self) -> str:
        """The name of the last layer's kind."""
        return self.written[-1].kind.name

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every layer's parameters, in the order of the flat array."""
        return tuple(parameter for layer in self.layers for parameter in layer.parameters)

    @property
    def size(self) -> int:
        """P, the number of all parameters' elements."""
        return sum(layer.size for layer in self.layers)

    @property
    def cells(self) -> int:
        """Numbers that a sample has on its way through: layers with parameters keep their own."""
        return sum(layer.outputs for layer in self.layers if layer.parameters)

    @property
    def places(self) -> list[slice]:
        """Where in the flat parameters each layer has its own."""
        ends = accumulate((layer.size for layer in self.layers), initial=0)
        return [slice(start, end) for start, end in pairwise(ends)]

    def parts(self, flat: Array) -> list[list[Array]]:
        """Views `(..., *shape)` of `flat` (..., P): the parameters of each layer that has some."""
        return [
            cut(flat[..., place], layer.parameters)
            for layer, place in zip(self.layers, self.places, strict=True)
            if layer.parameters
        ]
