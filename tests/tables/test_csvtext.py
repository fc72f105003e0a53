"""Numbers as CSV text: the bytes that pandas writes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.tables import csvtext

FLOATS = arrays.arrays("f8", 40, elements=st.floats(width=64) | st.sampled_from([0.0, -0.0, 0.5]))
INTEGERS = arrays.arrays("i8", 40)


@given(FLOATS, FLOATS, INTEGERS)
def test_the_same_bytes_as_pandas(a: object, b: object, i: object) -> None:
    frame = pd.DataFrame({"i": i, "a": a, "b": b})
    assert csvtext.body(frame) == frame.to_csv(index=False, header=False, lineterminator="\n")


POWERS = np.array([float(f"1e{k}") for k in range(-323, 309)])
BITS = np.random.default_rng(0).integers(-(2**63), 2**63, 300_000)
NUMBERS = {
    "any bits": BITS.view("f8"),
    "losses": np.exp(np.random.default_rng(1).normal(0, 8, 300_000)),
    "powers of ten and their neighbours": np.concatenate(
        [np.nextafter(POWERS, 0), POWERS, -POWERS, np.nextafter(POWERS, np.inf)]
    ),
    "whole": np.concatenate([2.0 ** np.arange(-1074, 1024), np.arange(100_000.0), [-0.0]]),
    "of float32": np.exp(np.random.default_rng(2).normal(0, 8, 300_000)).astype("f4").astype("f8"),
    "integers": BITS,
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_number_is_written_as_python_writes_it(kind: str) -> None:
    values = NUMBERS[kind]
    expected = ["" if value != value else repr(value) for value in values.tolist()]
    assert csvtext.body(pd.DataFrame({"a": values})).splitlines() == expected


def test_no_rows_are_no_text() -> None:
    assert csvtext.body(pd.DataFrame({"a": []})) == ""


@given(
    st.lists(st.tuples(st.text(), st.text(), st.integers(0, 9), st.integers(1, 4)), min_size=1),
    st.data(),
)
def test_shared_columns_are_quoted_as_pandas_does(
    trials: list[tuple[str, str, int, int]], data: st.DataObject
) -> None:
    rows = [
        (number, *names, configuration)
        for number, (*names, configuration, records) in enumerate(trials)
        for _ in range(records)
    ]
    leading = ["trial", "problem", "optimizer", "configuration"]
    frame = pd.DataFrame(rows, columns=leading)
    frame["loss"] = data.draw(arrays.arrays("f8", len(rows), elements=st.floats(width=64)))
    expected = frame.to_csv(index=False, header=False, lineterminator="\n")
    assert csvtext.body(frame, leading) == expected
