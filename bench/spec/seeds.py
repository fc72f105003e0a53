"""Which seeds an experiment has: a number of them, a list, or as many as it takes; `seeds`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.spec.mistakes import Mistakes, unknown_keys
from nncore.values import either, many, one_of, record, whole

MOST_SEEDS = 1_000_000
SEED = whole(0, 2**63 - 1)  # what a database column holds
KEY = "seeds"
FIELDS = {
    "until": one_of("decided"),
    "least": whole(2, MOST_SEEDS).saying("how many seeds at first, a whole number from 2"),
    "most": whole(2, MOST_SEEDS).saying("how many seeds in all, a whole number from 2"),
}
UNTIL = record(FIELDS, optional=("least", "most"))
VALUES = either(whole(1, MOST_SEEDS), many(SEED, least=1, most=MOST_SEEDS), UNTIL).saying(
    "how many seeds (20 means 0 to 19), a list of whole numbers from 0, or "
    '{ until = "decided", least = 10, most = 200 }'
)


@dataclass(frozen=True)
class UntilDecided:
    """Seeds in rounds until every pair of optimizers is decided: `least` at first, `most` in all.

    >>> UntilDecided(10, 70).rounds
    (10, 20, 30, 40, 50, 62, 70)
    """

    least: int = 10
    most: int = 200

    @property
    def rounds(self) -> tuple[int, ...]:
        """How many seeds there are after each round.

        A round adds `least` seeds, or a quarter of those there are where that is more: rounds
        remain few, and few seeds are wasted by looking late.
        """
        found = [self.least]
        while found[-1] < self.most:
            found.append(min(self.most, found[-1] + max(self.least, found[-1] // 4)))
        return tuple(found)


def until_of(spec: Mapping[str, Any]) -> UntilDecided | None:
    """The rounds that a spec asks for; None where its seeds are fixed.

    >>> until_of({"seeds": {"until": "decided", "most": 50}}), until_of({"seeds": 20})
    (UntilDecided(least=10, most=50), None)
    """
    value = spec.get(KEY)
    if not isinstance(value, Mapping) or value not in UNTIL:
        return None
    return UntilDecided(**{k: v for k, v in value.items() if k != "until" and v is not None})


def read(value: Any, mistakes: Mistakes) -> tuple[int, ...]:
    """The seeds that `value` may name; (0,) where it is wrong, so that the rest can be checked."""
    if isinstance(value, dict) and "until" in value:
        return _until(value, mistakes)
    if not mistakes.expect(VALUES, value, KEY):
        return (0,)
    seeds = tuple(range(value)) if isinstance(value, int) else tuple(value)
    [(seed, times)] = Counter(seeds).most_common(1)
    if times > 1:
        mistakes.add(KEY, f"has {seed} more than once; seeds must be distinct")
    return seeds


def _until(table: dict[str, Any], mistakes: Mistakes) -> tuple[int, ...]:
    before = mistakes.count
    unknown_keys(table, FIELDS, KEY, mistakes)
    for key, values in FIELDS.items():
        if key in table:
            mistakes.expect(values, table[key], f"{KEY}.{key}")
    if mistakes.count > before:
        return (0,)
    found = until_of({KEY: table})
    assert found is not None
    if found.most < found.least:
        what = f"is {found.most}; must be at least {found.least}, which is {KEY}.least"
        mistakes.add(f"{KEY}.most", what)
        return (0,)
    return tuple(range(found.most))
