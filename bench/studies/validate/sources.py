"""Coverage of shares of a variance, under models of three sources whose shares are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from bench import stats
from bench.stats.arrays import Array, Bools
from bench.studies.validate.case import Case, Promise, Trial, within

SEEN = 1  # the source whose shares are looked at, the second


@dataclass(frozen=True)
class Model:
    """A value made of three sources `(..., n)`, uniform draws each, and of what is drawn anew for
    every run; the share of the second source, and what it explains alone.
    """

    value: Callable[[Array, Array, Array, Array], Array]
    share: float
    alone: float
    promise: Promise = "at least"


def _sum(a: Array, b: Array, c: Array) -> Array:
    return 0.8 * a + 0.5 * b + 0.3 * c


def _t5(u: Array) -> Array:
    return np.asarray(stdtrit(5, u))


def _part(own: float, rest: float, joint: float = 0.0) -> tuple[float, float]:
    """The share and the share alone, of variances: its own, that without it, and the joint one."""
    whole = own + rest + joint
    return (own + joint) / whole, own / whole


def _log_normal(own: float, rest: float) -> tuple[float, float]:
    """Those of a factor of a log-normal, whose logarithm has these variances."""
    whole = np.expm1(own + rest)
    return 1 - np.expm1(rest) / whole, float(np.expm1(own) / whole)


MODELS = {
    "effects add up": Model(
        lambda a, b, c, e: _sum(ndtri(a), ndtri(b), ndtri(c)), *_part(0.25, 0.73)
    ),
    "effects add up, heavy tails": Model(
        lambda a, b, c, e: _sum(_t5(a), _t5(b), _t5(c)), *_part(0.25, 0.73)
    ),
    "joint effects": Model(
        lambda a, b, c, e: _sum(ndtri(a), ndtri(b), ndtri(c)) + 0.6 * ndtri(a) * ndtri(b),
        *_part(0.25, 0.73, 0.36),
    ),
    "any change changes all": Model(
        lambda a, b, c, e: 0.5 * ndtri(b) + ndtri(e), *_part(0.25, 0.0, 1.0)
    ),
    "log-normal, not on logarithms": Model(
        lambda a, b, c, e: np.exp(_sum(ndtri(a), ndtri(b), ndtri(c))),
        *_log_normal(0.25, 0.73),
        promise="none",
    ),
}


def rows(model: Model, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Runs of a model and their twins `(..., 4)`."""
    drawn, anew, own = rng.random((3, *shape)), rng.random((3, *shape)), rng.random((4, *shape))
    columns = []
    for changed, source in zip(own, (None, 0, 1, 2), strict=True):
        a, b, c = (anew[i] if i == source else drawn[i] for i in range(3))
        columns.append(model.value(a, b, c, changed))
    return np.stack(columns, axis=-1)


def cases() -> Iterator[Case]:
    """A case for the share, and for what a source explains alone, under every model."""
    for what, ends in (("share", ("low", "high")), ("alone", ("alone_low", "alone_high"))):
        for name, model in MODELS.items():
            yield Case(
                "share of a variance" + (", alone" if what == "alone" else ""),
                "jackknife",
                name,
                model.promise,
                _trial(model, getattr(model, what), ends),
            )


def _trial(model: Model, truth: float, ends: tuple[str, str]) -> Trial:
    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        found = stats.variance_shares(rows(model, rng, (samples, n)))
        low, high = (getattr(found, end)[..., SEEN] for end in ends)
        return within(truth, low, high)

    return trial
