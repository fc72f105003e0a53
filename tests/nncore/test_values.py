"""The values that settings may have: which are in, which part of another is wrong, and its form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from nncore.values import (
    NUMBER,
    POSITIVE,
    TABLE,
    TEXT,
    YES_OR_NO,
    Values,
    either,
    many,
    one_of,
    record,
    row,
    table_of,
    values_of,
    whole,
)

NAN, INF = float("nan"), float("inf")
FULL = either(whole(1), one_of("full"))
SEEDS = either(whole(1, 9), many(whole(0), least=1, most=3))
TRIAL = record({"a": whole(0), "b": many(TEXT), "c": NUMBER}, optional=("c",))

# Values; some that are in, with their form; some that are not, with the part that is told.
CASES: dict[str, tuple[Values, list[tuple[Any, Any]], list[tuple[Any, Any]]]] = {
    "number": (
        NUMBER,
        [(1, 1.0), (-0.5, -0.5), (-0.0, 0.0)],
        [(v, v) for v in (True, "1", NAN, INF, 10**400, None, [1.0])],
    ),
    "positive": (POSITIVE, [(2, 2.0), (5e-324, 5e-324)], [(v, v) for v in (0, -1, NAN, True, "1")]),
    "text": (TEXT, [("", ""), ("a", "a")], [(v, v) for v in (1, None, ["a"])]),
    "yes or no": (YES_OR_NO, [(True, True)], [(v, v) for v in (1, 0, "true", None)]),
    "table": (TABLE, [({}, {}), ({"a": 1}, {"a": 1})], [([], []), ({1: 2}, {1: 2})]),
    "whole": (whole(1, 9), [(1, 1), (9, 9)], [(v, v) for v in (0, 10, 1.0, True, "1", NAN)]),
    "from": (whole(3), [(10**30, 10**30)], [(2, 2)]),
    "one of": (one_of("x", "y"), [("x", "x")], [(v, v) for v in ("z", "", 1, ["x"])]),
    "many": (many(NUMBER, least=1), [([1, 2.5], [1.0, 2.5])], [([], []), (3, 3), ([1, "x"], "x")]),
    "at most": (many(TEXT, most=2), [([], []), (["a"], ["a"])], [(["a"] * 3, ["a"] * 3)]),
    "row": (row(TEXT, whole(0)), [(["a", 1], ["a", 1])], [(["a"], ["a"]), (["a", -1], -1)]),
    "table of": (
        table_of(NUMBER, keys=one_of("x", "y")),
        [({}, {}), ({"x": 1}, {"x": 1})],
        [({"z": 1}, "z"), ({"x": "1"}, "1"), ([], [])],
    ),
    "record": (
        TRIAL,
        [({"a": 1, "b": []}, {"a": 1, "b": []}), ({"a": 1, "b": [], "c": None},) * 2],
        [
            ({"a": 1}, {"a": 1}),
            ({"a": 1, "b": [3]}, 3),
            ({"a": 1, "b": [], "d": 1},) * 2,
            ("a",) * 2,
        ],
    ),
    "required but None": (TRIAL, [], [({"a": None, "b": []},) * 2]),
    "either": (FULL, [(5, 5), ("full", "full")], [(v, v) for v in (0, "ful", True, [1])]),
    # What is told is of the kind that was meant.
    "the nearest": (SEEDS, [(9, 9), ([0, 2], [0, 2])], [([1, -2], -2), ([], []), ("x", "x")]),
}


@pytest.mark.parametrize("name", CASES)
def test_which_values_there_are(name: str) -> None:
    values, right, wrong = CASES[name]
    for value, form in right:
        assert value in values
        assert repr(values.form(value)) == repr(form)
    for value, part in wrong:
        assert value not in values
        assert repr(values.faults(value)[0]) == repr(part)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (whole(1), "a whole number from 1"),
        (whole(0, 10_000), "a whole number from 0 to 10,000"),
        (FULL, 'a whole number from 1, or "full"'),
        (one_of("x", "y"), '"x" or "y"'),
        (many(TEXT).saying("a list of files"), "a list of files"),
    ],
)
def test_words(values: Values, words: str) -> None:
    assert values.words == words


@dataclass
class Settings:
    epochs: Annotated[int, whole(1)]
    comment: str
    scale: Annotated[float | None, "in metres", POSITIVE] = None


def test_a_class_says_what_its_fields_may_be() -> None:
    assert list(values_of(Settings)) == ["epochs", "scale"]
    assert values_of(Settings)["scale"] is POSITIVE
