"""Curves over seconds are those over epochs, each optimizer's on the scale of its rule's price."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.figures.material import Material
from bench.figures.pages.curves import curves_figure
from bench.figures.pages.seconds import measured, seconds_figure
from tests.figures.drawn import caption, laid_out, material


def lines(figure: Any) -> dict[str, Any]:
    """The finite points of the first panel's lines, by what they are called."""
    found = {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines()}
    return {name: points[np.isfinite(points).all(axis=1)] for name, points in found.items()}


def priced(factor: float) -> Material:
    given = material("normal")
    costs = given.tables.costs.copy()
    columns = [name for name in costs if name.endswith("_seconds")]
    costs[columns] *= factor
    return replace(given, tables=replace(given.tables, costs=costs))


@pytest.mark.parametrize(
    ("factor", "unit", "units"),
    [(1e3, "seconds", 1), (1.0, "milliseconds", 1e3), (1e-3, "microseconds", 1e6)],
)
def test_a_point_is_its_epochs_times_its_price(factor: float, unit: str, units: float) -> None:
    given = priced(factor)
    figure = laid_out(lambda: seconds_figure(given, "spiral"))
    over, before = lines(figure), lines(laid_out(lambda: curves_figure(given, "spiral")))
    costs = given.tables.costs.set_index(["problem", "rule"])["epoch_seconds"]
    rules = given.tables.best.set_index("optimizer")["rule"].to_dict()
    checked = 0
    for name in rules.keys() & over.keys():
        expected = before[name] * [costs["spiral", rules[name]] * units, 1]
        np.testing.assert_allclose(over[name], expected, rtol=1e-12)
        checked += 1
    assert checked == 3
    assert figure.axes[0].get_xlabel() == unit


def test_the_small_print_tells_what_spreads_tell() -> None:
    text = caption(laid_out(lambda: seconds_figure(material("normal"), "spiral")))
    assert "an epoch of adam takes 1.7 to 9.3 times as long as one of sgd" in text


def test_without_a_measurement_there_is_no_figure() -> None:
    assert [key for (key,) in measured(material("normal"))] == ["spiral", "log_linear", "neuron"]
    assert list(measured(priced(float("nan")))) == []
