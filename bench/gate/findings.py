"""What the gate finds, as data and in words."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

Word = Literal["identical", "same", "worse", "cannot tell"]
ABSENT = "is not in these results"
CODES = {"worse": 1, "cannot tell": 3}
LOST = "diverged runs"


@dataclass(frozen=True)
class Measure:
    """What the second look says about one quantity, of a configuration or of all together.

    `ratio` is the median over seeds of new / old, `low` and `high` its one-sided bounds; `needed`
    estimates the seeds that would tell, None where nobody knows. Of a `score` these are by how much
    it is worse. A count of runs has a `text` instead.
    """

    name: str
    word: Word
    ratio: float
    low: float
    high: float
    needed: int | None = None
    text: str = ""
    score: bool = False


def count(name: str, word: Word, text: str) -> Measure:
    """A measure that counts runs."""
    return Measure(name, word, math.nan, math.nan, math.nan, text=text)


@dataclass(frozen=True)
class Finding:
    """What both looks say about one configuration.

    `early` is the first record at which training losses differ by more than rounding does, with the
    largest difference; `metric` another metric that differs by more, although training did not
    change. `ended` is told where the early records of the few seeds that have them agree to the
    end: how many of the other seeds end otherwise by more than another rule's bound, and by how
    much at most. `lost` counts the runs that are newly diverged.
    """

    problem: str
    optimizer: str
    rule: str
    settings: str
    seeds: int
    word: Word
    measures: tuple[Measure, ...] = ()
    early: tuple[int, float] | None = None
    metric: tuple[str, float] | None = None
    ended: tuple[int, float] | None = None
    lost: int = 0
    note: str = ""

    @property
    def doubts(self) -> tuple[Measure, ...]:
        """The quantities that may be worse, or not."""
        return tuple(one for one in self.measures if one.word == "cannot tell")

    @property
    def name(self) -> str:
        """The configuration in words."""
        return f"{self.problem}, {self.optimizer} ({self.settings})"


@dataclass(frozen=True)
class Check:
    """What the gate says: `ok` without a regression, `exit_code` as of the command line.

    `pooled` is about all configurations together. `other` names what computed the baseline and
    computes otherwise here: NumPy, BLAS, vectors. `strict` does not let changed numbers pass
    either, however good they are.
    """

    name: str
    margin: float
    findings: tuple[Finding, ...] = ()
    pooled: tuple[Measure, ...] = ()
    other: tuple[str, ...] = ()
    strict: bool = False

    @property
    def word(self) -> Word:
        """The worst of all configurations, and of all together."""
        words = {f.word for f in self.findings}
        words |= {m.word for m in self.pooled if m.word == "worse"}
        return worst(words)

    @property
    def exit_code(self) -> int:
        """0 no regression, 1 regression (strict: or changed numbers), 3 cannot tell."""
        if self.strict and self.otherwise:
            return CODES["worse"]
        return CODES.get(self.word, 0)

    @property
    def ok(self) -> bool:
        """Whether nothing is worse, and that is known."""
        return self.exit_code == 0

    @property
    def changed(self) -> tuple[Finding, ...]:
        """The configurations whose early records say that the update rule changed."""
        return tuple(f for f in self.findings if f.early is not None)

    @property
    def mismeasured(self) -> tuple[Finding, ...]:
        """The configurations that train as they did and measure something else."""
        return tuple(f for f in self.findings if f.metric is not None and f.early is None)

    @property
    def ended(self) -> tuple[Finding, ...]:
        """The configurations that end otherwise on seeds whose early records nobody has."""
        return tuple(f for f in self.findings if f.ended is not None)

    @property
    def otherwise(self) -> tuple[Finding, ...]:
        """The configurations whose numbers changed, by more than rounding as far as is known.

        Where another processor computes, it may be that of seeds that were not watched.
        """
        return (*self.changed, *self.mismeasured, *(() if self.other else self.ended))

    def __str__(self) -> str:
        return "\n".join(sentences(self))


def worst(words: Collection[Word]) -> Word:
    """The word that decides; without any, nobody can tell."""
    order: tuple[Word, ...] = ("worse", "cannot tell", "same", "identical")
    return next((word for word in order if word in words), "cannot tell")


def sentences(found: Check) -> list[str]:
    """What the gate says, in lines: the verdict first, then what it rests on."""
    lines = [_verdict(found)]
    absent = [one.name for one in found.findings if one.note == ABSENT]
    if absent:
        lines.append(f"{ABSENT}: {_few(absent)}")
    for one in found.findings:
        if one.word in CODES and one.note != ABSENT:
            lines.append(f"{one.word}: {one.name}: {_told(one, one.word)}")
    for measure in found.pooled:
        if measure.word == "worse":
            lines.append(f"worse: all configurations together: {_measured(measure)}")
    notes = _lost, _changed, _mismeasured, _ended, _rounded
    return lines + [line for note in notes for line in note(found)]


def _verdict(found: Check) -> str:
    words = [one.word for one in found.findings]
    total = len(words)
    if found.strict and found.word != "worse" and found.exit_code == CODES["worse"]:
        return f"changed: {_rules(found.otherwise)}"
    if found.word == "identical":
        return f"no regression: all {total} configurations are identical to the baseline"
    if "worse" in words:
        return f"regression: {words.count('worse')} of {total} configurations are worse"
    if found.word == "worse":
        return f"regression: no single one of {total} configurations is for sure, all together are"
    if all(one.note == ABSENT for one in found.findings):
        return "cannot tell: these results have no configuration of the baseline"
    unsure = [one for one in found.findings if one.word == "cannot tell"]
    if unsure and all(one in found.mismeasured and not one.doubts for one in unsure):
        return f"cannot tell: {len(unsure)} of {total} configurations are measured otherwise"
    if found.word == "cannot tell":
        return (
            f"cannot tell: {words.count('cannot tell')} of {total} configurations may be worse "
            f"by more than {found.margin:.0%}, or not"
        )
    return (
        f"no regression: {words.count('identical')} of {total} configurations are identical to "
        f"the baseline, {words.count('same')} the same within {found.margin:.0%}"
    )


def _lost(found: Check) -> list[str]:
    """Runs that are newly lost, even where they are too few to fail."""
    some = [one for one in found.findings if one.lost]
    told = [m for m in found.pooled if m.name == LOST and m.word != "worse"]
    if not some or (not told and found.pooled):
        return []
    total = sum(one.seeds for one in found.findings)
    names = [f"{one.name}: {one.lost} of {one.seeds}" for one in some]
    return [f"note: {sum(one.lost for one in some)} of {total} runs newly diverge: {_few(names)}"]


def _changed(found: Check) -> list[str]:
    if not found.changed:
        return []
    names = [one.name for one in found.changed]
    epoch, gap = max((c.early for c in found.changed if c.early), key=lambda e: e[1])
    return [
        f"note: the update rule changed: {_rules(found.changed)}: early losses of {len(names)} of "
        f"{len(found.findings)} configurations differ by up to {_percent(gap)} (epoch {epoch}), "
        f"which rounding does not do there: {_few(names)}"
    ]


def _mismeasured(found: Check) -> list[str]:
    if not found.mismeasured:
        return []
    names = sorted({one.metric[0] for one in found.mismeasured if one.metric})
    gap = max(one.metric[1] for one in found.mismeasured if one.metric)
    return [
        f"note: what is measured changed: {', '.join(names)} of {len(found.mismeasured)} "
        f"configurations differ by up to {_percent(gap)}, although early training losses agree: "
        f"{_few([one.name for one in found.mismeasured])}"
    ]


def _ended(found: Check) -> list[str]:
    """Whether seeds without early records end otherwise where those with them do not."""
    if not found.ended:
        return []
    seeds = sum(one.ended[0] for one in found.ended if one.ended)
    gap = max(one.ended[1] for one in found.ended if one.ended)
    return [
        f"note: {len(found.ended)} of {len(found.findings)} configurations end otherwise in "
        f"{seeds} runs, by up to {_percent(gap)}, although the seeds with early records agree to "
        "the end: "
        "another rule that these do not show, or rounding that grew: "
        f"{_few([one.name for one in found.ended])}"
    ]


def _rounded(found: Check) -> list[str]:
    """Whether bits differ for no reason but rounding, as far as can be told, and whose."""
    count = sum(one.word != "identical" and one.early is None for one in found.findings)
    told = found.changed or found.mismeasured or found.ended
    if not count or told or found.word == "cannot tell":
        return []
    if found.other:
        whose = f"{' and '.join(found.other)} differ from the baseline's"
    else:
        whose = (
            "on the baseline's processor, NumPy and BLAS, so the order of operations changed, "
            "or what acts after the early records"
        )
    return [f"note: {count} of {len(found.findings)} configurations round otherwise: {whose}"]


def _rules(some: Sequence[Finding]) -> str:
    """The rules of some configurations, each once."""
    return "the numbers of " + ", ".join(dict.fromkeys(one.rule for one in some))


def _told(one: Finding, word: Word) -> str:
    parts = [one.note] if one.note else []
    parts += [_measured(m) for m in one.measures if m.word == word]
    if one.measures:
        parts.append("1 seed" if one.seeds == 1 else f"{one.seeds} seeds")
    return "; ".join(parts)


def _measured(m: Measure) -> str:
    if m.text:
        return m.text
    say = (lambda gap: f"{gap:.3g}") if m.score else _times
    text = f"{m.name} is {say(m.ratio)} {'worse than' if m.score else ''} the baseline's"
    text = " ".join(text.split())
    if m.low < m.high:
        text += f" ({say(m.low)} to {say(m.high)})"
    if m.word == "cannot tell":
        text += f"; about {m.needed} seeds might tell" if m.needed else "; more seeds are needed"
    return text


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if math.isfinite(ratio) else "∞ times"


def _percent(gap: float) -> str:
    return f"{gap:.2g}" if math.isfinite(gap) else "∞"


def _few(names: Sequence[str], most: int = 3) -> str:
    rest = len(names) - most
    return "; ".join(names[:most]) + (f"; and {rest} more" if rest > 0 else "")
