"""Float32 arithmetic with the same bits on every machine, for lines printed digit by digit.

NumPy's float32 `exp` and `log` have their own last bits where the processor has AVX2 or AVX-512
and the C library's elsewhere; a matrix product's last bit belongs to the BLAS, its kernel and its
threads. Training on the spiral amplifies one such bit into other printed digits within some hundred
epochs. The functions here use only IEEE additions, multiplications, divisions and roundings in a
fixed order.

The approximations are those of NumPy's vector kernels: arguments reduced after Cody and Waite,
then a quotient of two polynomials (Remez). Coefficients: `npy_simd_data.h` in
https://github.com/numpy/numpy
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _rounded(*values: float) -> tuple[np.float64, ...]:
    """`values` as the nearest float32 numbers, held in float64."""
    return tuple(np.float64(np.float32(v)) for v in values)


LOG2_E, LN_2, MINUS_LN_2_HIGH, MINUS_LN_2_LOW = _rounded(
    1.4426950408889634, 0.6931471805599453, -6.93145752e-1, -1.42860677e-6
)
SQRT_HALF = np.float32(0.7071067811865476)
SMALLEST = np.float32(-104.0)  # exp of this and of anything below rounds to zero

# Coefficients of y^0, y^1, ...
EXP_NUMERATOR = _rounded(
    9.999999999980870924916e-01,
    7.257664613233124478488e-01,
    2.473615434895520810817e-01,
    5.114512081637298353406e-02,
    6.757896990527504603057e-03,
    5.082762527590693718096e-04,
)
EXP_DENOMINATOR = _rounded(1.0, -2.742335390411667452936e-01, 2.159509375685829852307e-02)
LOG_NUMERATOR = _rounded(
    0.0,
    9.999999999999998702752e-01,
    2.112677543073053063722e00,
    1.480000633576506585156e00,
    3.808837741388407920751e-01,
    2.589979117907922693523e-02,
)
LOG_DENOMINATOR = _rounded(
    1.0,
    2.612677543073109236779e00,
    2.453006071784736363091e00,
    9.864942958519418960339e-01,
    1.546476374983906719538e-01,
    5.875095403124574342950e-03,
)


def exp(x: Array) -> Array:
    """e^x for a float32 array of any shape, in float32: the bits of NumPy's AVX2 kernel.

    For x up to 88.7, beyond which float32 overflows; softmax never passes more than 0.

    >>> exp(np.array([0.0, -1.0, -1000.0], dtype=np.float32)).tolist()
    [1.0, 0.3678794205188751, 0.0]
    """
    x = np.maximum(x, SMALLEST).astype(np.float64)
    k = np.rint(_round(x * LOG2_E))
    y = _fma(k, MINUS_LN_2_LOW, _fma(k, MINUS_LN_2_HIGH, x))
    quotient = _polynomial(EXP_NUMERATOR, y) / _polynomial(EXP_DENOMINATOR, y)
    return np.ldexp(quotient.astype(np.float32), k.astype(np.int32))


def log(x: Array) -> Array:
    """The natural logarithm of a positive float32 array, in float32: the bits of NumPy's kernel.

    >>> log(np.array([1.0, 0.5, 1e-7], dtype=np.float32)).tolist()
    [0.0, -0.6931471824645996, -16.11809539794922]
    """
    mantissa, exponent = np.frexp(x)
    low = mantissa <= SQRT_HALF
    y = np.where(low, 2 * mantissa, mantissa).astype(np.float64) - 1
    quotient = _polynomial(LOG_NUMERATOR, y) / _polynomial(LOG_DENOMINATOR, y)
    return _fma(exponent - low, LN_2, _round(quotient)).astype(np.float32)


def product(a: Array, b: Array) -> Array:
    """The matrix product `(M, K) @ (K, N)` in float64, its K terms added one after another.

    Takes several times as long as a BLAS call and `K * M * N` float64 of memory.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    if len(a) > b.shape[1]:  # the longer of M and N innermost, where NumPy's loops are fast
        return np.add.reduce(b[:, :, None] * a.T.copy()[:, None, :], axis=0).T
    return np.add.reduce(a.T[:, :, None] * b[:, None, :], axis=0)


def _round(x: Array) -> Array:
    """Float64 numbers rounded to float32 precision."""
    return x.astype(np.float32).astype(np.float64)


def _fma(a: Array, b: Array | np.float64, c: Array | np.float64) -> Array:
    """a * b + c of float32 numbers held in float64, rounded to float32 once.

    The product is exact in float64. The sum is rounded to float64 first, which changes the float32
    result only if it falls on the middle between two of them: about once in 2^29.
    """
    return _round(a * b + c)


def _polynomial(coefficients: tuple[np.float64, ...], y: Array) -> Array:
    """Horner's scheme, every step rounded to float32."""
    total = np.full_like(y, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = _fma(total, y, coefficient)
    return total
