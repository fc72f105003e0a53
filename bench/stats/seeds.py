"""How many seeds it takes: the least for any verdict, and advice from the difference seen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from bench.stats.arrays import fraction, sample


def smallest_p(n: int) -> float:
    """The smallest two-sided p-value that a sign or signed-rank test of `n` seeds can reach.

    >>> smallest_p(10) * 300 > 0.05   # 25 optimizers make 300 pairs: 10 seeds can never reject
    True
    """
    return min(1.0, 2.0 ** (1 - n))


def fewest_seeds(comparisons: int = 1, level: float = 0.05) -> int:
    """The number of seeds below which no test can reject at `level` after Holm's correction.

    >>> fewest_seeds(), fewest_seeds(300)
    (6, 14)
    """
    return next(n for n in range(1, 2000) if smallest_p(n) * comparisons <= level)


def seeds_needed(
    difference: ArrayLike, comparisons: int = 1, level: float = 0.05, power: float = 0.8
) -> int | None:
    """How many seeds would show a difference like `difference` `(n,)` by Wilcoxon's test.

    n = ((z_level / sqrt(3) + 2 * z_power * spread) / (share - 1/2))^2

    `share` is that of pairs of seeds whose differences have a positive sum (ties count half), and
    `spread` the standard deviation over seeds of each seed's own such share: Noether 1987 with the
    test's variance under the alternative in place of its larger one under the null. `level` is
    divided by `comparisons`; never fewer than `fewest_seeds`. A guide: a share seen with few seeds
    is an estimate itself. None where there is no difference to show, or a single seed.
    """
    d = sample(difference)
    if d.size < 2:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        signs = np.sign(np.nan_to_num(d[:, None] + d, nan=0.0))
    np.fill_diagonal(signs, 0.0)
    own = signs.sum(axis=1) / (d.size - 1) / 2
    lead = abs(own.mean())
    if lead == 0:
        return None
    z_level = -ndtri(fraction(level, "level") / comparisons / 2)
    z_power = ndtri(fraction(power, "power"))
    needed = ((z_level / math.sqrt(3) + 2 * z_power * own.std()) / lead) ** 2
    return max(fewest_seeds(comparisons, level), math.ceil(needed))


def seeds_for_width(n: int, width: float, wanted: float) -> int | None:
    """How many seeds would narrow an interval from `width`, seen with `n`, to `wanted`.

    Widths shrink like 1 / sqrt(n). None where the width is infinite: more seeds, but nobody knows
    how many. Raises ValueError unless `wanted` is positive.
    """
    if not wanted > 0:
        raise ValueError(f"wanted: {wanted} is not positive")
    return math.ceil(n * max(1.0, width / wanted) ** 2) if math.isfinite(width) else None
