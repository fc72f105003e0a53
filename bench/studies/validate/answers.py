"""What the verdicts of a whole experiment promise: an optimizer against itself, in its shape.

Final losses are simulated, not trained; what decides is the code that reports run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from bench import stats
from bench.spec.experiment import load
from bench.stats.arrays import Array, Bools
from bench.studies.validate.case import Case, Trial, within
from bench.studies.validate.laws import LAWS, Law, median_truth
from bench.verdicts.ranking import together
from bench.verdicts.samples import LEVEL
from nncore.trial import is_random

SPEC = Path(__file__).parents[3] / "experiments" / "optimizers.toml"
SHARED = 0.5  # of the logarithm's variance, what optimizers share that run on the same seed
WINNERS = (2, 5, 9)
TRIED = (1, 36), (6, 36)  # configurations of two optimizers
# Losses are positive: laws of any sign are those of their logarithms.
NOISE: dict[str, Law] = {
    "log-normal, over decades": lambda u: np.exp(2 * ndtri(u)),
    "35% stuck": lambda u: np.exp(LAWS["35% stuck"](u)),
    "10% diverged": lambda u: np.where(u > 0.9, np.inf, np.exp(2 * ndtri(u))),
}


@cache
def shape() -> tuple[int, ...]:
    """How many optimizers meet on each problem with randomness of the default experiment."""
    experiment = load(SPEC)
    met = [
        sum(bool(optimizer.on.get(named.name)) for optimizer in experiment.optimizers)
        for named in experiment.problems
        if is_random(named.problem)
    ]
    return tuple(number for number in met if number > 1)


def cases() -> Iterator[Case]:
    """All cases, in the order of the table."""
    for name, law in NOISE.items():
        yield Case(
            f"any of the {pairs(shape())} pairs of the default experiment", '"better"', name,
            "at most", _anything(law),
        )  # fmt: skip
    yield Case(
        "any of 7 pairs that differ by the margin", '"the same"', "losses within 5%",
        "at most", _same,
    )  # fmt: skip
    for few, many in TRIED:
        name = "log-normal, over decades"
        yield Case(
            f"a pair of equal optimizers, the best of {few} against the best of {many}",
            '"better", chosen on the same seeds', name, "none", _chosen(NOISE[name], few, many),
            rejects=True,
        )  # fmt: skip
    for k in WINNERS:
        for name in ("log-normal, over decades", "35% stuck"):
            law = LAWS[name]
            yield Case(
                f"median of the winner among {k} equal optimizers", "order statistics, 1 - 0.05/k",
                name, "at least", _winner(law, k, together(k)),
            )  # fmt: skip
    for k in WINNERS:
        yield Case(
            f"median of the winner among {k} equal optimizers", "at 95% each (not taken)",
            "log-normal, over decades", "none",
            _winner(LAWS["log-normal, over decades"], k, stats.CONFIDENCE),
        )  # fmt: skip


def pairs(numbers: tuple[int, ...]) -> int:
    """How many pairs there are of so many optimizers on each problem."""
    return sum(k * (k - 1) // 2 for k in numbers)


def experiments(rng: np.random.Generator, law: Law, n: int, samples: int) -> Iterator[Array]:
    """The losses `(samples, k, n)` of k equal optimizers on each problem of the default shape.

    Optimizers share the part of a seed's luck that is the problem's.
    """
    for k in shape():
        own, seed = rng.standard_normal((samples, k, n)), rng.standard_normal((samples, 1, n))
        yield law(np.asarray(ndtr(np.sqrt(SHARED) * seed + np.sqrt(1 - SHARED) * own)))


def better(problems: Iterable[Array]) -> Bools:
    """Whether anybody is called better than itself, in each of the `experiments`.

    As `bench.verdicts.pairs.decisions` has it, all experiments at once.
    """
    found = [_leads(losses, pairs(shape())) for losses in problems]
    return np.any(found, axis=0)


def _leads(losses: Array, family: int) -> Bools:
    """Whether any pair of a problem `(samples, k, n)` is told apart, as one of a family."""
    found = np.zeros(len(losses), dtype=bool)
    for i, j in combinations(range(losses.shape[1]), 2):
        gaps = stats.log_ratios(losses[:, i], losses[:, j])
        _, low, high = stats.median_interval(gaps, 1 - LEVEL / family)
        found |= (low > 0) | (high < 0)
    return found


def _anything(law: Law) -> Trial:
    return lambda rng, n, samples: better(experiments(rng, law, n, samples))


def _chosen(law: Law, few: int, many: int) -> Trial:
    """Whether one of two optimizers is better whose configurations are all equal, so many of each.

    Each has that of the lowest median, on the seeds that judge it.
    """

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        own = rng.standard_normal((samples, few + many, n))
        seed = rng.standard_normal((samples, n))
        luck = np.sqrt(SHARED) * seed[:, None] + np.sqrt(1 - SHARED) * own
        best = []
        for losses in np.split(law(np.asarray(ndtr(luck))), [few], axis=1):
            first = stats.median(losses).argmin(axis=1)
            best.append(losses[np.arange(samples), first])
        return _leads(np.stack(best, axis=1), family=1)

    return trial


def _same(rng: np.random.Generator, n: int, samples: int) -> Bools:
    """Whether any of 7 pairs is called the same, of optimizers that differ by the margin, no less.

    Each pair is one of a family of 7.
    """
    margin = stats.Margin().size(stats.Scale.RATIO)
    gaps = margin + 0.05 * rng.standard_normal((samples, 7, n))
    _, low, high = stats.median_interval(gaps, 1 - LEVEL / 7)
    inside = (-margin < low) & (high < margin)
    return np.asarray(inside.any(axis=1))


def _winner(law: Law, k: int, confidence: float) -> Trial:
    """Whether the interval of whoever has the lowest median encloses the median of all."""
    truth = median_truth(law)

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        losses = law(rng.random((samples, k, n)))
        middle, low, high = stats.median_interval(losses, confidence)
        first = (np.arange(samples), middle.argmin(axis=1))
        return within(truth, low[first], high[first])

    return trial
