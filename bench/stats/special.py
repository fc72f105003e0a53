"""Distribution functions of scipy.special, under its names.

Importing it takes a tenth of a second, which whoever plans and trains should not wait for: it is
imported when the first of them is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _later(name: str) -> Callable[..., Any]:
    def function(*arguments: Any) -> Any:
        from scipy import special

        return getattr(special, name)(*arguments)

    function.__name__ = name
    return function


bdtr, betainc, betaincinv, betaln = map(_later, ("bdtr", "betainc", "betaincinv", "betaln"))
ndtr, ndtri, stdtrit = map(_later, ("ndtr", "ndtri", "stdtrit"))
xlog1py, xlogy = map(_later, ("xlog1py", "xlogy"))
