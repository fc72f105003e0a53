"""A hyperparameter as rules get it: for a whole stack, as exact as Python's numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


class Hyperparameter(NDArrayOperatorsMixin):
    """A hyperparameter of every trial, `(T, 1)` or of another shape that goes with the weights.

    It is to arrays what Python's numbers are. With numbers, and among themselves, hyperparameters
    are float64, so that `1 - beta**t` keeps its digits where `beta` is nearly 1; where one meets an
    array it is rounded to the dtype of the weights first, and the result is an array.

    >>> beta = Hyperparameter(np.array([[0.99999999]]), np.float32)
    >>> beta.rounded, (1 - beta**2) * np.ones((1, 2), np.float32)
    (array([[1.]], dtype=float32), array([[2.e-08, 2.e-08]], dtype=float32))
    """

    __slots__ = ("_rounded", "dtype", "exact")

    def __init__(self, exact: NDArray[np.float64], dtype: DTypeLike) -> None:
        self.exact, self.dtype = exact, dtype
        self._rounded: Array | None = None

    @property
    def rounded(self) -> Array:
        """The values in the dtype of the weights."""
        if self._rounded is None:
            self._rounded = self.exact.astype(self.dtype)
        return self._rounded

    def map(self, function: Callable[[Array], Array]) -> Hyperparameter:
        """The values as `function` arranges them, in another shape say."""
        return Hyperparameter(function(self.exact), self.dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if not keywords and method == "__call__" and EXACT.issuperset(map(type, inputs)):
            values = ufunc(*[x.exact if type(x) is Hyperparameter else x for x in inputs])
            return Hyperparameter(values, self.dtype) if values.dtype == np.float64 else values
        arrays = [x.rounded if type(x) is Hyperparameter else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **keywords)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.rounded, dtype, copy=copy)

    def __getitem__(self, at: Any) -> Hyperparameter:
        return Hyperparameter(self.exact[at], self.dtype)

    def __len__(self) -> int:
        return len(self.exact)

    def __float__(self) -> float:
        return float(self.exact.item())

    def __bool__(self) -> bool:
        return bool(self.exact.item())

    def __getattr__(self, name: str) -> Any:
        """What else arrays have, such as `shape` and `reshape`: of the rounded values."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.rounded, name)


EXACT = {Hyperparameter, float, int, bool, np.float64}


def _fast(name: str) -> None:
    """Give `Hyperparameter` an operator and its reflection in a third of the mixin's time."""
    apply = getattr(operator, name)

    def left(self: Hyperparameter, other: Any) -> Any:
        if type(other) is Hyperparameter:
            return Hyperparameter(apply(self.exact, other.exact), self.dtype)
        if type(other) in EXACT:
            return Hyperparameter(apply(self.exact, other), self.dtype)
        return apply(self.rounded, other)

    def right(self: Hyperparameter, other: Any) -> Any:
        if type(other) in EXACT:
            return Hyperparameter(apply(other, self.exact), self.dtype)
        return apply(other, self.rounded)

    setattr(Hyperparameter, f"__{name}__", left)
    setattr(Hyperparameter, f"__r{name}__", right)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _fast(_name)
