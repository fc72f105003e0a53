"""What a package's optimizer takes, read off its signature: no package is needed."""

from __future__ import annotations

from typing import Any

import pytest

from nncore.rules.bridges.arguments import OWN, Arguments, arguments


def descent(params: Any, lr=0.1, steps=3, delta=1.0, betas=(0.9, 2), learning_rate=0.5) -> None:  # type: ignore[no-untyped-def]
    """Takes whole numbers, others, a tuple of both, and two rates."""


@pytest.fixture
def taken() -> Arguments:
    return arguments("mine:descent", descent, given=["params"])


def test_the_first_rate_is_the_rate(taken: Arguments) -> None:
    assert taken.rate == "lr"
    assert taken.parameters["learning_rate"] == 0.1
    assert taken.parameters[f"{OWN}learning_rate"] == 0.5
    assert taken.aliases == {"lr": "learning_rate"}


@pytest.mark.parametrize(
    ("name", "value", "keywords"),
    [
        ("steps", 4.0, {"steps": 4}),
        ("steps", 2.5, {"steps": 2.5}),
        ("delta", 2.0, {"delta": 2.0}),
        ("delta", 1.0, {}),  # the default
        ("betas.1", 5.0, {"betas": (0.9, 5)}),
        ("betas.0", 0.5, {"betas": (0.5, 2)}),
    ],
)
def test_whole_numbers_stay_whole_where_the_default_is(
    taken: Arguments, name: str, value: float, keywords: dict[str, Any]
) -> None:
    found = taken.keywords({name: value}, {})
    assert repr(found) == repr(keywords)
