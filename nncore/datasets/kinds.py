"""What a dataset is: its registry, its kinds, and the parts that are drawn from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore.registry import Entry, Registry, describe, positional

F = TypeVar("F", bound=Callable[..., Any])
XY = tuple[NDArray[np.float64], NDArray[Any]]
Kind = Literal["generated", "table", "function"]
PARTS = ("train", "validation", "test")
CLASSIFIER = {
    "initializer": {"name": "normal", "scale": 0.01},
    "loss": "categorical_crossentropy",
    "batch_size": "full",
}


class Part(NamedTuple):
    """Samples of one part: `X` is `(N, F)`; `y` is `(N,)` classes or `(N, K)` targets."""

    X: NDArray[np.float64]
    y: NDArray[Any]


@dataclass(frozen=True)
class Dataset(Entry):
    """Where samples come from; `problem` is what is trained on them by default.

    A `generated` one is drawn, a `table` is read and split, a `function` has no samples: its
    minimum is sought.
    """

    draws: tuple[str, ...]
    problem: Mapping[str, Any]
    kind: Kind = "generated"

    @property
    def random(self) -> bool:
        """Whether its samples, or how they are split, depend on the seed."""
        return bool(self.draws) or self.kind == "table"


datasets: Registry[Dataset] = Registry("dataset")


def dataset(**problem: Any) -> Callable[[F], F]:
    """Register a dataset; `problem` gives the defaults of a problem that uses it.

    Layer texts may name the dataset's parameters: `"dense {classes}"`.
    """

    def register(function: F) -> F:
        draws = positional(function)
        if draws not in ((), ("rng",), ("rng", "law"), ("rng", "part")):
            raise TypeError(
                f"dataset {function.__name__}: positional arguments are (), (rng), (rng, law) or "
                "(rng, part)"
            )
        datasets.add(Dataset(**describe(function), draws=draws, problem=problem))
        return function

    return register


def at_least(least: float, **values: float) -> None:
    """Raise ValueError for a parameter that is below `least`."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} = {value}: at least {least}")


def checked(name: str, X: Any, y: Any, *, features: bool = True, missing: bool = False) -> Part:
    """Samples as the core wants them; raises ValueError where they are none.

    Without `features`, `X` may have no columns. With `missing`, it may have NaN.
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y)
    if y.dtype.kind not in "iu" or y.ndim != 1:
        y = y.astype(np.float64)
    if (
        X.ndim != 2
        or not len(X)
        or (features and not X.shape[1])
        or len(X) != len(y)
        or y.ndim != (1 if y.dtype.kind in "iu" else 2)
    ):
        raise ValueError(
            f"dataset {name}: X {X.shape} and y {y.shape} should be (N, F), N and F at least 1, "
            "with (N,) integer classes or (N, K) targets"
        )
    good = not np.isinf(X).any() if missing else np.isfinite(X).all()
    if not good or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise ValueError(f"dataset {name}: NaN or infinite values in the data")
    if y.dtype.kind in "iu" and y.min() < 0:
        raise ValueError(f"dataset {name}: negative class")
    return Part(X, y)
