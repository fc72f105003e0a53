"""What is told of seconds: differences that spreads leave no doubt of, and no others."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.tables.costs import COLUMNS, told

# seconds of an epoch (median, low, high) of adam beside sgd's 1.0 from 0.9 to 1.1 -> what is told
CASES: dict[str, tuple[tuple[float, float, float], str]] = {
    "spreads overlap": ((5.0, 1.05, 9.0), ""),
    "spreads touch": ((5.0, 1.1, 9.0), ""),
    "apart, but hardly": ((1.3, 1.2, 1.4), ""),
    "apart": ((3.0, 2.2, 3.6), "adam takes 2.0 to 4.0 times as long as one of sgd"),
    "the other way": ((0.25, 0.22, 0.3), "sgd takes 3.0 to 5.0 times as long as one of adam"),
    "not measured": ((float("nan"),) * 3, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_difference_is_told_where_spreads_are_apart(case: str) -> None:
    seconds, text = CASES[case]
    rows = [["p", "sgd", 1.0, 0.9, 1.1], ["p", "adam", *seconds]]
    lines = told(pd.DataFrame(rows, columns=COLUMNS))
    assert len(lines) == bool(text)
    assert text in "".join(lines)


def test_rules_are_compared_within_a_problem() -> None:
    rows = [["p", "sgd", 1.0, 0.9, 1.1], ["q", "adam", 90.0, 80.0, 99.0]]
    assert told(pd.DataFrame(rows, columns=COLUMNS)) == []
