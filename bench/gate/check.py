"""Has convergence regressed? Two looks at a baseline and at new results of the same seeds.

The first look compares early records, before rounding has grown: a difference tells of another
update rule and is a note. The second look asks of every configuration whether its losses, its times
to the targets and its diverged runs are worse by more than a margin: paired on seeds, at an error
rate of 1% for the whole gate. docs/gate.md has the rates it holds, and the slips it sees.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from bench import stats
from bench.gate.baseline import Baseline, Curves, Line
from nncore.metrics import TRAIN_LOSS

Array = NDArray[np.float64]
Word = Literal["identical", "same", "worse", "cannot tell"]
LEVEL = 0.01  # of a false alarm, over all configurations
SURE = 0.05  # of calling one configuration the same that is worse by more than the margin
MARGIN = 0.1  # losses and times that differ by less do not matter
RULE = 1e-4  # relative difference of early losses that tells of another rule
ABSENT = "is not in these results"
CODES = {"worse": 1, "cannot tell": 3}


@dataclass(frozen=True)
class Measure:
    """What the second look says about one quantity of a configuration.

    `ratio` is the median over seeds of new / old, `low` and `high` its one-sided bounds; `needed`
    estimates the seeds that would tell, None where nobody knows. A count of runs has a `text`
    instead.
    """

    name: str
    word: Word
    ratio: float
    low: float
    high: float
    needed: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """What both looks say about one configuration; `early` names the first record that differs."""

    problem: str
    optimizer: str
    settings: str
    seeds: int
    word: Word
    measures: tuple[Measure, ...] = ()
    early: tuple[int, float] | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The configuration in words."""
        return f"{self.problem}, {self.optimizer} ({self.settings})"


@dataclass(frozen=True)
class Check:
    """What the gate says: `ok` without a regression, `exit_code` as of the command line.

    `other` names what computed the baseline and computes otherwise here: NumPy, BLAS, vectors.
    """

    name: str
    margin: float
    findings: tuple[Finding, ...] = field(default_factory=tuple)
    other: tuple[str, ...] = ()

    @property
    def word(self) -> Word:
        """The worst of all configurations."""
        return _worst({f.word for f in self.findings})

    @property
    def exit_code(self) -> int:
        """0 no regression, 1 regression, 3 cannot tell."""
        return CODES.get(self.word, 0)

    @property
    def ok(self) -> bool:
        """Whether nothing is worse, and that is known."""
        return self.exit_code == 0

    @property
    def changed(self) -> tuple[Finding, ...]:
        """The configurations whose early records say that the update rule changed."""
        return tuple(f for f in self.findings if f.early is not None)

    def __str__(self) -> str:
        return "\n".join(sentences(self))


def _worst(words: Collection[Word]) -> Word:
    order: tuple[Word, ...] = ("worse", "cannot tell", "same", "identical")
    return next((word for word in order if word in words), "cannot tell")


def check(
    old: Baseline,
    new: Sequence[Curves],
    *,
    margin: float = MARGIN,
    level: float = LEVEL,
    made_with: Mapping[str, str] | None = None,
) -> Check:
    """Compare new curves with a baseline. Raises ValueError for a margin that is not positive.

    `margin` 0.1: losses and times up to 10% larger do not matter. `level` is the chance that the
    gate as a whole calls something worse although nothing has changed. `made_with` is what computed
    the new curves, as `Baseline.made_with`.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"margin: {margin} is not positive")
    mine = {c.content: c for c in new}
    tests = sum(2 + len(one.times) for one in old.lines if one.random)
    each = level / max(1, tests)
    found = [_compare(one, mine.get(one.content), math.log1p(margin), each) for one in old.lines]
    other = [k for k, v in (made_with or {}).items() if old.made_with.get(k, v) != v]
    return Check(old.name, margin, tuple(found), tuple(other))


def _compare(old: Line, new: Curves | None, margin: float, level: float) -> Finding:
    where: dict[str, Any] = {
        "problem": old.problem,
        "optimizer": old.optimizer,
        "settings": old.settings,
    }
    if new is None:
        return Finding(**where, seeds=0, word="cannot tell", note=ABSENT)
    both = [seed for seed in old.seeds if seed in new.seeds]
    if not both:
        return Finding(**where, seeds=0, word="cannot tell", note="has no seed in common")
    was = [old.seeds.index(seed) for seed in both]
    now = [new.seeds.index(seed) for seed in both]
    missing = len(old.seeds) - len(both)
    gone = f"{missing} of {len(old.seeds)} seeds are missing" if missing else ""
    where |= {"seeds": len(both), "note": gone}
    digests = new.digests
    if all(old.digests[i] == digests[j] for i, j in zip(was, now, strict=True)):
        # What the missing seeds would have shown, nobody knows.
        return Finding(**where, word="cannot tell" if missing else "identical")
    pairs = [("final loss", np.array(old.final)[was], new.finals[now])]
    for metric, times in old.times.items():
        if metric in new.times:
            name = "time to target" if metric == TRAIN_LOSS else f"time to target of {metric}"
            pairs.append((name, np.array(times)[was], new.times[metric][now]))
    if old.random:
        measures = [_measure(*pair, margin, level) for pair in pairs]
        _, before, after = pairs[0]
        measures.append(_lost(np.isinf(before), np.isinf(after), margin, level))
    else:
        measures = [_only(*pair, margin) for pair in pairs]
    if new.crashed:
        measures.append(_count("crashed runs", "worse", f"{new.crashed} runs crashed"))
    word = _worst({m.word for m in measures})
    if missing and word != "worse":
        word = "cannot tell"
    early = _early(old, new)
    return Finding(**where, word=word, measures=tuple(measures), early=early)


def _early(old: Line, new: Curves) -> tuple[int, float] | None:
    """The first early record that differs, and by how much; None when all agree."""
    places = {int(epoch): i for i, epoch in enumerate(new.epochs)}
    worst: tuple[int, float] | None = None
    for k, epoch in enumerate(old.early_epochs):
        for seed, row in zip(old.seeds, old.early, strict=False):
            if seed not in new.seeds or epoch not in places:
                continue
            now = float(new.losses[new.seeds.index(seed), places[epoch]])
            gap = _gap(row[k], now)
            if gap > RULE and (worst is None or gap > worst[1]):
                worst = epoch, gap
        if worst is not None:
            return worst
    return None


def _gap(before: float, now: float) -> float:
    """Relative difference, infinite beside an infinity that only one of them has."""
    if before == now:
        return 0.0
    if not (math.isfinite(before) and math.isfinite(now)):
        return math.inf
    return abs(now - before) / max(abs(before), abs(now))


def _measure(name: str, before: Array, now: Array, margin: float, level: float) -> Measure:
    """Whether the median log ratio lies above the margin.

    The lower bound is wrong in `level` of all cases, corrected for all tests of the gate; the upper
    bound in `SURE`: that all configurations are the same is only said when each of them is, so it
    needs no correction.
    """
    ratios = _log_ratios(now, before)
    low, high = bounds(ratios, level, SURE)
    middle = float(stats.median(ratios))
    word: Word = "worse" if low > margin else "same" if high < margin else "cannot tell"
    needed = None
    if word == "cannot tell":
        fewest = math.ceil(-math.log2(level))
        needed = _needed(len(ratios), middle, low, high, margin, fewest)
    return Measure(name, word, _exp(middle), _exp(low), _exp(high), needed)


def _only(name: str, before: Array, now: Array, margin: float) -> Measure:
    """The same for the one run of a problem without randomness, which has no spread."""
    gap = float(_log_ratios(now, before)[0])
    ratio = _exp(gap)
    return Measure(name, "worse" if gap > margin else "same", ratio, ratio, ratio)


def _log_ratios(now: Array, before: Array) -> Array:
    """log(now / before); what an objective below zero has gained, relative to what it was."""
    if (now >= 0).all() and (before >= 0).all():
        return stats.log_ratios(now, before)
    size = np.where(np.isfinite(before) & (before != 0), np.abs(before), 1.0)
    return stats.differences(now, before) / size


def bounds(ratios: Array, below: float, above: float) -> tuple[float, float]:
    """One-sided bounds for the median of `ratios` `(n,)`: order statistics, exact for any law.

    The lower one lies above the median with a chance of at most `below`, the upper one below it
    with at most `above`; infinite where n is too small.

    >>> bounds(np.arange(10.0), 0.01, 0.05)
    (0.0, 8.0)
    """
    ordered, n = np.sort(ratios), len(ratios)
    chances = bdtr(np.arange(n, dtype=float), n, 0.5)
    lower = np.flatnonzero(chances <= below)
    upper = np.flatnonzero(chances <= above)
    return (
        float(ordered[lower[-1]]) if len(lower) else -math.inf,
        float(ordered[n - 1 - upper[-1]]) if len(upper) else math.inf,
    )


def _lost(
    before: NDArray[np.bool_], now: NDArray[np.bool_], margin: float, level: float
) -> Measure:
    """Whether more runs diverge: the exact sign test on the seeds that changed (McNemar).

    Half of the runs may diverge more often without moving a median. The share of all seeds by which
    more diverge than before may be as large as the margin and still count as the same; beyond,
    where the test does not see it, nobody can tell.
    """
    more, fewer = int((now & ~before).sum()), int((before & ~now).sum())
    p = float(bdtr(float(fewer), more + fewer, 0.5)) if more > fewer else 1.0
    few = (more - fewer) / len(now) <= math.expm1(margin)
    word: Word = "worse" if p <= level else "same" if few else "cannot tell"
    return _count("diverged runs", word, f"{more} of {len(now)} runs newly diverge")


def _count(name: str, word: Word, text: str) -> Measure:
    return Measure(name, word, math.nan, math.nan, math.nan, text=text)


def _needed(
    n: int, middle: float, low: float, high: float, margin: float, fewest: int
) -> int | None:
    """Seeds that would bring the nearer bound to the other side of the margin.

    `fewest` seeds have a lower bound at all.
    """
    edge = high if middle < margin else low
    if middle > margin and n < fewest:
        return fewest
    if middle == margin or not (math.isfinite(middle) and math.isfinite(edge)):
        return None
    more = stats.seeds_for_width(n, abs(edge - middle), abs(margin - middle))
    return more if more is not None and n < more <= 10_000 else None


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def sentences(found: Check) -> list[str]:
    """What the gate says, in lines: the verdict first, then what it rests on."""
    lines = [_verdict(found)]
    absent = [one.name for one in found.findings if one.note == ABSENT]
    if absent:
        lines.append(f"{ABSENT}: {_few(absent)}")
    for one in found.findings:
        if one.word in CODES and one.note != ABSENT:
            lines.append(f"{one.word}: {one.name}: {_told(one, one.word)}")
    if found.changed:
        names = [one.name for one in found.changed]
        epoch, gap = max((c.early for c in found.changed if c.early), key=lambda e: e[1])
        lines.append(
            f"note: the update rule changed: early losses of {len(names)} of "
            f"{len(found.findings)} configurations differ by up to {_percent(gap)} "
            f"(epoch {epoch}): {_few(names)}"
        )
        if found.other:
            lines.append(
                f"      or its rounding did: {' and '.join(found.other)} differ from the baseline's"
            )
    return lines


def _verdict(found: Check) -> str:
    words = [one.word for one in found.findings]
    count = len(words)
    if found.word == "identical":
        return f"no regression: all {count} configurations are identical to the baseline"
    if found.word == "worse":
        return f"regression: {words.count('worse')} of {count} configurations are worse"
    if all(one.note == ABSENT for one in found.findings):
        return "cannot tell: these results have no configuration of the baseline"
    if found.word == "cannot tell":
        return (
            f"cannot tell: {words.count('cannot tell')} of {count} configurations may be worse "
            f"by more than {found.margin:.0%}, or not"
        )
    return (
        f"no regression: {words.count('identical')} of {count} configurations are identical to "
        f"the baseline, {words.count('same')} the same within {found.margin:.0%}"
    )


def _told(one: Finding, word: Word) -> str:
    parts = [one.note] if one.note else []
    for m in one.measures:
        if m.word != word:
            continue
        if m.text:
            parts.append(m.text)
            continue
        text = f"{m.name} is {_times(m.ratio)} the baseline's"
        if m.low < m.high:
            text += f" ({_times(m.low)} to {_times(m.high)})"
        if word == "cannot tell":
            text += (
                f"; about {m.needed} seeds might tell" if m.needed else "; more seeds are needed"
            )
        parts.append(text)
    if one.measures:
        parts.append("1 seed" if one.seeds == 1 else f"{one.seeds} seeds")
    return "; ".join(parts)


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if math.isfinite(ratio) else "∞ times"


def _percent(gap: float) -> str:
    return f"{gap:.2g}" if math.isfinite(gap) else "∞"


def _few(names: Sequence[str], most: int = 3) -> str:
    rest = len(names) - most
    return "; ".join(names[:most]) + (f"; and {rest} more" if rest > 0 else "")
