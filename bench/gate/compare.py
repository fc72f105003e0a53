"""What changed between two results: the gate both ways, paired on the seeds that both have.

The gate asks whether the second is worse than the first by more than a margin, and whether the
first is worse than the second; together they are wrong in 1% of all comparisons of what is alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bench.gate import baseline
from bench.gate.check import LEVEL, MARGIN, check
from bench.gate.curves import Curves
from bench.gate.findings import Finding, Measure

Word = Literal["identical", "the same", "better", "worse", "better and worse", "cannot tell"]
# In the order in which they are told.
WORDS: tuple[Word, ...] = (
    "worse",
    "better and worse",
    "cannot tell",
    "better",
    "the same",
    "identical",
)
FEW = 20  # configurations told one by one under a word


@dataclass(frozen=True)
class Change:
    """What became of one configuration from the first results to the second.

    `forth` is how much worse the second is, `back` how much worse the first: each a finding of the
    gate, whose measures have one-sided bounds.
    """

    forth: Finding
    back: Finding

    @property
    def word(self) -> Word:
        """The change in a word or two."""
        words = self.forth.word, self.back.word
        if words == ("identical", "identical"):
            return "identical"
        if "worse" in words:
            both = words == ("worse", "worse")
            return "better and worse" if both else "worse" if words[0] == "worse" else "better"
        return "the same" if words == ("same", "same") else "cannot tell"

    @property
    def interval(self) -> tuple[float, float, float] | None:
        """The headline of the second as a multiple of the first's (of a score, how much worse).

        The median over seeds with its bounds, of which each is wrong in half of the errors that the
        comparison allows; None where there is no such measure.
        """
        if not (self.forth.measures and self.back.measures):
            return None
        forth, back = self.forth.measures[0], self.back.measures[0]
        if forth.text or back.text:
            return None
        high = -back.low if forth.score else _inverse(back.low)
        return forth.ratio, forth.low, high


@dataclass(frozen=True)
class Comparison:
    """Two results side by side: `changes` of what both have, names of what one has alone.

    `forth` and `back` are about all configurations together. `other` names what computed the two
    and is not the same: NumPy, BLAS, vectors.
    """

    margin: float
    changes: tuple[Change, ...]
    forth: tuple[Measure, ...]
    back: tuple[Measure, ...]
    first_alone: tuple[str, ...] = ()
    second_alone: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    @property
    def words(self) -> dict[Word, list[Change]]:
        """The changes by their word, in the order in which they are told."""
        found = {word: [c for c in self.changes if c.word == word] for word in WORDS}
        return {word: changes for word, changes in found.items() if changes}

    @property
    def worse(self) -> bool:
        """Whether anything is worse in the second, alone or together."""
        return bool({"worse", "better and worse"} & {*self.words}) or any(
            measure.word == "worse" for measure in self.forth
        )


def compare(
    first: Sequence[Curves],
    second: Sequence[Curves],
    *,
    margin: float = MARGIN,
    made_with: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> Comparison:
    """Compare what both results have: the same problem and configuration, on seeds of both.

    `margin` 0.1: losses and times that differ by up to 10% are the same.
    """
    there = {c.content: c for c in second}
    pairs = []
    for one in first:
        other = there.get(one.content)
        common = [seed for seed in one.seeds if other is not None and seed in other.seeds]
        if other is not None and common:
            pairs.append((one.on(common), other.on(common)))
    kept = {one.content for one, _ in pairs}
    sides = [_gate(pairs, margin), _gate([(b, a) for a, b in pairs], margin)]
    found = tuple(Change(*both) for both in zip(sides[0][0], sides[1][0], strict=True))
    differ = [k for k, v in made_with[0].items() if made_with[1].get(k, v) != v]
    return Comparison(
        margin,
        found,
        sides[0][1],
        sides[1][1],
        tuple(_name(c) for c in first if c.content not in kept),
        tuple(_name(c) for c in second if c.content not in kept),
        tuple(differ),
    )


def _gate(
    pairs: Sequence[tuple[Curves, Curves]], margin: float
) -> tuple[tuple[Finding, ...], tuple[Measure, ...]]:
    """What the gate says of the second of each pair beside the first, without its first look."""
    # How far records can be compared before rounding grows, nobody has trained for: the first only.
    old = baseline.Baseline("", {}, tuple(baseline.line(one, 1) for one, _ in pairs))
    new = [replace(b, crashed=max(0, b.crashed - a.crashed)) for a, b in pairs]
    found = check(old, new, margin=margin, level=LEVEL / 2)
    return found.findings, found.pooled


def sentences(found: Comparison, first: str, second: str) -> list[str]:
    """What changed from `first` to `second`, in lines, the counts first."""
    words, total = found.words, len(found.changes)
    counts = [f"{len(changes)} {_counted(word, found)}" for word, changes in words.items()]
    lines = [
        f"{second} beside {first}, {total} {'configuration' if total == 1 else 'configurations'} "
        f"of both: {', '.join(counts)}"
    ]
    for word, changes in words.items():
        if word in ("the same", "identical"):
            continue
        lines += [f"{word}: {_told(change)}" for change in changes[:FEW]]
        if len(changes) > FEW:
            lines.append(f"{word}: and {len(changes) - FEW} more")
    for side, word in ((found.forth, "worse"), (found.back, "better")):
        for measure in side:
            if measure.word == "worse":
                lines.append(f"{word}: all configurations together: {_measured(measure, word)}")
    for name, alone in ((first, found.first_alone), (second, found.second_alone)):
        if alone:
            rest = f"; and {len(alone) - 3} more" if len(alone) > 3 else ""
            lines.append(f"in {name} alone, or on no seed of both: {'; '.join(alone[:3])}{rest}")
    if found.other:
        lines.append(
            f"note: computed with another {' and '.join(found.other)}, which rounds otherwise"
        )
    return lines


def _counted(word: Word, found: Comparison) -> str:
    return f"{word} within {found.margin:.0%}" if word == "the same" else word


def _name(curves: Curves) -> str:
    settings = baseline.settings(curves.configuration)
    return f"{curves.problem_name}, {curves.optimizer} ({settings})"


def _told(change: Change) -> str:
    """One configuration, with whatever is better or worse, or cannot be told."""
    forth, back = change.forth, change.back
    parts = [forth.note] if forth.note else []
    for one, side in ((forth, "worse"), (back, "better")):
        parts += [_measured(m, side) for m in one.measures if m.word == "worse"]
    if not parts:
        unsure = [m for m in forth.measures if m.word == "cannot tell"]
        unsure = unsure or [m for m in back.measures if m.word == "cannot tell"]
        if change.interval is not None:
            parts.append(_interval(forth.measures[0], change.interval))
        else:
            parts += [m.text or m.name for m in unsure]
    parts.append("1 seed" if forth.seeds == 1 else f"{forth.seeds} seeds")
    return f"{forth.name}: {'; '.join(parts)}"


def _measured(measure: Measure, side: str) -> str:
    """A measure of one direction: "final loss is 1.3 times as large, at least 1.2"."""
    if measure.text:
        return measure.text if side == "worse" else f"{measure.text} in the first"
    if measure.score:
        return f"{measure.name} is {side} by {measure.ratio:.3g}, at least by {measure.low:.3g}"
    if side == "worse":
        return f"{measure.name} is {measure.ratio:.3g} times as large, at least {measure.low:.3g}"
    ratio, most = _inverse(measure.ratio), _inverse(measure.low)
    return f"{measure.name} is {ratio:.3g} times as large, at most {most:.3g}"


def _interval(measure: Measure, ends: tuple[float, float, float]) -> str:
    middle, low, high = ends
    if measure.score:
        return f"{measure.name} is worse by {middle:.3g} ({low:.3g} to {high:.3g})"
    return f"{measure.name} is {middle:.3g} times the first's ({low:.3g} to {high:.3g})"


def _inverse(value: float) -> float:
    return math.inf if value == 0 else float(np.reciprocal(value))
