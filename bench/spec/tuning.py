"""Tuning apart from evaluation: what `[tuning]` says.

Configurations are chosen on tuning seeds by a criterion that never looks at test data, and judged
on evaluation seeds that the choice has not seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.spec.mistakes import Mistakes, unknown_keys
from bench.spec.seeds import SEED
from nncore.metrics import TRAIN_LOSS, Columns, words
from nncore.values import either, many, such, whole

# Tuning seeds given as a number start here, above all that `seeds = 20` may count.
FIRST_SEED = 1_000_000
MOST_DRAWS = 100_000
CRITERION = re.compile(r"(final|best|time_to)_((?:train|validation)_\w+)")
FINAL_LOSS = f"final_{TRAIN_LOSS}"
PHASES = ("tuning", "evaluation")
KEYS = {
    "n": whole(1, MOST_DRAWS).saying(
        f"how many random draws per optimizer, from 1 to {MOST_DRAWS:,}"
    ),
    "criterion": such(
        "final_, best_ or time_to_ before a training or validation metric, such as "
        '"final_train_loss", "best_validation_accuracy" or "time_to_train_loss"; never test data',
        lambda value: isinstance(value, str) and CRITERION.fullmatch(value) is not None,
    ),
    "seeds": either(whole(1, FIRST_SEED), many(SEED, least=1)).saying(
        "how many seeds to tune on, or a list of whole numbers from 0"
    ),
}


def parts_of(criterion: str) -> tuple[str, str]:
    """What a criterion looks at and in which metric; raises ValueError for what is none.

    >>> parts_of("final_train_loss"), parts_of("time_to_validation_accuracy")
    (('final', 'train_loss'), ('time_to', 'validation_accuracy'))
    """
    found = CRITERION.fullmatch(criterion)
    if found is None:
        raise ValueError(f"{criterion} is no criterion")
    kind, metric = found.groups()
    return kind, metric


@dataclass(frozen=True)
class Tuning:
    """Seeds to choose configurations on, the criterion, and how many draws (None: the grid)."""

    seeds: tuple[int, ...]
    criterion: str = FINAL_LOSS
    n: int | None = None

    def words(self, metrics: Columns) -> str:
        """The criterion in a sentence; `metrics` has its column."""
        kind, metric = parts_of(self.criterion)
        if kind == "time_to":
            return f"shortest median time to the target of the {words(metric, metrics)}"
        way = "lowest" if metrics[metric].lower else "highest"
        return f"{way} median {kind} {words(metric, metrics)}"


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
    return Tuning(found, good.get("criterion", FINAL_LOSS), good.get("n"))
