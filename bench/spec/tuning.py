"""Tuning apart from evaluation: what `[tuning]` says, and random draws.

Configurations are chosen on tuning seeds by a criterion that never looks at test data, and judged
on evaluation seeds that the choice has not seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from bench.spec.expand import is_number
from bench.spec.mistakes import Mistakes, Table, check_field, show, unknown_keys
from nncore.metrics import TRAIN_LOSS, Columns, words
from nncore.streams import generator

if TYPE_CHECKING:
    pass


# Tuning seeds given as a number start here, above all that `seeds = 20` may count.
FIRST_SEED = 1_000_000


MOST_DRAWS = 100_000


DISTRIBUTIONS = ("log_uniform", "uniform", "choice")


CRITERION = re.compile(r"(final|best|time_to)_((?:train|validation)_\w+)")
FINAL_LOSS = f"final_{TRAIN_LOSS}"


PHASES = ("tuning", "evaluation")


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


def _is_criterion(text: str) -> str:
    parts_of(text)
    return text


class TuningTable(Table):
    """The `[tuning]` table of a spec."""

    n: Annotated[int, Field(ge=1, le=MOST_DRAWS)] = Field(
        1, description=f"how many random draws per optimizer, from 1 to {MOST_DRAWS:,}"
    )
    criterion: Annotated[str, AfterValidator(_is_criterion)] = Field(
        FINAL_LOSS,
        description="final_, best_ or time_to_ before a training or validation metric, such as "
        '"final_train_loss", "best_validation_accuracy" or "time_to_train_loss"; never test data',
    )
    seeds: (
        Annotated[int, Field(ge=1, le=FIRST_SEED)]
        | Annotated[list[Annotated[int, Field(ge=0, le=2**63 - 1)]], Field(min_length=1)]
    ) = Field(5, description="how many seeds to tune on, or a list of whole numbers from 0")


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


def read(table: Any, evaluation: Sequence[int], mistakes: Mistakes) -> Tuning | None:
    """The `[tuning]` table; notes what is wrong, seeds shared with `evaluation` among it."""
    if table is None:
        return None
    if not isinstance(table, dict):
        mistakes.add("tuning", f"is {show(table)}; must be a table, [tuning]")
        return None
    unknown_keys(table, TuningTable.model_fields, "tuning", mistakes)
    good = {
        key: value
        for key, value in table.items()
        if key in TuningTable.model_fields
        and check_field(TuningTable, key, value, f"tuning.{key}", mistakes)
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


def picks(rule: str, key: str, options: Sequence[Any], n: int) -> list[Any]:
    """`n` draws of a hyperparameter from `options`; streams as those of `draws`."""
    content = ["choice", *options]
    return [
        options[int(float(generator("tuning", rule, key, content, i).random()) * len(options))]
        if len(options) > 1
        else options[0]
        for i in range(n)
    ]


def draws(rule: str, key: str, kind: str, values: Sequence[float], n: int) -> list[float]:
    """`n` draws of a hyperparameter between the two ends of a range, `uniform` or `log_uniform`.

    Draw i depends on the rule, the key and the distribution alone, so that more draws keep the
    first and another range changes no other hyperparameter. Rounded to 6 digits, so that they are
    the same on every machine.

    >>> draws("adam", "learning_rate", "log_uniform", [1e-4, 1.0], 2)
    [0.00012465, 0.00917801]
    """
    content = [kind, *map(float, values)]
    found = []
    for i in range(n):
        u = float(generator("tuning", rule, key, content, i).random())
        low, high = values
        value = low + u * (high - low) if kind == "uniform" else low * (high / low) ** u
        found.append(float(f"{value:.6g}"))
    return found


def ends(kind: str, value: Any, path: str, mistakes: Mistakes) -> list[float]:
    """The checked ends of a range to draw from, empty where they are wrong."""
    if not (isinstance(value, list) and len(value) == 2 and all(map(is_number, value))):
        mistakes.add(path, f"is {show(value)}; must be two numbers, [low, high]")
    elif value[0] >= value[1]:
        mistakes.add(path, f"is {show(value)}; must have the lower end first")
    elif kind == "log_uniform" and value[0] <= 0:
        mistakes.add(path, f"is {show(value)}; both ends must be above 0")
    else:
        return [float(v) for v in value]
    return []
