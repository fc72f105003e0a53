"""Formulas: arithmetic as Python's, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.spec.formulas import formula

VALUES = {"a": 3.0, "b": 0.25, "wrap.sam.rho": 2.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("a - b - 1", 3.0 - 0.25 - 1),
        ("-a ** 2", -(3.0**2)),
        ("2 ** -b", 2**-0.25),
        ("(sqrt(a) - 1) / (sqrt(a) + 1)", (math.sqrt(3) - 1) / (math.sqrt(3) + 1)),
        ("log(a) * exp(b)", math.log(3) * math.exp(0.25)),
        ("abs(b - a) + min(a, b) * max(a, b)", 2.75 + 0.75),
        ("wrap.sam.rho / a", 2 / 3),
    ],
)
def test_it_computes_what_python_does(text: str, value: float) -> None:
    assert float(formula(text)(VALUES)) == pytest.approx(value, rel=1e-15)


def test_it_is_elementwise_and_warns_of_nothing() -> None:
    found = formula("a / b")({"a": np.array([1.0, 0.0, np.inf]), "b": np.array([2.0, 0.0, 1.0])})
    np.testing.assert_array_equal(found, [0.5, np.nan, np.inf])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a; b",
        "__import__('os')",
        "a.b()",
        "sqrt(a, b)",
        "sqrt(x=a)",
        "a if b else 1",
        "[a]",
        "'a'",
        "True",
        "a < b",
        "lambda: 1",
        "1j",
        "a @ b",
        "a % b",
        "10 ** 400 + " + "9" * 305,
        "+".join(["a"] * 200),
    ],
)
def test_nothing_else_is_a_formula(text: str) -> None:
    with pytest.raises(ValueError, match=r"formula|longer"):
        formula(text)
