"""How often claims that are false hold, and claims that are true are contradicted.

Values are simulated, not trained; what decides is the code that reports run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench import stats
from bench.stats.arrays import Array, Bools
from bench.stats.decision import Scale
from bench.studies.validate.case import Case, Trial
from bench.studies.validate.laws import LAWS, Law, median_truth
from bench.verdicts.claims import Answer, answer
from bench.verdicts.questions import Question
from bench.verdicts.samples import LEVEL

MEDIANS, SHARES = 6, 2  # quantities of an experiment: medians of seeds, and shares of them
SHARE = 0.7
CLOSE = 1e-9  # by how much a claim is false, or true
CHOSEN = 8  # equal configurations, of which the best is chosen on the seeds that judge it
SIMULATED = ("normal", "log-normal, over decades", "35% stuck", "40% diverged")


def cases() -> Iterator[Case]:
    """All cases, in the order of the table."""
    count = MEDIANS + SHARES
    for said, truth in ((Answer.HOLDS, "false"), (Answer.CONTRADICTED, "true")):
        for name in SIMULATED:
            trial = _any(LAWS[name], said)
            yield Case(f"any of {count} {truth} claims", f'"{said}"', name, "at most", trial)
    for name in SIMULATED:
        what = f"a false claim on the best of {CHOSEN} equal configurations"
        yield Case(what, f'"{Answer.HOLDS}"', name, "at most", _chosen(LAWS[name]))


def questions(law: Law, values: Array, shares: Array, *, false: bool) -> Iterator[Question]:
    """The quantities `values` (M, n) and `shares` (S, n) of an experiment, with what is claimed.

    The truth lies just outside of every range, where claims are `false`, else just inside: of
    medians above the lower end and below the upper one by turns, of shares above the lower end.
    """
    truth, gap = median_truth(law), CLOSE if false else -CLOSE
    slack = gap * max(1.0, abs(truth))
    for i, row in enumerate(values):
        ends = (truth + slack, math.inf) if i % 2 else (-math.inf, truth - slack)
        yield _question(row, ends)
    for row in shares:
        yield _question(row, (SHARE + gap, 1.0), share=True)


def _question(values: Array, ends: tuple[float, float], *, share: bool = False) -> Question:
    return Question(
        problems=("p",),
        optimizer="a",
        other="",
        metric="final_train_loss",
        scale=Scale.DIFFERENCE,
        values=values,
        least=ends[0],
        most=ends[1],
        share=share,
    )


def _any(law: Law, said: Answer) -> Trial:
    """Whether an answer that is wrong is given to any quantity of an experiment."""
    false, count = said is Answer.HOLDS, MEDIANS + SHARES

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        drawn = law(rng.random((samples, MEDIANS, n)))
        hits = (rng.random((samples, SHARES, n)) < SHARE).astype(float)
        return np.array(
            [
                any(
                    answer(q, LEVEL, count).answer is said
                    for q in questions(law, values, shares, false=false)
                )
                for values, shares in zip(drawn, hits, strict=True)
            ]
        )

    return trial


def _chosen(law: Law) -> Trial:
    """Whether the best of equal configurations is said to be below what all of them are."""
    truth = median_truth(law)
    below = (-math.inf, truth - CLOSE * max(1.0, abs(truth)))

    def trial(rng: np.random.Generator, n: int, samples: int) -> Bools:
        drawn = law(rng.random((samples, CHOSEN, n)))
        best = drawn[np.arange(samples), stats.median(drawn).argmin(axis=1)]
        asked = (replace(_question(values, below), searched=CHOSEN) for values in best)
        return np.array([answer(q, LEVEL, q.counts).answer is Answer.HOLDS for q in asked])

    return trial
