"""Where a printed curve lies among those of many seeds. Pure: arrays -> frames.

`values` are `(S, E)`: seeds by printed epochs. A page rounds what it prints, so ours are rounded
the same way first, and ties count half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.studies.documents.printed import Trace

Array = NDArray[np.float64]
BAND = 0.99


@dataclass(frozen=True)
class Standing:
    """A trace and our seeds' values `(S, E)` of it, rounded as printed."""

    trace: Trace
    variant: str
    ours: Array

    @property
    def percentiles(self) -> Array:
        """Of every printed value `(E,)`: the share of seeds below, and half of those equal."""
        printed = self.trace.values
        below, equal = (self.ours < printed).mean(axis=0), (self.ours == printed).mean(axis=0)
        return np.asarray(100 * (below + equal / 2))

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Whether each printed value is in the central 99% of seeds, `(E,)`."""
        return within(self.trace.values, self.ours)

    @property
    def seeds_inside(self) -> float:
        """The share of seeds whose own values are in the band at every printed epoch."""
        return float(np.mean([within(seed, self.ours).all() for seed in self.ours]))

    @property
    def extremeness(self) -> float:
        """The share of curves as extreme as the printed one, itself included. See `extremeness`."""
        return extremeness(self.trace.values, self.ours)


def standing(trace: Trace, variant: str, values: Array) -> Standing:
    """`trace` among `values` `(S, E)`, which are the loss or score of the spec at its records."""
    with np.errstate(over="ignore"):  # a run about to diverge
        return Standing(trace, variant, np.round(values * trace.scale, trace.decimals))


def within(printed: Array, ours: Array) -> NDArray[np.bool_]:
    """Whether more than 0.5% of `ours` (S, E) lie at or beyond `printed` (E,), on either side.

    >>> ours = np.arange(1000.0)[:, None]
    >>> [bool(within(np.array([x]), ours)[0]) for x in (4, 5, 994, 995)]
    [False, True, True, False]
    """
    least = (1 - BAND) / 2 * (1 + 1e-9)  # 5 of 1,000 are not more than 0.5%
    at_most, at_least = (ours <= printed).mean(axis=0), (ours >= printed).mean(axis=0)
    return np.asarray((at_most > least) & (at_least > least))


def extremeness(printed: Array, ours: Array) -> float:
    """How ordinary the whole curve `printed` (E,) is among `ours` (S, E): a p-value.

    A curve is as extreme as its most extreme point: the smallest of its ranks, counted from either
    side. The result is the share of all S + 1 curves at least as extreme as the printed one; were
    it one of ours, it would be below p with a probability of at most p. Myllymäki et al. 2017,
    global envelope tests, https://doi.org/10.1111/rssb.12172
    """
    curves = np.vstack([printed, ours])
    ordered = np.sort(curves, axis=0)
    extreme = np.full(len(curves), len(curves))
    for column, values in zip(ordered.T, curves.T, strict=True):
        low = np.searchsorted(column, values, side="right")
        high = len(curves) - np.searchsorted(column, values, side="left")
        extreme = np.minimum(extreme, np.minimum(low, high))
    return float(np.mean(extreme <= extreme[0]))


def percentile_rows(found: Standing) -> pd.DataFrame:
    """A row per printed epoch: the printed text, its percentile, and the band of seeds."""
    trace = found.trace
    low, middle, high = (
        stats.quantile(found.ours.T, q) for q in ((1 - BAND) / 2, 0.5, (1 + BAND) / 2)
    )
    return pd.DataFrame(
        {
            **_place(found),
            "epoch": trace.epochs,
            "record": trace.records,
            "printed": trace.texts,
            "percentile": np.round(found.percentiles, 2),
            "inside": found.inside,
            "low": low,
            "median": middle,
            "high": high,
        }
    )


def trace_row(found: Standing) -> dict[str, object]:
    """A row per printed curve: how many of its values are in the band, and whether all are."""
    p = found.percentiles
    return {
        **_place(found),
        "values": len(p),
        "inside": int(found.inside.sum()),
        "whole_trace_inside": bool(found.inside.all()),
        "seeds_wholly_inside": round(found.seeds_inside, 3),
        "extremeness": round(found.extremeness, 4),
        "lowest_percentile": round(p.min(), 2),
        "median_percentile": round(float(np.median(p)), 2),
        "highest_percentile": round(p.max(), 2),
    }


def _place(found: Standing) -> dict[str, object]:
    trace = found.trace
    return {
        "document": trace.document,
        "cell": trace.cell,
        "run": trace.problem if trace.document != "003" else trace.optimizer,
        "variant": found.variant,
        "metric": trace.metric.removeprefix("train_"),
        "seeds": len(found.ours),
    }
