"""What a layer is: the registry of kinds, their parameters, and what they compute with.

A kind is a function that describes one layer of a network; its signature is its specification:

- first the number of features of its inputs;
- further positional arguments: whole numbers that a spec writes after the name (`"dense 64"`);
- keyword-only arguments: numbers with defaults (`"layer_norm epsilon=0.001"`).

It returns a `Layer`: how many features its outputs have, its parameters, and its passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, overload

from numpy.typing import DTypeLike, NDArray

from nncore.registry import Entry, Registry, describe, positional

Array = NDArray[Any]
Call = Callable[[], Any]
Passes = tuple[list[Call], list[Call]]
"""The calls of a forward and of a backward pass, on arrays bound beforehand."""


class Products(Protocol):
    """Arrays in memory, and products. Shapes: `W` (T, I, O), `x` (T, I, N), `d` (T, O, N)."""

    def empty(self, dtype: DTypeLike, trials: int, *shape: int) -> Array:
        """An uninitialised array addressed as `(trials, *shape)`."""

    def forward(self, W: Array, x: Array, out: Array) -> Call:
        """A call that writes `W^T x` to `out` (T, O, N), trial by trial."""

    def gradient(self, x: Array, d: Array, out: Array) -> Call:
        """A call that writes `x d^T` to `out` (T, I, O), trial by trial."""

    def backward(self, W: Array, d: Array, out: Array) -> Call:
        """A call that writes `W d` to `out` (T, I, N), trial by trial."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a layer: a weight `(inputs, outputs)`, or a vector, which has one axis.

    Initializers scale what they draw by `fan_in`, the inputs that feed an output, and `fan_out`,
    the outputs that an input feeds. `initial` is what all elements begin with, whatever the
    initializer; None leaves them to it. Raises ValueError for shapes of more axes: rules that look
    at a whole parameter know these two.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int = 1
    fan_out: int = 1
    initial: float | None = None

    def __post_init__(self) -> None:
        if len(self.shape) not in (1, 2):
            raise ValueError(f"the parameter {self.name} has {len(self.shape)} axes, not 1 or 2")

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    @property
    def is_vector(self) -> bool:
        """Whether it has one axis: a bias or a gain, which optimizers treat unlike a weight.

        `bias = {...}` sets the hyperparameters of all vectors: `bias.weight_decay = 0` spares gains
        as well as biases, as is the custom; without it they decay as weights do, a gain towards 0.
        Of the layer-wise rules, lars and lamb give each vector a rate of its own, muon leaves it to
        Adam, and shampoo takes its one axis.
        """
        return len(self.shape) == 1


def cut(flat: Array, parameters: Sequence[Parameter]) -> list[Array]:
    """Views `(..., *shape)` of `flat` (..., P), which holds the parameters one after another."""
    views, start = [], 0
    for parameter in parameters:
        part = flat[..., start : start + parameter.size]
        views.append(part.reshape(*flat.shape[:-1], *parameter.shape))
        start += parameter.size
    return views


@dataclass(frozen=True)
class Arrays:
    """What a layer of a stack computes with; T trials, N samples, F features in and O out.

    - `x`: the inputs `(T, F + 1, N)`, whose last row is ones, to be left as they are; a kind in
      place finds its own in `y` instead;
    - `y`: the outputs `(T, O, N)`;
    - `w`, `g`: the layer's parameters and where their gradients go, `(T, P)`, to be `cut`;
    - `d`: the gradient with respect to the outputs `(T, O, N)`, which may be overwritten;
    - `below`: where the one with respect to the inputs goes `(T, F, N)`, None for the first layer;
      of a kind in place it is `d`.

    Of a network whose kinds are all `by_sample`, rows of these may be longer than the `samples`, N:
    what stands behind them is nobody's, to be left out or computed with, but never to be read.

    `g`, `d` and `below` are None where no backward pass is asked for. When the backward pass runs,
    nobody else reads `y` any more: it may serve as work space.
    """

    layout: Products
    samples: int
    x: Array
    y: Array
    w: Array
    g: Array | None = None
    d: Array | None = None
    below: Array | None = None


def _nothing(arrays: Arrays) -> Passes:
    return [], []


@dataclass(frozen=True)
class Layer:
    """One layer of a network: the features of its outputs, its parameters, its passes."""

    outputs: int
    parameters: tuple[Parameter, ...] = ()
    passes: Callable[[Arrays], Passes] = _nothing

    @property
    def size(self) -> int:
        """The number of its parameters' elements."""
        return sum(parameter.size for parameter in self.parameters)


@dataclass(frozen=True)
class LayerKind(Entry):
    """A kind of layer; `build(features, *numbers, **parameters)` describes one.

    `numbers` names what a spec writes after the name. A kind `in_place` turns `y` from inputs into
    outputs and `d` from one gradient into the other; it has as many outputs as inputs. One that
    `frees_outputs` does not read `y` in its backward pass: a layer in place may overwrite it. One
    that is `by_sample` does to every sample what it does to others, and reads no other.
    """

    build: Callable[..., Layer]
    numbers: tuple[str, ...] = ()
    in_place: bool = False
    frees_outputs: bool = False
    by_sample: bool = False

    @property
    def usage(self) -> str:
        """How a spec writes it: `dense N`."""
        return " ".join([self.name, *(name.upper() for name in self.numbers)])


layers: Registry[LayerKind] = Registry("layer")
F = TypeVar("F", bound=Callable[..., Layer])


@overload
def layer(function: F) -> F: ...
@overload
def layer(
    *, in_place: bool = False, frees_outputs: bool = False, by_sample: bool = False
) -> Callable[[F], F]: ...
def layer(
    function: F | None = None,
    *,
    in_place: bool = False,
    frees_outputs: bool = False,
    by_sample: bool = False,
) -> F | Callable[[F], F]:
    """Register a kind of layer: `@layer`, `@layer(in_place=True)`; arguments as in `LayerKind`.

    Raises TypeError when the function does not take the number of features first, or when a
    parameter's default is no number.
    """

    def register(function: F) -> F:
        entry, arguments = describe(function), positional(function)
        if not arguments:
            raise TypeError(
                f"layer {function.__name__}: write it as def {function.__name__}(features, ...)"
            )
        _refuse_words(entry)
        kind = LayerKind(
            **entry,
            build=function,
            numbers=arguments[1:],
            in_place=in_place,
            frees_outputs=frees_outputs,
            by_sample=by_sample,
        )
        layers.add(kind)
        return function

    return register if function is None else register(function)


def activation(
    backward: Callable[..., None], *, by_sample: bool = False
) -> Callable[[Callable[..., None]], Any]:
    """Register the decorated forward pass together with `backward`, as a layer in place.

    `forward(y)` turns weighted sums into outputs; `backward(d, y)` turns the gradient with respect
    to the outputs into the one with respect to the sums. Both take the same keyword-only numbers.
    Those that look at each sample alone say so with `by_sample`, and may be faster for it.
    """

    def register(forward: Callable[..., None]) -> Callable[..., None]:
        def build(features: int, **parameters: float) -> Layer:
            def passes(a: Arrays) -> Passes:
                return (
                    [partial(forward, a.y, **parameters)],
                    [partial(backward, a.d, a.y, **parameters)],
                )

            return Layer(features, passes=passes)

        entry = describe(forward)
        _refuse_words(entry)
        layers.add(LayerKind(**entry, build=build, in_place=True, by_sample=by_sample))
        return forward

    return register


def _refuse_words(entry: dict[str, Any]) -> None:
    for name, default in entry["parameters"].items():
        if isinstance(default, bool) or not isinstance(default, int | float):
            raise TypeError(f"layer {entry['name']}: the default of {name} must be a number")
