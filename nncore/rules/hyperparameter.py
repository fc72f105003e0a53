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

    One that all `trials` share may be given as a number: it shows itself as the same column, and
    computes the same bits in a fraction of the time.

    >>> beta = Hyperparameter.of(np.array([[0.9], [0.9]]), np.float32)
    >>> beta.shape, (beta * np.ones((2, 2), np.float32)).tolist() == [[np.float32(0.9)] * 2] * 2
    ((2, 1), True)
    """

    __slots__ = ("_exact", "_operand", "_trials", "dtype")

    def __init__(
        self,
        exact: NDArray[np.float64] | np.float64,
        dtype: DTypeLike,
        trials: int = 0,
        operand: Array | None = None,
    ) -> None:
        self._exact, self.dtype, self._trials = exact, dtype, trials
        self._operand = operand

    @classmethod
    def of(cls, exact: NDArray[np.float64], dtype: DTypeLike) -> Hyperparameter:
        """A hyperparameter with these values: a number, where all of a column `(T, 1)` are one."""
        if exact.shape[1:] == (1,) and (exact == exact[0]).all():
            first = exact[0, 0]
            if first or (np.signbit(exact) == np.signbit(first)).all():
                return cls(first, dtype, len(exact))
        return cls(exact, dtype)

    @property
    def shared(self) -> bool:
        """Whether it is a number that all trials share."""
        return self._trials > 0

    @property
    def number(self) -> Any:
        """The value that all trials share, float64."""
        return self._exact

    @property
    def exact(self) -> NDArray[np.float64]:
        """The values as they are, an array for a number, too."""
        if self._trials:
            return np.full((self._trials, 1), self._exact)
        return np.asarray(self._exact)

    @property
    def rounded(self) -> Array:
        """The values in the dtype of the weights."""
        return self.exact.astype(self.dtype)

    @property
    def operand(self) -> Array:
        """What arrays are computed with: rounded values, of one number an array without axes."""
        if self._operand is None:
            self._operand = np.array(self._exact, self.dtype)
        return self._operand

    def map(self, function: Callable[[Array], Array]) -> Hyperparameter:
        """The values as `function` arranges them, in another shape say."""
        return Hyperparameter(function(self.exact), self.dtype)

    def with_array(self, array: Any) -> Array:
        """What is computed with `array`: the number alone only where no shape depends on it."""
        if not self._trials or (
            isinstance(array, np.ndarray) and array.ndim > 1 and array.shape[-2] == self._trials
        ):
            return self.operand
        return self.rounded

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        called = method == "__call__"
        if called and inputs[-1] is self and ufunc in ROUNDED_ONCE:
            if isinstance(inputs[0], np.ndarray):
                return ufunc(inputs[0], self.with_array(inputs[0]), **keywords)
        elif called and ufunc is np.power and not keywords:
            base, exponent = inputs
            return self.__rpow__(base) if exponent is self else self.__pow__(exponent)
        own = [x for x in inputs if type(x) is Hyperparameter]
        if not keywords and called and EXACT.issuperset(map(type, inputs)):
            values = ufunc(*[x._exact if type(x) is Hyperparameter else x for x in inputs])
            trials = min(x._trials for x in own)
            if values.dtype == np.float64:
                return Hyperparameter(values, self.dtype, trials)
            return np.full((trials, 1), values) if trials else values
        arrays = [x.rounded if type(x) is Hyperparameter else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **keywords)

    def __pow__(self, other: Any) -> Any:
        if type(other) is Hyperparameter:
            trials = min(self._trials, other._trials)
            return self._of(_power(self._raised, other._raised), trials)
        if type(other) in EXACT:
            return self._of(self._raised**other, self._trials)
        return _power(self.rounded, np.asarray(other))

    def __rpow__(self, other: Any) -> Any:
        if type(other) in EXACT:
            return self._of(_power(np.asarray(other, np.float64), self._raised), self._trials)
        return _power(np.asarray(other), self.rounded)

    @property
    def _raised(self) -> NDArray[np.float64]:
        # Powers of NumPy's scalars differ in the last bit from those of its arrays.
        return self._exact.reshape(1) if self._trials else np.asarray(self._exact)

    def _of(self, values: NDArray[np.float64], trials: int) -> Hyperparameter:
        return Hyperparameter(values[0] if trials else values, self.dtype, trials)

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


def _power(base: Array, exponent: Array) -> Array:
    """Powers with a base and an exponent for every element.

    For one exponent that all share, 2 say, or a base, NumPy takes other ways, with other last bits:
    so a trial's would depend on what its neighbours have.
    """
    shape = np.broadcast_shapes(base.shape, exponent.shape)
    full = [np.empty_like(base, x.dtype, shape=shape) for x in (base, exponent)]
    for into, x in zip(full, (base, exponent), strict=True):
        into[...] = x
    if full[0].size > 1:
        return np.asarray(np.power(*full))
    return np.asarray(np.power(*(np.stack([x, x]) for x in full))[0])


# Whether the other operand is a number or an array changes no bit of these.
ROUNDED_ONCE = {np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum}
EXACT = {Hyperparameter, float, int, bool, np.float64}


def _fast(name: str) -> None:
    """Give `Hyperparameter` an operator and its reflection in a third of the mixin's time."""
    apply = getattr(operator, name)

    def left(self: Hyperparameter, other: Any) -> Any:
        if type(other) is Hyperparameter:
            trials = min(self._trials, other._trials)
            return Hyperparameter(apply(self._exact, other._exact), self.dtype, trials)
        if type(other) in EXACT:
            return Hyperparameter(apply(self._exact, other), self.dtype, self._trials)
        return apply(self.with_array(other), other)

    def right(self: Hyperparameter, other: Any) -> Any:
        if type(other) in EXACT:
            return Hyperparameter(apply(other, self._exact), self.dtype, self._trials)
        return apply(other, self.with_array(other))

    setattr(Hyperparameter, f"__{name}__", left)
    setattr(Hyperparameter, f"__r{name}__", right)


for _name in ("add", "sub", "mul", "truediv"):
    _fast(_name)
