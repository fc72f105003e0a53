"""Two optimizers, decided by size: better and by how much at least, the same, or nobody can tell.

A comparison is the interval of the median paired difference (of logarithms, for losses) and a
margin within which differences do not matter. "Better by at least x" and "the same" are readings of
one interval, so that they never contradict each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from numpy.typing import ArrayLike

from bench.stats.arrays import sample
from bench.stats.location import median, median_interval
from bench.stats.sequential import median_sequence


class Answer(StrEnum):
    """What a comparison says."""

    BETTER = "better"
    SLIGHTLY = "better, by less than the margin"
    SAME = "the same"
    UNKNOWN = "cannot tell"


class Scale(StrEnum):
    """How two losses are compared: by their ratio, on a log scale, or by their difference."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


@dataclass(frozen=True)
class Margin:
    """Practical equivalence: by how much two losses may differ and count as the same.

    `ratio` is a share of the higher loss, between 0 and 1; `difference` is what its name says.
    """

    ratio: float = 0.1
    difference: float = 0.01

    def size(self, scale: Scale) -> float:
        """The margin of a paired difference on a scale: of logarithms, where ratios count.

        >>> round(Margin().size(Scale.RATIO), 4), Margin().size(Scale.DIFFERENCE)
        (0.1054, 0.01)
        """
        return -math.log1p(-self.ratio) if scale is Scale.RATIO else self.difference


@dataclass(frozen=True)
class Comparison:
    """The median of paired differences a - b, its interval, and what follows for a margin.

    `lead` is -1 where `a` is lower for sure, 1 where `b` is, else 0; `least` is by how much at
    least, on the scale of the differences (0 where nobody leads).
    """

    median: float
    low: float
    high: float
    margin: float

    @property
    def interval(self) -> tuple[float, float, float]:
        """The median and the ends of its interval."""
        return self.median, self.low, self.high

    @property
    def lead(self) -> int:
        """-1: the first is lower; 1: the second is; 0: the interval includes no difference."""
        return (self.low > 0) - (self.high < 0)

    @property
    def least(self) -> float:
        """The end of the interval nearer to 0, as a size."""
        return max(self.low, -self.high, 0.0)

    @property
    def answer(self) -> Answer:
        """Better, the same within the margin, better by less than the margin, or unknown."""
        within = -self.margin < self.low and self.high < self.margin
        if self.lead:
            return Answer.SLIGHTLY if within else Answer.BETTER
        return Answer.SAME if within else Answer.UNKNOWN

    @property
    def decided(self) -> bool:
        """Whether more seeds would only make the interval narrower."""
        return self.answer is not Answer.UNKNOWN


def compare(
    differences: ArrayLike, margin: float, confidence: float, *, watched: bool = False
) -> Comparison:
    """Decide about paired `differences` `(n,)`, negative where the first is better.

    The interval holds with `confidence` at this n: order statistics, which is the sign test turned
    round, so infinities are ordinary values and ties count for neither. `watched` says that n was
    not fixed beforehand: then the interval holds at all n together (`median_sequence`), and
    differences must come in the order of the seeds. Raises ValueError for NaN, an empty sample or
    a margin that is not positive.

    >>> compare([-0.5, -0.4, -0.6, -0.5, -0.45, -0.55, -0.7, -0.3], 0.1, 0.95).answer.value
    'better'
    >>> compare([0.01, -0.02, 0.0, 0.03, -0.01, 0.02, 0.0], 0.1, 0.95).answer.value
    'the same'
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"margin: {margin} is not positive")
    return Comparison(*held(differences, confidence, watched=watched), margin)


def held(
    values: ArrayLike, confidence: float, *, watched: bool = False
) -> tuple[float, float, float]:
    """The median of `values` `(n,)` with an interval that holds at this n; `watched`, at all n."""
    if watched:
        return float(median(values)), *median_sequence(values, confidence)
    middle, low, high = median_interval(sample(values), confidence)
    return float(middle), float(low), float(high)
