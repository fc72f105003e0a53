"""One line of the study: a method under a law, simulated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from bench.stats.arrays import Array, Bools
from bench.studies.validate.laws import Law

Trial = Callable[[np.random.Generator, int, int], Bools]
Ends = Callable[[np.random.Generator, Array], tuple[Array, Array]]
Promise = Literal["at least", "at most", "none"]


@dataclass(frozen=True)
class Case:
    """What is estimated, how, and under which law; what is promised; one simulation of it.

    `trial(rng, n, samples)` draws `samples` samples of `n` seeds and says for each whether the
    interval covers (promise `at least` 95%) or the test rejects (`at most` 5%). Promise `none`: a
    method that was not taken, or one whose limits the docs describe; a test, where it `rejects`.
    """

    estimate: str
    method: str
    law: str
    promise: Promise
    trial: Trial
    rejects: bool = False

    @property
    def name(self) -> str:
        """The case in words; its random stream is made of them, so new cases change no others."""
        return f"{self.estimate}, {self.method}, {self.law}"

    @property
    def nominal(self) -> float:
        """The rate to compare with: 5% for tests, 95% for intervals."""
        return 0.05 if self.rejects or self.promise == "at most" else 0.95

    def rate(self, n: int, samples: int) -> float:
        """How often intervals cover, or tests reject, among `samples` samples of `n` seeds."""
        digest = hashlib.sha256(f"{self.name}, {n}".encode()).digest()
        rng = np.random.default_rng(np.frombuffer(digest, dtype="<u4"))
        return float(self.trial(rng, n, samples).mean())

    def side(self, rate: float, samples: int, error: float = 0.01) -> str:
        """`+` above, `-` below, empty inside the binomial band around the nominal rate."""
        gap = rate - self.nominal
        slack = -ndtri(error / 2) * np.sqrt(self.nominal * (1 - self.nominal) / samples)
        return "" if abs(gap) <= slack else "+" if gap > 0 else "-"

    def kept(self, rate: float, samples: int, error: float = 0.01) -> bool:
        """Whether `rate` keeps the promise: not below (at least) or above (at most) the band."""
        broken = {"at least": "-", "at most": "+", "none": None}[self.promise]
        return self.side(rate, samples, error) != broken


def within(truth: float, low: Array, high: Array) -> Bools:
    """Whether each interval covers; rounding of the last digits is nobody's miss."""
    slack = 1e-9 * (1 + abs(truth)) if np.isfinite(truth) else 0.0
    return (low <= truth + slack) & (truth - slack <= high)


def covering(law: Law, truth: float, ends: Ends) -> Trial:
    """A trial that asks how often `ends(rng, values (samples, n))` enclose `truth`."""

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        return within(truth, *ends(rng, law(rng.random((samples, n)))))

    return trial


def by_row(ends: Ends, rows: int = 1) -> Ends:
    """`ends`, called for `rows` samples at a time, which then share their resamples."""

    def all_ends(rng: np.random.Generator, values: Array) -> tuple[Array, Array]:
        parts = [ends(rng, values[i : i + rows]) for i in range(0, len(values), rows)]
        low, high = zip(*parts, strict=True)
        return np.concatenate(low), np.concatenate(high)

    return all_ends
