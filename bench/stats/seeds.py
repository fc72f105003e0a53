"""How many seeds it takes: the least for any verdict, and a range from the differences seen."""

from __future__ import annotations

import math
from collections.abc import Iterable

from numpy.typing import ArrayLike

from bench.stats.arrays import fraction, sample
from bench.stats.location import share_interval
from bench.stats.special import ndtri

FARTHEST = 100  # times the seeds seen: beyond, nobody would call it advice


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


def seeds_to_find(
    share: float, comparisons: int = 1, level: float = 0.05, power: float = 0.8
) -> float:
    """How many seeds let a sign test find a majority, that of `share` of them; infinite up to 1/2.

    n = ((z_level / 2 + z_power * sqrt(share (1 - share))) / (share - 1/2))^2

    `level` is two-sided and divided by `comparisons`; never fewer than `fewest_seeds`. Noether
    1987, with the variance under the alternative beside that under the null.
    """
    if share <= 0.5:
        return math.inf
    z_level = -ndtri(fraction(level, "level") / comparisons / 2)
    z_power = ndtri(fraction(power, "power"))
    spread = math.sqrt(share * (1 - share))
    needed = ((z_level / 2 + z_power * spread) / (share - 0.5)) ** 2
    return max(fewest_seeds(comparisons, level), math.ceil(needed))


def seeds_to_decide(
    shares: Iterable[float], comparisons: int = 1, level: float = 0.05, power: float = 0.8
) -> float:
    """How many seeds decide a pair whose differences lie where `shares` (4) of them do.

    The shares are those below 0, above 0, below the margin and above minus the margin. Decided is
    that one is better, or that both are the same, whichever takes fewer seeds.
    """
    below, above, *within = shares
    lead = seeds_to_find(max(below, above), comparisons, level, power)
    # Both sides have to be found: half of the failures each.
    return min(lead, seeds_to_find(min(within), comparisons, level, (1 + power) / 2))


def seeds_advised(
    differences: ArrayLike, margin: float, comparisons: int = 1, level: float = 0.05
) -> tuple[int, int] | None:
    """Between how many seeds a pair like `differences` `(n,)` would be decided; None: who knows.

    The ends are what the ends of the 95% intervals of the shares seen would need
    (`seeds_to_decide`, `share_interval`), and no fewer than there are. None where the upper one is
    over `FARTHEST` times as many, mostly infinite: the data do not say on which side the majority
    is. In at most 5% of samples there is a range that lacks the number which the true shares need.
    Raises ValueError for a margin that is not positive.
    """
    d = sample(differences)
    if not 0 < margin < math.inf:
        raise ValueError(f"margin: {margin} is not positive")
    sides = [d < 0, d > 0, d < margin, d > -margin]
    low, high = share_interval([side.sum() for side in sides], d.size)
    fewest, most = (seeds_to_decide(map(float, p), comparisons, level) for p in (high, low))
    if most > FARTHEST * d.size:
        return None
    return int(max(fewest, d.size)), int(max(most, d.size))


def seeds_to_place(
    values: ArrayLike, least: float, most: float, comparisons: int = 1, level: float = 0.05
) -> tuple[int, int] | None:
    """Between how many seeds it would be told whether the median of `values` is inside a range.

    As `seeds_advised`, of a median that lies in [`least`, `most`] or outside of it: what the ends
    of the 95% intervals of the shares seen on each side would need. Raises ValueError for NaN or an
    empty sample.
    """
    v = sample(values)
    sides = [v < least, v > most, v <= most, v >= least]
    low, high = share_interval([side.sum() for side in sides], v.size)
    fewest, most_seeds = (seeds_to_decide(map(float, p), comparisons, level) for p in (high, low))
    if most_seeds > FARTHEST * v.size:
        return None
    return int(max(fewest, v.size)), int(max(most_seeds, v.size))


def seeds_for_width(n: int, width: float, wanted: float) -> int | None:
    """How many seeds would narrow an interval from `width`, seen with `n`, to `wanted`.

    Widths shrink like 1 / sqrt(n). None where the width is infinite: more seeds, but nobody knows
    how many. Raises ValueError unless `wanted` is positive.
    """
    if not wanted > 0:
        raise ValueError(f"wanted: {wanted} is not positive")
    return math.ceil(n * max(1.0, width / wanted) ** 2) if math.isfinite(width) else None
