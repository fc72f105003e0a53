"""Tuning apart from evaluation: what `[tuning]` says.

Configurations are chosen on tuning seeds by a criterion that never looks at test data, and judged
on evaluation seeds that the choice has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.spec.judging import NAMED, is_test
from bench.spec.mistakes import Mistakes, unknown_keys
from bench.spec.seeds import SEED
from nncore.values import either, many, such, whole

# Tuning seeds given as a number start here, above all that `seeds = 20` may count.
FIRST_SEED = 1_000_000
MOST_DRAWS = 100_000
PHASES = ("tuning", "evaluation")
KEYS = {
    "n": whole(1, MOST_DRAWS).saying(
        f"how many random draws per optimizer, from 1 to {MOST_DRAWS:,}"
    ),
    "criterion": such(
        "final_, best_ or time_to_ before a training or validation metric, such as "
        '"final_train_loss", "best_validation_accuracy" or "time_to_train_loss"; never test data',
        lambda value: (
            isinstance(value, str) and NAMED.fullmatch(value) is not None and not is_test(value)
        ),
    ),
    "seeds": either(whole(1, FIRST_SEED), many(SEED, least=1)).saying(
        "how many seeds to tune on, or a list of whole numbers from 0"
    ),
}


@dataclass(frozen=True)
class Tuning:
    """Seeds to choose configurations on, the criterion, and how many draws (None: the grid).

    Without a criterion, problems are tuned by the metric that they are judged by.
    """

    seeds: tuple[int, ...]
    criterion: str | None = None
    n: int | None = None


def read(table: Mapping[str, Any], evaluation: Sequence[int], mistakes: Mistakes) -> Tuning:
    """The `[tuning]` table; notes what is wrong, seeds shared with `evaluation` among it."""
    unknown_keys(table, KEYS, "tuning", mistakes)
    good = {
        key: value
        for key, value in table.items()
        if key in KEYS and mistakes.expect(KEYS[key], value, f"tuning.{key}")
    }
    seeds = good.get("seeds", 5)
    found = tuple(range(FIRST_SEED, FIRST_SEED + seeds)) if isinstance(seeds, int) else tuple(seeds)
    if both := sorted({*found} & {*evaluation}):
        mistakes.add(
            "tuning.seeds",
            f"has {both[0]}, which is one of the evaluation seeds (`seeds`) too; "
            "configurations must be judged on seeds that the choice has not seen",
        )
    if len({*found}) < len(found):
        mistakes.add("tuning.seeds", "has a seed more than once; seeds must be distinct")
    return Tuning(found, good.get("criterion"), good.get("n"))
