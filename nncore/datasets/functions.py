"""Test functions with known minima, as problems whose network is a single point.

A layer without inputs is its biases: on data without features, `"dense D"` outputs a point of D
coordinates, and the loss `objective` is the function there. Targets are a minimiser; every function
is shifted so that its least value is 0, so the loss is what is left to gain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nncore.datasets.kinds import Dataset, at_least, datasets
from nncore.losses import Loss, losses
from nncore.registry import describe
from nncore.streams import canonical

Array = NDArray[Any]


@dataclass(frozen=True)
class Function:
    """A function of points `x` (T, D, N), one for each trial and sample.

    `value(x, Y)` gives `(T, N)`, `gradient(x, Y)` its derivative `(T, D, N)`; `minima` (M, D) are
    all points where the value is 0. `Y` (T, D, N) are the targets: `draw(rng)` (N, D) where samples
    differ (`draw()`, where nothing is random), else one minimiser.
    """

    value: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    minima: NDArray[np.float64]
    draw: Callable[..., NDArray[np.float64]] | None = None


def function(
    *, low: float, high: float, noisy: bool = False, **problem: Any
) -> Callable[[Callable[..., Function]], Callable[..., Function]]:
    """Register a test function; initial points are uniform between `low` and `high`."""
    defaults = {
        "layers": ["dense {dimension}"],
        "initializer": {"name": "uniform", "low": low, "high": high, "biases": "same"},
        "loss": "objective",
        "batch_size": "full",
        "epochs": 1000,
        "record_every": 10,
        **problem,
    }

    def register(make: Callable[..., Function]) -> Callable[..., Function]:
        draws = ("rng",) if noisy else ()
        datasets.add(Dataset(**describe(make), draws=draws, problem=defaults, kind="function"))
        return make

    return register


def made(definition: Mapping[str, Any]) -> Function:
    """The test function that a dataset's definition describes; raises ValueError for another."""
    entry = datasets[definition["name"]]
    if entry.kind != "function":
        raise ValueError(f"the loss objective is for test functions; {entry.name} has samples")
    return _made(canonical(dict(definition)))


@lru_cache(maxsize=256)
def _made(definition: str) -> Function:
    parameters = json.loads(definition)
    return datasets[parameters.pop("name")].function(**parameters)


def minima(definition: Mapping[str, Any]) -> NDArray[np.float64]:
    """All global minimisers `(M, D)` of a test function.

    >>> minima({"name": "beale"}).tolist()
    [[3.0, 0.5]]
    """
    return made(definition).minima


def distance(definition: Mapping[str, Any], points: Array) -> NDArray[np.float64]:
    """Euclidean distance of `points` (..., D) to the nearest minimiser."""
    apart = np.asarray(points, dtype=np.float64)[..., None, :] - minima(definition)
    return np.asarray(np.sqrt(np.sum(apart**2, axis=-1)).min(axis=-1))


def heights(definition: Mapping[str, Any], points: Array) -> NDArray[np.float64]:
    """Values of a test function at `points` (..., D), without noise: for contours."""
    points = np.asarray(points, dtype=np.float64)
    x = points.reshape(-1, points.shape[-1])[:, :, None]
    values = made(definition).value(x, np.zeros_like(x))
    return np.asarray(values[:, 0].reshape(points.shape[:-1]))


def objective(p: Array, Y: Array) -> Array:
    """The value of a test function, for datasets that are one."""
    raise ValueError("the loss objective is for test functions")


losses.add(
    Loss(
        **describe(objective),
        gradient=lambda p, Y, out: None,
        constant=lambda y: None,
        classes=False,
        scored=False,
    )
)


def objective_of(definition: Mapping[str, Any]) -> Loss:
    """The loss of a problem on this test function."""
    it = made(definition)

    def gradient(p: Array, Y: Array, out: Array) -> None:
        np.multiply(it.gradient(p, Y), out.dtype.type(1 / p.shape[2]), out=out)

    return replace(losses["objective"], function=it.value, gradient=gradient)


def loss_of(name: str, dataset: Mapping[str, Any]) -> Loss:
    """The loss called `name` of a problem on this dataset; raises ValueError if they do not fit."""
    return objective_of(dataset) if name == "objective" else losses[name]


def _total(x: Array) -> Array:
    return np.add.reduce(x, axis=1)


def _stacked(*rows: Array) -> Array:
    return np.stack(rows, axis=1)


def _curvatures(dimension: int, condition: float, like: Array) -> Array:
    return np.geomspace(1 / condition, 1, dimension).astype(like.dtype)[:, None]


def bowl(dimension: int, condition: float) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """Value and gradient of sum of h x (x - 2 Y) / 2: whatever Y, f - f(0) of h (x - Y)^2 / 2."""

    def value(x: Array, Y: Array) -> Array:
        return _total(_curvatures(dimension, condition, x) * x * (x - 2 * Y)) / 2

    def gradient(x: Array, Y: Array) -> Array:
        return _curvatures(dimension, condition, x) * (x - Y)

    return value, gradient


@function(low=-1.0, high=1.0)
def quadratic(*, dimension: int = 10, condition: float = 100.0) -> Function:
    """Sum of h_i x_i^2 / 2, h from 1 / condition to 1, evenly spaced in its logarithm. https://arxiv.org/abs/1606.04838"""
    at_least(1, dimension=dimension, condition=condition)
    return Function(*bowl(dimension, condition), minima=np.zeros((1, dimension)))


@function(low=-1.0, high=1.0, noisy=True, batch_size=1, epochs=20, record_every=1)
def noisy_quadratic(
    *, samples: int = 100, dimension: int = 10, condition: float = 100.0, noise: float = 1.0
) -> Function:
    """A mean of quadratics whose minima differ. Zhang et al. 2019, https://arxiv.org/abs/1907.04164

    A sample is the sum of h_i (x_i - noise * normal)^2 / 2, with curvatures as in `quadratic`. The
    samples' minima are centred, so that their mean is least at 0, and each sample is shifted by its
    own value there.
    """
    at_least(1, samples=samples, dimension=dimension, condition=condition)
    at_least(0, noise=noise)

    def draw(rng: Generator) -> NDArray[np.float64]:
        centres = noise * rng.standard_normal((samples, dimension))
        return np.asarray(centres - centres.mean(axis=0))

    return Function(*bowl(dimension, condition), minima=np.zeros((1, dimension)), draw=draw)


@function(low=-2.0, high=2.0, epochs=10_000, record_every=100)
def rosenbrock(*, dimension: int = 2) -> Function:
    """A curved valley: sum of 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2. Rosenbrock 1960, https://doi.org/10.1093/comjnl/3.3.175"""
    at_least(2, dimension=dimension)

    def value(x: Array, Y: Array) -> Array:
        return _total(100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2)

    def gradient(x: Array, Y: Array) -> Array:
        out, above = np.zeros_like(x), x[:, 1:] - x[:, :-1] ** 2
        out[:, :-1] = -400 * above * x[:, :-1] - 2 * (1 - x[:, :-1])
        out[:, 1:] += 200 * above
        return out

    return Function(value, gradient, np.ones((1, dimension)))


BEALE = (1.5, 2.25, 2.625)


@function(low=-2.0, high=2.0, layers=["dense 2"], epochs=5000, record_every=50)
def beale() -> Function:
    """Flat plains and steep corners: sum over k = 1, 2, 3 of (c_k - x + x y^k)^2. https://www.sfu.ca/~ssurjano/beale.html

    c = 1.5, 2.25, 2.625; least at (3, 1/2).
    """

    def value(p: Array, Y: Array) -> Array:
        x, y = p[:, 0], p[:, 1]
        first, second, third = (c - x + x * y ** (k + 1) for k, c in enumerate(BEALE))
        return first**2 + second**2 + third**2

    def gradient(p: Array, Y: Array) -> Array:
        x, y = p[:, 0], p[:, 1]
        first, second, third = (c - x + x * y ** (k + 1) for k, c in enumerate(BEALE))
        along_x = first * (y - 1) + second * (y**2 - 1) + third * (y**3 - 1)
        return 2 * _stacked(along_x, x * (first + 2 * y * second + 3 * y**2 * third))

    return Function(value, gradient, np.array([[3.0, 0.5]]))


HIMMELBLAU = [
    [3.0, 2.0],
    [-2.805118086952745, 3.131312518250573],
    [-3.779310253377747, -3.283185991286170],
    [3.584428340330492, -1.848126526964404],
]


@function(low=-5.0, high=5.0, layers=["dense 2"])
def himmelblau() -> Function:
    """Four equal minima: (x^2 + y - 11)^2 + (x + y^2 - 7)^2. https://en.wikipedia.org/wiki/Himmelblau%27s_function"""

    def value(p: Array, Y: Array) -> Array:
        x, y = p[:, 0], p[:, 1]
        return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

    def gradient(p: Array, Y: Array) -> Array:
        x, y = p[:, 0], p[:, 1]
        first, second = x**2 + y - 11, x + y**2 - 7
        return 2 * _stacked(2 * x * first + second, first + 2 * y * second)

    return Function(value, gradient, np.array(HIMMELBLAU))


@function(low=-5.12, high=5.12)
def rastrigin(*, dimension: int = 2) -> Function:
    """A minimum at every whole number: sum of x_i^2 + 10 (1 - cos(2 pi x_i)). https://www.sfu.ca/~ssurjano/rastr.html"""
    at_least(1, dimension=dimension)

    def value(x: Array, Y: Array) -> Array:
        return _total(x**2 + 10 * (1 - np.cos(2 * np.pi * x)))

    def gradient(x: Array, Y: Array) -> Array:
        return 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)

    return Function(value, gradient, np.zeros((1, dimension)))


# The lowest root of 4 x^3 - 32 x + 5.
LOWEST = -2.903534027771177


@function(low=-5.0, high=5.0)
def styblinski_tang(*, dimension: int = 2) -> Function:
    """Two valleys in each coordinate, one deeper: sum of (x^4 - 16 x^2 + 5 x) / 2. https://www.sfu.ca/~ssurjano/stybtang.html

    Less its least value, -39.166 in each coordinate, at x_i = -2.9035.
    """
    at_least(1, dimension=dimension)

    def value(x: Array, Y: Array) -> Array:
        # The double root at the minimum taken out, so that nothing cancels there.
        return _total((x - LOWEST) ** 2 * (x * (x + 2 * LOWEST) + (3 * LOWEST**2 - 16))) / 2

    def gradient(x: Array, Y: Array) -> Array:
        return 2 * x**3 - 16 * x + 2.5

    return Function(value, gradient, np.full((1, dimension), LOWEST))
