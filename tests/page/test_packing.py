"""What is packed comes out again: tables to every digit, curves to within their steps."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench.page import packing
from nncore.metrics import Quantity, quantity
from tests.page import unpack

LOSS, ACCURACY, R2 = (quantity(name) for name in ("loss", "accuracy", "r2"))
OPEN = Quantity("open", "lower", math.inf, "a metric without a best value")


def again(values: np.ndarray, what: Quantity) -> tuple[np.ndarray, dict]:
    blob = packing.Blob()
    head, data = unpack.opened(blob.text(packing.curves(blob, values, what)))
    found = list(unpack.curve_values(head, data, values.shape[1]))
    return np.array(found).reshape(values.shape), head


def close(found: np.ndarray, values: np.ndarray, base: float = 0.0, step: float = 0.0014) -> None:
    """Not finite values are the same; others are as far from the base, to within a step's half."""
    finite = np.isfinite(values)
    np.testing.assert_array_equal(found[~finite], values[~finite])
    away = np.abs(found[finite] - values[finite])
    # What is near the base of a score has lost digits to it before.
    assert (away <= step * np.abs(values[finite] - base) + 1e-15 * abs(base)).all()


WIDE = 10.0 ** np.random.default_rng(0).uniform(-40, 38, (200, 101))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (WIDE, LOSS),
        (np.where(WIDE > 1e20, np.inf, WIDE), LOSS),
        (np.where(WIDE < 1e-20, 0.0, WIDE), LOSS),
        (np.where(WIDE > 1e30, np.nan, WIDE), LOSS),
        (1 - np.where(WIDE > 1e5, 1.0, WIDE), R2),
        (np.log10(WIDE), OPEN),
        (np.where(np.log10(WIDE) < -39, -np.inf, np.log10(WIDE)), OPEN),
    ],
    ids=["losses", "infinities", "zeros", "missing", "scores", "both signs", "below all"],
)
def test_curves_are_within_a_quarter_of_a_percent(values: np.ndarray, what: Quantity) -> None:
    found, head = again(values, what)
    assert head["mode"] == "log"
    close(found, values, what.best or 0.0)


def test_a_range_beyond_16_bits_widens_the_steps_and_says_so() -> None:
    values = 10.0 ** np.random.default_rng(1).uniform(-300, 300, (50, 101))
    found, head = again(values, LOSS)
    assert head["step"] > packing.STEP
    assert packing.coarsest({"": head}) == head["step"]
    close(found, values, step=math.expm1(head["step"] / 2) + 1e-12)
    assert np.abs(found / values - 1).max() > 0.002  # the bound is no idle one


def test_few_values_are_exact() -> None:
    values = np.random.default_rng(2).integers(0, 301, (100, 101)) / 300
    values[3] = np.nan
    found, head = again(values, ACCURACY)
    assert head["mode"] == "exact"
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("values", [[[0.0]], [[np.nan, 0.5]], [[np.inf], [-np.inf]], [[1.0] * 9]])
def test_curves_of_little(values: list[list[float]]) -> None:
    array = np.array(values)
    for what in (LOSS, R2, OPEN):
        np.testing.assert_allclose(again(array, what)[0], array, rtol=0.0015)


@given(hnp.arrays(float, (6, 5), elements=st.floats(width=32)))
def test_any_curves(values: np.ndarray) -> None:
    found, head = again(values, OPEN)
    step = math.expm1(head.get("step", 0) / 2) + 1e-9
    close(found, values, step=step)


FRAME = pd.DataFrame(
    {
        "name": ["a", "<b>", "", 'é "x"'] * 3,
        "whole": pd.array([1, None, 2**53 - 1, -7] * 3, dtype="Int64"),
        "yes": pd.array([True, False, None, True] * 3, dtype="boolean"),
        "single": np.array([0.1, np.inf, -np.inf, np.nan] * 3, dtype=np.float32).astype(float),
        "double": [0.1, 1e-308, np.pi, np.nan] * 3,
        "many": np.random.default_rng(3).standard_normal(12),
        "objects": pd.Series([1, 2.5, None, 4] * 3, dtype=object),
        "mixed": pd.Series([1, "two", None, 4.5] * 3, dtype=object),
    }
)


def test_tables_keep_every_digit() -> None:
    blob = packing.Blob()
    found = unpack.table(*unpack.opened(blob.text(packing.frame(blob, FRAME))))
    assert list(found) == list(FRAME)
    for name in ("whole", "single", "double", "many", "objects"):
        expected = FRAME[name].astype("Float64" if name == "whole" else float)
        expected = expected.to_numpy(dtype=float, na_value=np.nan)
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
    assert found["name"] == FRAME["name"].tolist()
    assert found["yes"][:4] == ["True", "False", "", "True"]
    assert found["mixed"][:4] == ["1", "two", "", "4.5"]


def test_an_empty_table_has_its_columns() -> None:
    blob = packing.Blob()
    found = unpack.table(*unpack.opened(blob.text(packing.frame(blob, FRAME.iloc[:0]))))
    assert found == {name: [] for name in FRAME}
