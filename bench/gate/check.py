"""Has convergence regressed? Looks at a baseline and at new results of the same seeds.

The first look compares early records, before rounding has grown: a difference of the training loss
tells of another update rule, one of another metric alone of another measurement. The second look
asks of every configuration, and of all together, whether losses, times to the target and diverged
runs are worse by more than a margin: paired on seeds, at an error rate of 1% for the whole gate.
docs/gate.md has the rates it holds, and the slips it sees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import stats
from bench.gate.baseline import Baseline, Line
from bench.gate.curves import Curves, gap
from bench.gate.findings import ABSENT, LOST, Check, Finding, Measure, Word, count, worst
from bench.spec.judging import FINAL_LOSS
from bench.stats.special import bdtr
from nncore.metrics import TRAIN_LOSS

Array = NDArray[np.float64]
LEVEL = 0.01  # of a false alarm, over all configurations
SURE = 0.05  # of calling one configuration the same that is worse by more than the margin
MARGIN = 0.1  # losses and times that differ by less do not matter
RULE = 1e-4  # relative difference of early losses that tells of another rule
ROUNDING = 10.0  # times what float32 and float64 differ by, what another processor may do
SCORE = stats.Margin().difference  # scores that differ by less do not matter
FINAL, ARRIVAL = "final loss", "time to target"


@dataclass(frozen=True)
class Compared:
    """A quantity before and now `(n,)`, less is better: by its ratio, or that of a score."""

    name: str
    before: Array
    now: Array
    score: bool = False

    @property
    def gaps(self) -> Array:
        """By how much it is worse: log ratios, differences of scores."""
        if self.score:
            return stats.differences(self.now, self.before)
        return _log_ratios(self.now, self.before)

    def size(self, margin: float) -> float:
        """What gaps do not matter, where a ratio's log may be `margin`."""
        return SCORE if self.score else margin


@dataclass(frozen=True)
class Pair:
    """A baseline's line and new curves on the seeds that both have."""

    old: Line
    new: Curves

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of both, in the baseline's order."""
        return tuple(seed for seed in self.old.seeds if seed in self.new.seeds)

    @cached_property
    def was(self) -> list[int]:
        """Where they stand in the baseline."""
        return [self.old.seeds.index(seed) for seed in self.seeds]

    @cached_property
    def now(self) -> list[int]:
        """Where they stand in the new curves."""
        return [self.new.seeds.index(seed) for seed in self.seeds]

    @property
    def trains_alike(self) -> bool:
        """Whether all training losses are the same bytes."""
        digests = self.new.digests
        return all(
            self.old.digests[i] == digests[j] for i, j in zip(self.was, self.now, strict=True)
        )

    @property
    def finals(self) -> tuple[Array, Array]:
        """What runs are worth before and now `(n,)`, infinite where diverged."""
        return np.array(self.old.final)[self.was], self.new.finals[self.now]

    @property
    def times(self) -> list[Compared]:
        """Times to the targets before and now."""
        found = []
        for metric, was in self.old.times.items():
            if metric in self.new.times:
                name = ARRIVAL if metric == TRAIN_LOSS else f"{ARRIVAL} of {metric}"
                before, now = np.array(was)[self.was], self.new.times[metric][self.now]
                found.append(Compared(name, before, now))
        return found

    @property
    def compared(self) -> list[Compared]:
        """The headline and times before and now."""
        headline = self.new.headline
        name = FINAL if headline.name == FINAL_LOSS else headline.words
        return [Compared(name, *self.finals, headline.is_score), *self.times]

    @property
    def lost(self) -> tuple[int, int]:
        """How many runs diverge that did not, and the other way round."""
        before, after = map(np.isinf, self.finals)
        return int((after & ~before).sum()), int((before & ~after).sum())


def check(
    old: Baseline,
    new: Sequence[Curves],
    *,
    margin: float = MARGIN,
    level: float = LEVEL,
    made_with: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Check:
    """Compare new curves with a baseline. Raises ValueError for a margin that is not positive.

    `margin` 0.1: losses and times up to 10% larger do not matter. `level` is the chance that the
    gate as a whole calls something worse although nothing has changed. `made_with` is what computed
    the new curves, as `Baseline.made_with`. `strict` fails on changed numbers that are no worse.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"margin: {margin} is not positive")
    mine = {c.content: c for c in new}
    asked = [2 + len(one.times) for one in old.lines if one.random]
    # Together: each metric that judges, the times to the target, the runs that diverge.
    together = len({one.metric for one in old.lines if one.random}) + 2
    tests = sum(asked) + (together if len(asked) > 1 else 0)
    each, size = level / max(1, tests), math.log1p(margin)
    found = [_compare(one, mine.get(one.content), size, each) for one in old.lines]
    pairs = [Pair(one, mine[one.content]) for one in old.lines if one.content in mine]
    pairs = [pair for pair in pairs if pair.old.metric == pair.new.headline.name]
    pooled = _pooled([pair for pair in pairs if pair.old.random and pair.seeds], size, each)
    other = [k for k, v in (made_with or {}).items() if old.made_with.get(k, v) != v]
    return Check(old.name, margin, tuple(found), pooled, tuple(other), strict)


def _compare(old: Line, new: Curves | None, margin: float, level: float) -> Finding:
    where: dict[str, Any] = {
        "problem": old.problem,
        "optimizer": old.optimizer,
        "rule": old.rule,
        "settings": old.settings,
    }
    if new is None:
        return Finding(**where, seeds=0, word="cannot tell", note=ABSENT)
    if old.metric != new.headline.name:
        note = f"is judged by {new.headline.name} here, by {old.metric} in the baseline"
        return Finding(**where, seeds=0, word="cannot tell", note=note)
    pair = Pair(old, new)
    if not pair.seeds:
        return Finding(**where, seeds=0, word="cannot tell", note="has no seed in common")
    missing = len({*old.seeds} - {*pair.seeds} - {*new.optional})
    gone = f"{missing} of {len(old.seeds)} seeds are missing" if missing else ""
    metric = _metric(old, new)
    where |= {"seeds": len(pair.seeds), "note": gone, "metric": metric}
    if pair.trains_alike and not new.crashed:
        # What the missing seeds would have shown, nobody knows; nor what another metric says.
        if metric is not None:
            where["note"] = "; ".join(
                filter(None, [gone, "trains as it did, is measured otherwise"])
            )
        return Finding(**where, word="cannot tell" if missing or metric else "identical")
    if old.random:
        measures = [_measure(one, one.gaps, margin, level) for one in pair.compared]
        measures.append(_lost(*pair.lost, len(pair.seeds), margin, level))
    else:
        measures = [_only(one, margin) for one in pair.compared]
    if new.crashed:
        measures.append(count("crashed runs", "worse", f"{new.crashed} runs crashed"))
    early = _early(old, new)
    if early is None and metric is None:
        where["ended"] = _ended(pair)
    word = worst({m.word for m in measures})
    if word != "worse" and (missing or (metric is not None and early is None)):
        word = "cannot tell"
    where |= {"measures": tuple(measures), "early": early, "lost": pair.lost[0]}
    return Finding(**where, word=word)


def _pooled(pairs: Sequence[Pair], margin: float, level: float) -> tuple[Measure, ...]:
    """What all configurations say together, where each alone may be too few to tell.

    Of every seed the interquartile mean over configurations of the log ratio; its median is bounded
    as that of a single configuration, so configurations may depend on each other. Lost runs are
    counted over all (McNemar's test), which takes runs of one seed for independent.
    """
    if len(pairs) < 2:
        return ()
    common = set.intersection(*(set(pair.seeds) for pair in pairs))
    rows: dict[str, list[tuple[Compared, Array]]] = {}
    for pair in pairs:
        kept = np.array([seed in common for seed in pair.seeds])
        for one in pair.compared[:1] + [each for each in pair.times if each.name == ARRIVAL]:
            rows.setdefault(one.name, []).append((one, one.gaps[kept]))
    found = []
    for some in rows.values():
        if len(some) > 1 and common:
            gaps = stats.interquartile_mean(np.stack([each for _, each in some], axis=1))
            found.append(_measure(some[0][0], gaps, margin, level))
    more, fewer = (sum(pair.lost[i] for pair in pairs) for i in (0, 1))
    runs = sum(len(pair.seeds) for pair in pairs)
    return (*found, _lost(more, fewer, runs, margin, level))


def _early(old: Line, new: Curves) -> tuple[int, float] | None:
    """The first early record that differs, and by how much; None when all agree."""
    gaps = [(epoch, _largest(old, new, old.early, k)) for k, epoch in enumerate(old.early_epochs)]
    return next(((epoch, gap) for epoch, gap in gaps if gap > RULE), None)


def _ended(pair: Pair) -> tuple[int, float] | None:
    """How many seeds end otherwise although the early records agree to the end; by how much.

    Nothing is known of seeds without early records where the precisions part before the end, nor
    of scores, in which a sample more or less may be rounding.
    """
    known, last = pair.old.early_epochs[-1], int(pair.new.epochs[-1])
    if not pair.old.random or known != last or pair.new.headline.is_score:
        return None
    gaps = [gap(*map(float, ends)) for ends in zip(*pair.finals, strict=True)]
    apart = [each for each in gaps if each > RULE]
    return (len(apart), max(apart)) if apart else None


def _metric(old: Line, new: Curves) -> tuple[str, float] | None:
    """The metric beside the training loss that differs most beyond rounding, and by how much.

    Rounding is what float32 and float64 make of the same records, several times over.
    """
    worst_: tuple[str, float] | None = None
    for name, was in old.metrics.items():
        now = new.metrics.get(name)
        if now is None:
            gap = math.inf
        elif new.seeds == old.seeds and new.digest(name) == was.digest:
            continue
        else:
            values = [_largest(old, new, was.early, k, name) for k in range(len(old.early_epochs))]
            gap = max(values)
        if gap > max(RULE, ROUNDING * was.rounding) and (worst_ is None or gap > worst_[1]):
            worst_ = name, gap
    return worst_


def _largest(
    old: Line, new: Curves, early: Sequence[Sequence[float]], k: int, name: str = ""
) -> float:
    """By how much record `k` of the early ones differs at most over the seeds that have one."""
    places = {int(epoch): i for i, epoch in enumerate(new.epochs)}
    place = places.get(old.early_epochs[k])
    if place is None:
        return 0.0
    values = new.metrics[name] if name else new.losses
    return max(
        (
            gap(row[k], float(values[new.seeds.index(seed), place]))
            for seed, row in zip(old.seeds, early, strict=False)
            if seed in new.seeds
        ),
        default=0.0,
    )


def _measure(one: Compared, gaps: Array, margin: float, level: float) -> Measure:
    """Whether the median of the `gaps` lies above the margin.

    The lower bound is wrong in `level` of all cases, corrected for all tests of the gate; the upper
    bound in `SURE`: that all configurations are the same is only said when each of them is, so it
    needs no correction.
    """
    margin = one.size(margin)
    low, high = bounds(gaps, level, SURE)
    middle = float(stats.median(gaps))
    word: Word = "worse" if low > margin else "same" if high < margin else "cannot tell"
    needed = None
    if word == "cannot tell":
        fewest = math.ceil(-math.log2(level))
        needed = _needed(len(gaps), middle, low, high, margin, fewest)
    return _measured(one, word, middle, low, high, needed)


def _only(one: Compared, margin: float) -> Measure:
    """The same for the one run of a problem without randomness, which has no spread."""
    gap = float(one.gaps[0])
    return _measured(one, "worse" if gap > one.size(margin) else "same", gap, gap, gap)


def _measured(
    one: Compared, word: Word, middle: float, low: float, high: float, needed: int | None = None
) -> Measure:
    ends = (middle, low, high) if one.score else (_exp(middle), _exp(low), _exp(high))
    return Measure(one.name, word, *ends, needed, score=one.score)


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


def _lost(more: int, fewer: int, runs: int, margin: float, level: float) -> Measure:
    """Whether more runs diverge: the exact sign test on the runs that changed (McNemar).

    Half of the runs may diverge more often without moving a median. The share of all runs by which
    more diverge than before may be as large as the margin and still count as the same; beyond,
    where the test does not see it, nobody can tell.
    """
    p = float(bdtr(float(fewer), more + fewer, 0.5)) if more > fewer else 1.0
    few = (more - fewer) / runs <= math.expm1(margin)
    word: Word = "worse" if p <= level else "same" if few else "cannot tell"
    return count(LOST, word, f"{more} of {runs} runs newly diverge")


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
