"""Seeds until decided: false decisions anywhere in an experiment, and the seeds it saves.

Whole experiments of nearly the default one's shape are decided in rounds, as `bench run` decides
them, on losses whose medians are known.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtri

from bench import stats
from bench.spec.seeds import UntilDecided
from bench.stats.arrays import Array

# Optimizers by problem, nearly as in experiments/optimizers.toml.
SHAPE = (9, 5, 5, 5, 5, 5, 5)
PAIRS = sum(math.comb(k, 2) for k in SHAPE)
ROUNDS = UntilDecided(10, 200).rounds
MARGIN = -math.log1p(-0.1)
LEVEL = 0.05
THIRD, TENTH = (-math.log(share) / MARGIN for share in (2 / 3, 1 / 10))

# Levels `(k, n)` of k optimizers on n seeds -> logarithms of their losses `(k, n)`.
Law = Callable[[Array], Array]


def _normal(spread: float, step: float = 0.0) -> Law:
    """Normal logarithms, each optimizer worse than the one before by `step` margins."""

    def law(u: Array) -> Array:
        return np.asarray(spread * ndtri(u) + step * MARGIN * np.arange(len(u))[:, None])

    return law


def _lost(share: float) -> Law:
    """Equal optimizers over decades, of which a share of the runs is lost."""
    kept = 1 - share
    return lambda u: np.where(u < kept, 2 * ndtri(np.minimum(u / kept, 1 - 1e-12)), np.inf)


def _floored(share: float) -> Law:
    """Equal optimizers, of which a share of the runs ends at the floor."""
    return lambda u: np.maximum(ndtri(u), ndtri(share))


@dataclass(frozen=True)
class Family:
    """How the losses of an experiment come about, and what is true of each pair of optimizers.

    `truth` `(k, k)` has the medians of log(loss of a / loss of b).
    """

    name: str
    law: Law
    truth: Callable[[int], Array]


def _apart(step: float = 0.0) -> Callable[[int], Array]:
    """Medians where each optimizer is worse than the one before by `step` margins."""

    def truth(k: int) -> Array:
        return step * MARGIN * np.subtract.outer(np.arange(k), np.arange(k))

    return truth


FAMILIES = (
    Family("equal, within 5%", _normal(0.05), _apart()),
    Family("equal, within 20%", _normal(0.2), _apart()),
    Family("equal, over decades", _normal(2.0), _apart()),
    Family("equal, 40% lost", _lost(0.4), _apart()),
    Family("equal, half at the floor", _floored(0.5), _apart()),
    Family("apart by just the margin, within 5%", _normal(0.05, 1), _apart(1)),
    Family("apart by just the margin, within 20%", _normal(0.2, 1), _apart(1)),
    Family("apart by a third, within 50%", _normal(0.5, THIRD), _apart(THIRD)),
    Family("apart by nine tenths, over decades", _normal(2.0, TENTH), _apart(TENTH)),
)


@dataclass(frozen=True)
class Run:
    """An experiment: whether any decision in it was false, and what it took.

    `seeds` are summed over problems, `decided` pairs counted, `fixed` the pairs that the ordinary
    interval decides at the most seeds on all problems.
    """

    false: bool
    seeds: int
    decided: int
    fixed: int


def experiment(family: Family, rng: np.random.Generator) -> Run:
    """One experiment of this shape, decided in rounds."""
    confidence = 1 - LEVEL / PAIRS
    false, seeds, decided, fixed = False, 0, 0, 0
    for k in SHAPE:
        losses, truth = family.law(rng.random((k, ROUNDS[-1]))), family.truth(k)
        gaps = {pair: stats.differences(*losses[list(pair)]) for pair in combinations(range(k), 2)}
        watched = {pair: list(stats.median_sequences(d, confidence)) for pair, d in gaps.items()}
        for n in ROUNDS:
            found = {
                pair: stats.Comparison(math.nan, *ends[n - 1], MARGIN)
                for pair, ends in watched.items()
            }
            # Looked at after every round: a false answer counts, whatever it is later.
            false |= any(wrong(one, truth[pair]) for pair, one in found.items())
            open_ = sum(not one.decided for one in found.values())
            if not open_:
                break
        seeds += n
        decided += len(gaps) - open_
        fixed += sum(stats.compare(gap, MARGIN, confidence).decided for gap in gaps.values())
    return Run(false, seeds, decided, fixed)


def wrong(found: stats.Comparison, truth: float) -> bool:
    """Whether an answer is false where the median is `truth`."""
    if found.answer is stats.Answer.SAME:
        return abs(truth) >= MARGIN * (1 - 1e-9)
    rounding = 1e-12
    if found.lead < 0:
        return truth > found.high + rounding or truth >= 0
    if found.lead > 0:
        return truth < found.low - rounding or truth <= 0
    return False


def shares(family: Family, experiments: int) -> tuple[float, float, float, float]:
    """Four shares, from simulated experiments of a family.

    Of experiments with a false decision, of 200 seeds a problem that were needed, of pairs decided,
    and of pairs that the ordinary interval decides with 200 seeds.
    """
    digest = hashlib.sha256(f"until decided, {family.name}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype="<u4"))
    runs = [experiment(family, rng) for _ in range(experiments)]
    return (
        float(np.mean([run.false for run in runs])),
        float(np.mean([run.seeds for run in runs])) / (len(SHAPE) * ROUNDS[-1]),
        float(np.mean([run.decided for run in runs])) / PAIRS,
        float(np.mean([run.fixed for run in runs])) / PAIRS,
    )
