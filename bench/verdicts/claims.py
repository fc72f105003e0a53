"""Claims of a spec, decided: each is one or several quantities that are claimed to lie in a range.

Of every quantity there is an interval, all of which hold together over all claims of the spec. It
lies inside of the claimed range, wholly outside, or across an end: then nobody can tell.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench import stats
from bench.spec.claims import Claim
from bench.stats.decision import Scale
from bench.verdicts.evidence import Evidence
from bench.verdicts.questions import QUESTIONS, Question
from bench.verdicts.samples import LEVEL

Array = NDArray[np.float64]
COLUMNS = ["claim", "kind", "text", "source", "answer", "estimate", "low", "high", "by", "expected"]
COLUMNS += ["least", "most", "scale", "problem", "optimizer", "other", "metric", "seeds", "crashed"]
COLUMNS += ["advised_low", "advised_high", "quantities", "made"]
BEFORE, AFTER = "before", "after the fact"


class Answer(StrEnum):
    """What is said of a claim."""

    HOLDS = "holds"
    CONTRADICTED = "contradicted"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Found:
    """A question with its estimate and interval, as it is shown: ratios as shares.

    `advised` is between how many seeds it would be decided, where the data can say.
    """

    question: Question
    estimate: float
    low: float
    high: float
    answer: Answer
    advised: tuple[int, int] | None = None

    @property
    def crashed(self) -> int:
        """How many runs have no value: they crashed, or nothing is known of them."""
        return int(np.isnan(self.question.values).sum())

    @property
    def seeds(self) -> int:
        """How many have one."""
        return len(self.question.values) - self.crashed

    @property
    def claimed(self) -> tuple[float, float]:
        """The claimed range, as it is shown."""
        return shown(self.question.least, self.question), shown(self.question.most, self.question)

    @property
    def slack(self) -> float:
        """How far inside of the claimed range the estimate lies; negative outside."""
        q, (low, high) = self.question, self.claimed
        gaps = [self.estimate - low] if math.isfinite(q.least) else []
        gaps += [high - self.estimate] if math.isfinite(q.most) else []
        return min((gap for gap in gaps if not math.isnan(gap)), default=-math.inf)


@dataclass(frozen=True)
class Decided:
    """A claim, numbered from 1, with all that was found."""

    number: int
    claim: Claim
    found: tuple[Found, ...] = field(default_factory=tuple)

    @property
    def answer(self) -> Answer:
        """Contradicted if one quantity is outside of its range; holds if all are inside."""
        answers = {each.answer for each in self.found}
        if Answer.CONTRADICTED in answers:
            return Answer.CONTRADICTED
        return Answer.UNKNOWN if Answer.UNKNOWN in answers or not answers else Answer.HOLDS

    @property
    def deciding(self) -> Found | None:
        """The quantity that the answer hangs on: of those with that answer the least inside."""
        mine = [each for each in self.found if each.answer is self.answer]
        return min(mine, key=lambda each: each.slack, default=None)


def shown(value: float, question: Question) -> float:
    """A value of a question as tables show it: a ratio as the share that is missing to 1."""
    if question.scale is Scale.DIFFERENCE:
        return value
    try:
        return -math.expm1(-value)
    except OverflowError:
        return -math.inf


@dataclass(frozen=True)
class Claims:
    """The claims of an experiment, decided; `late` are the numbers of those made after results."""

    decided: Sequence[Decided] = ()
    late: frozenset[int] = field(default_factory=frozenset)

    @property
    def exit_code(self) -> int:
        """0 all hold, 1 one is contradicted, 3 none is but one is undecided, 2 there are none."""
        answers = {each.answer for each in self.decided}
        if not answers:
            return 2
        if Answer.CONTRADICTED in answers:
            return 1
        return 3 if Answer.UNKNOWN in answers else 0


def decide(
    claims: Sequence[Claim], evidence: Evidence, level: float = LEVEL, *, watched: bool = False
) -> tuple[Decided, ...]:
    """What is found of every claim; all intervals hold together with a chance of 1 - `level`.

    Each is at 1 - `level` / m with m quantities with randomness over all claims, whether there are
    values of them yet or not: the number follows from the spec. That of the best of k
    configurations, chosen on the same seeds, counts k times; comparisons of such have no interval.
    `watched` says that seeds were added until all was decided: then intervals hold at all numbers
    of seeds together.
    """
    asked = [(claim, list(QUESTIONS[claim.kind](claim, evidence))) for claim in claims]
    family = max(1, sum(q.counts for _, some in asked for q in some))
    return tuple(
        Decided(number, claim, tuple(answer(q, level, family, watched=watched) for q in some))
        for number, (claim, some) in enumerate(asked, start=1)
    )


def answer(question: Question, level: float, family: int, *, watched: bool = False) -> Found:
    """The estimate and interval of a question, one of a `family`, and what they say.

    The estimate is that of the runs with a value; the interval encloses whatever those without one
    might have been. Of what is flattered nothing is told.
    """
    values, confidence = question.values, 1 - level / family
    lacks = np.isnan(values)
    if lacks.all():
        return Found(question, math.nan, math.nan, math.nan, Answer.UNKNOWN)
    ends = (0.0, 1.0) if question.share else (-math.inf, math.inf)
    middle, low, high = _located(question, values[~lacks], confidence, watched=watched)
    if lacks.any():
        lowest, highest = (np.where(lacks, end, values) for end in ends)
        _, low, _ = _located(question, lowest, confidence, watched=watched)
        _, _, high = _located(question, highest, confidence, watched=watched)
    if question.flattered:
        no_more = (-math.inf, math.inf)
        middle, low, high = (shown(x, question) for x in (middle, *no_more))
        return Found(question, middle, low, high, Answer.UNKNOWN)
    least, most = question.least, question.most
    if question.exact:
        finite = (abs(x) for x in (least, most) if math.isfinite(x))
        slack = question.tolerance * max([1.0, *finite])
        least, most = least - slack, most + slack
    said = Answer.UNKNOWN
    if least <= low and high <= most:
        said = Answer.HOLDS
    elif high < least or low > most:
        said = Answer.CONTRADICTED
    advised = None
    if said is Answer.UNKNOWN and not (watched or question.share or lacks.any()):
        advised = stats.seeds_to_place(values, least, most, family, level)
    middle, low, high = (shown(x, question) for x in (middle, low, high))
    return Found(question, middle, low, high, said, advised)


def _located(
    question: Question, values: Array, confidence: float, *, watched: bool
) -> tuple[float, float, float]:
    """Where the values of a question lie: their median, or share, with its interval."""
    if question.exact:
        middle = float(values.mean() if question.share else stats.median(values))
        return middle, middle, middle
    if not question.share:
        return stats.held(values, confidence, watched=watched)
    if watched:
        return float(values.mean()), *stats.share_sequence(values, confidence)
    low, high = stats.share_interval(values.sum(), len(values), confidence)
    return float(values.mean()), float(low), float(high)


def open_questions(claims: Claims) -> Counter[str]:
    """By problem, how many quantities of undecided claims are undecided that seeds may decide."""
    asked: Counter[str] = Counter()
    for each in claims.decided:
        if each.answer is Answer.UNKNOWN:
            for found in each.found:
                if found.answer is Answer.UNKNOWN and not found.question.flattered:
                    asked.update(found.question.problems)
    return asked


def frame(claims: Claims) -> pd.DataFrame:
    """`claims.csv`: a row per claim, with the quantity that decides it.

    `estimate` from `low` to `high` is claimed to lie between `least` and `most`; on the ratio scale
    they are shares: by how much the lower value is below the other.
    """
    rows = []
    for each in claims.decided:
        one, claim = each.deciding, each.claim
        row: dict[str, Any] = {
            "claim": each.number,
            "kind": claim.kind,
            "text": claim.text,
            "source": claim.source,
            "answer": each.answer.value,
            "expected": claim.expected or "",
            "quantities": len(each.found),
            "made": AFTER if each.number in claims.late else BEFORE,
        }
        if one is not None:
            q = one.question
            row |= dict(zip(("least", "most"), one.claimed, strict=True))
            row |= {"estimate": one.estimate, "low": one.low, "high": one.high}
            where = ", ".join(q.problems)
            row |= {"scale": q.scale.value, "problem": where, "optimizer": q.optimizer}
            row |= {"other": q.other, "metric": q.metric, "by": q.by}
            row |= {"seeds": one.seeds, "crashed": one.crashed}
            if one.advised:
                row |= {"advised_low": one.advised[0], "advised_high": one.advised[1]}
        rows.append(row)
    found = pd.DataFrame(rows, columns=COLUMNS)
    words = ["kind", "text", "source", "answer", "expected", "scale", "problem", "optimizer"]
    words += ["other", "metric", "made"]
    found[words] = found[words].fillna("")
    counts = ["claim", "seeds", "crashed", "advised_low", "advised_high", "quantities"]
    return found.astype({**dict.fromkeys(counts, "Int64"), **dict.fromkeys(words, str)})
