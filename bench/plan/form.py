"""What a manifest looks like as JSON, whoever wrote it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.spec import claims as claiming
from bench.spec import judging
from bench.spec.names import ANY_NAME
from bench.spec.seeds import SEED
from bench.spec.tuning import KEYS
from nncore.metrics import EXTENDED, PRINTABLE, Quantity
from nncore.modifiers import modifiers
from nncore.trial import Problem
from nncore.values import (
    NUMBER,
    TABLE,
    TEXT,
    YES_OR_NO,
    Values,
    either,
    many,
    record,
    row,
    such,
    table_of,
    values_of,
    whole,
)


def _are_keys(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("([0-9a-f]{64})*", value) is not None


def _is_made_of(kinds: Sequence[Values], value: Any) -> bool:
    """Whether a value of JSON is made of lists, tables and these kinds of values alone."""
    if isinstance(value, dict | list):
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        return all(_is_made_of(kinds, part) for part in inside)
    return any(value in kind for kind in kinds)


# What definitions are made of; those that stand in tables and figures; and what a TOML file is.
DEFINED = (NUMBER, YES_OR_NO, TEXT)
SHOWN = (NUMBER, YES_OR_NO, PRINTABLE)
WRITTEN = (EXTENDED, YES_OR_NO, TEXT)


NUMERAL = whole(0, 2**63 - 1)  # what a table's column of integers holds
PROBLEM = record(
    values_of(Problem),
    optional=[f.name for f in dataclasses.fields(Problem) if f.default is not dataclasses.MISSING],
)
CONFIGURATION = record(
    {
        "rule": ANY_NAME,
        "hyperparameters": table_of(NUMBER, keys=ANY_NAME),
        **{name: modifier.values for name, modifier in modifiers.items()},
    },
    optional=modifiers,
)
FORM = record(
    {
        "name": ANY_NAME,
        "problems": many(row(ANY_NAME, PROBLEM)),
        "configurations": many(
            either(row(NUMERAL, ANY_NAME, CONFIGURATION), row(ANY_NAME, CONFIGURATION))
        ),
        "trials": such("a list", lambda value: isinstance(value, list)),
        "keys": such("keys", _are_keys),
        "texts": record({"problems": many(TEXT), "configurations": many(TEXT)}),
        "targets": table_of(table_of(NUMBER, keys=ANY_NAME), keys=ANY_NAME),
        "fixed": many(ANY_NAME),
        "spec": TABLE,
        "tuning": record({**KEYS, "seeds": many(SEED)}, optional=("n", "criterion")),
        "metrics": many(record(values_of(Quantity), optional=("best", "shown", "only"))),
        "recorded": table_of(many(TEXT), keys=ANY_NAME),
        "timed": table_of(many(row(ANY_NAME, NUMBER)), keys=ANY_NAME),
        "judged": table_of(record(judging.OWN), keys=ANY_NAME),
        "remarks": table_of(many(PRINTABLE), keys=ANY_NAME),
        "defaults": table_of(table_of(NUMBER, keys=ANY_NAME), keys=ANY_NAME),
        "claims": many(claiming.FORM, most=claiming.MOST),
    },
    optional=(
        *("keys", "texts", "tuning", "metrics", "recorded", "timed", "judged"),
        *("remarks", "defaults", "claims"),
    ),
)


def check(values: Mapping[str, Any]) -> None:
    """Raise ValueError for what is not the JSON of a manifest."""
    if faults := FORM.faults(values):
        raise ValueError(f"is no manifest: {faults[0]!r:.60}")
    for kinds, tables in ((DEFINED, values["problems"]), (SHOWN, values["configurations"])):
        given = [value for *_, table in tables for value in table.values() if value is not None]
        if not _is_made_of(kinds, given):
            raise ValueError("is no manifest: it has values that no spec has")
    if not _is_made_of(WRITTEN, values["spec"]):
        raise ValueError("is no manifest: its spec is none")
    judging.check(values["spec"])
