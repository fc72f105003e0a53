"""Claims in words: the answer, the claim itself, and what it hangs on."""

from __future__ import annotations

import math

from bench.stats.decision import Scale
from bench.verdicts.claims import AFTER, Answer, Claims, Decided, Found


def sentences(claims: Claims) -> list[str]:
    """A line per claim."""
    return [sentence(each, late=each.number in claims.late) for each in claims.decided]


def sentence(decided: Decided, *, late: bool = False) -> str:
    """A claim on a line: `claim 1 holds: TEXT (EVIDENCE)`; `late` ones are marked."""
    said = {Answer.UNKNOWN: "cannot be told", Answer.CONTRADICTED: "is contradicted"}
    marked = f" [{AFTER}]" if late else ""
    answer = said.get(decided.answer, decided.answer.value)
    text = decided.claim.text.rstrip(".")
    return f"claim {decided.number} {answer}{marked}: {text} ({evidence(decided)})."


def evidence(decided: Decided) -> str:
    """What the answer of a claim hangs on, of several quantities the one least inside."""
    one = decided.deciding
    if one is None or not one.seeds:
        return f"no result{_crashed(one)}" if one and one.crashed else "no result yet"
    told = f"{subject(decided, one)} {number(one.estimate, one)}{_interval(one)}"
    told += f"; claimed is {claimed(one)}"
    if len(decided.found) > 1:
        told += f"; of {len(decided.found)} quantities the one that decides"
    if one.answer is Answer.UNKNOWN:
        told += f"; {_advice(one)}"
    return told


def subject(decided: Decided, one: Found) -> str:
    """What a quantity is, in words, up to its number."""
    q, claim = one.question, decided.claim
    where = f"on {', '.join(q.problems)}, "
    if q.other:
        if decided.claim.kind == "same":
            return f"{where}by {q.metric} {q.optimizer} is ahead of {q.other} by"
        return f"{where}by {q.metric} {q.optimizer} is better than {q.other} by"
    if claim.kind == "reaches":
        return f"{where}{q.optimizer} reaches its target on a share of"
    if claim.power:
        return f"{where}{q.metric} of {q.optimizer} goes with {claim.over} to the power of"
    if claim.kind == "trend":
        return f"{where}{q.metric} of {q.optimizer} {claim.way} with {claim.over} by"
    return f"{where}{q.metric} of {q.optimizer} is"


def number(value: float, one: Found) -> str:
    """A number of a quantity: of ratios as a percentage.

    By how much the lower value is below the other one; of `-25%` the higher one is 1.25 times it.
    """
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    if one.question.scale is Scale.RATIO:
        return f"{100 * value:.3g}%"
    return f"{value:.4g}"


def claimed(one: Found) -> str:
    """The claimed range in words."""
    low, high = one.claimed
    ends = {math.inf, 1.0} if one.question.scale is Scale.RATIO else {math.inf}
    if high in ends and (math.isinf(high) or one.question.most == math.inf):
        return f"at least {number(low, one)}"
    return f"{number(low, one)} to {number(high, one)}"


def _interval(one: Found) -> str:
    q, n = one.question, one.seeds
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    seeds += _crashed(one)
    if q.flattered:
        return f" ({seeds})"
    if q.exact:
        return f" (to a tolerance of {q.tolerance:g})" if n == 1 else f" ({seeds}, the same trials)"
    most = 1.0 if q.scale is Scale.RATIO else math.inf
    if one.low == -math.inf and one.high == most and not q.share and one.estimate < most:
        return f" ({seeds}, too few for an interval)"
    return f" ({number(one.low, one)} to {number(one.high, one)}, {seeds})"


def _crashed(one: Found) -> str:
    """On how many seeds a run crashed, or has no value for another reason."""
    if not one.crashed:
        return ""
    noun = f"{'other ' * (one.seeds > 0)}seed{'s' * (one.crashed > 1)}"
    return f", on {one.crashed} {noun} a run crashed or left no value"


def _advice(one: Found) -> str:
    if one.question.flattered:
        return (
            "the best of several configurations was chosen on the seeds that judge it, which "
            "flatters the larger search: add [tuning], or name one with `at`"
        )
    if one.crashed:
        return "what crashed might have been anything"
    if one.advised is None:
        return "how many seeds would tell is not known"
    low, high = one.advised
    seeds = one.seeds
    between = f"up to {high:,}" if low <= seeds else f"{low:,} to {high:,}"
    return f"{between} seeds might tell"
